//! The connections of one walk: datasets in one database that are reached in one way are read over one connection, and so
//! in one snapshot.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::Executor;

use super::database::Opening;
use super::engine::Engine;
use super::gate::Permit;
use super::link::Link;
use super::settings::Server;
use crate::source::ReadError;
use crate::source::stop::Watch;

/// The connections of a walk to servers of one kind.
pub(in crate::source) struct Shared<E: Engine>(Vec<Taken<E>>)
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>;

/// A connection that several datasets use, one at a time.
pub(super) type SharedLink<E> = Rc<RefCell<Link<E>>>;

/// A connection, and when its snapshot was taken.
struct Taken<E: Engine>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    server: Server,
    database: Option<String>,
    link: SharedLink<E>,
    at: Timestamp,
    permit: Rc<Permit>,
}

impl<E: Engine> Default for Shared<E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: Engine> Shared<E>
where
    for<'c> &'c mut <E::Db as sqlx::Database>::Connection: Executor<'c, Database = E::Db>,
{
    /// The connection for a dataset, made now if there is none, and when its snapshot was taken.
    pub(super) fn link(&mut self, opening: &Opening<'_>) -> Result<(SharedLink<E>, Timestamp), ReadError> {
        let (server, database) = (opening.server.anywhere(), opening.server.database_in(opening.namespace.0));
        let same = |taken: &&Taken<E>| taken.server == server && taken.database.as_deref() == database;
        if let Some(taken) = self.0.iter().find(same) {
            return Ok((Rc::clone(&taken.link), taken.at));
        }
        let watch = Watch::new(opening.stop, Some(server.limits.snapshot_max));
        // One permit is for all connections of the walk to one system.
        let permit = match self.0.iter().find(|taken| Arc::ptr_eq(taken.permit.gate(), opening.gate)) {
            Some(taken) => Rc::clone(&taken.permit),
            None => Rc::new(opening.gate.enter(&watch, server.limits.connect_timeout)?),
        };
        let link = Link::open(&server, database, Rc::clone(&permit), watch)?;
        let link = Rc::new(RefCell::new(link));
        let (database, at) = (database.map(str::to_owned), opening.clock.now());
        self.0.push(Taken { server, database, link: Rc::clone(&link), at, permit });
        Ok((link, at))
    }
}
