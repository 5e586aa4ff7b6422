//! The state in PostgreSQL, which several gateways share.
//!
//! `jobs` runs what writes, `questions` what reads, both over the bounded connections of `pool`; `connect` makes one,
//! `news` tells other gateways what changed and hears it from them.
//!
//! Deleted rows stay in the database's files and log until it gives their space to others: `VACUUM` is the database's.
//! What counts is that a case's wrapped key is gone, without which nothing that was sealed under it can be read.

mod connect;
mod jobs;
mod news;
mod pool;
mod questions;

use std::sync::Arc;

use tributary_transport::tasks::Tasks;

use super::{StoreError, migrations};
use crate::config::Postgres;

pub(super) use connect::connect;
pub(super) use jobs::Jobs;
pub(super) use news::News;
use pool::Connections;
pub(super) use pool::Lent;
pub(super) use questions::{Questions, View};

/// Of the configured connections, those that answer questions; the others run jobs.
fn for_questions(connections: u32) -> u32 {
    (connections * 3 / 8).max(1)
}

/// Connects, and checks that the schema is the one this version knows.
pub(super) async fn open(settings: &Postgres, news: Arc<News>, tasks: &Tasks) -> Result<(Jobs, Questions), StoreError> {
    let mut conn = connect(settings).await?;
    migrations::check_postgres(&mut conn).await?;
    drop(conn);
    let questions = for_questions(settings.connections);
    let jobs = settings.connections.saturating_sub(questions).max(1);
    let jobs = Connections::new(settings.clone(), jobs);
    news.start(settings, &jobs, tasks);
    let questions = Questions::new(Connections::new(settings.clone(), questions), tasks.clone());
    Ok((Jobs::new(jobs, news, tasks.clone()), questions))
}
