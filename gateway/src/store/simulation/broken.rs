//! Ways to break the product on purpose, each of which the simulation must find: what it does not find, it is not for.
//!
//! The store is broken from outside, by triggers in its database; a process is broken where the simulation plays it.

use super::Violation;
use super::look::look;
use super::work::Attempt;
use crate::store::sql::vals;
use crate::store::{Claim, Store};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    /// One kind of write does not match on the token of the lease.
    Tokens(&'static str),
    /// A process that does not know whether its write was kept takes its object away.
    Doubt,
    /// The database itself.
    Store(&'static str),
}

impl Broken {
    /// Whether the store is to let a stale attempt do this.
    pub(super) fn lets(&self, what: &str) -> bool {
        matches!(self, Self::Tokens(write) if *write == what)
    }

    pub(super) fn removes_in_doubt(&self) -> bool {
        *self == Self::Doubt
    }

    /// Breaks the store of a bench.
    pub(super) async fn install(&self, store: &Store) -> Result<(), Violation> {
        let Self::Store(trigger) = *self else { return Ok(()) };
        Ok(store.write("break", move |tx| Box::pin(async move { tx.run(trigger, &[]).await.map(drop) })).await?)
    }

    /// The token of a claim, if it is needed.
    pub(super) async fn token(&self, store: &Store, claim: &Claim) -> Result<Option<String>, Violation> {
        if !matches!(self, Self::Tokens(_)) {
            return Ok(None);
        }
        let seen = look(store).await?;
        Ok(seen.tasks[&(claim.case, claim.entity.clone())].lease_token.clone())
    }

    /// Lets the next write of a stale attempt pass.
    pub(super) async fn steal(&self, store: &Store, attempt: &Attempt) -> Result<(), Violation> {
        let sql = "UPDATE tasks SET lease_token = $3 WHERE case_id = $1 AND entity = $2";
        let values = vals![attempt.claim.case, &attempt.claim.entity, attempt.token.clone()];
        Ok(store.write("steal", move |tx| Box::pin(async move { tx.run(sql, &values).await.map(drop) })).await?)
    }
}

/// Writes of an attempt, each of which the store takes from the holder of a lease only.
pub(super) const WRITES: &[&str] = &[
    "locate",
    "start an export",
    "begin a generation",
    "keep what tells of a table",
    "stage a part",
    "say that an entity waits",
    "keep an attestation",
    "record a failure",
    "renew",
    "release",
];

/// Breaks of the store, by the promise that each of them breaks.
pub(super) const STORES: &[(&str, &str)] = &[
    (
        "a claim lasts as long as it says",
        "CREATE TRIGGER broken AFTER UPDATE OF lease_until ON tasks WHEN NEW.lease_token IS NOT NULL BEGIN \
         UPDATE tasks SET lease_until = 1 WHERE case_id = NEW.case_id AND entity = NEW.entity; END",
    ),
    (
        "a cancelled case takes the leases of its tasks away",
        "CREATE TRIGGER broken AFTER UPDATE OF state ON tasks WHEN NEW.state = 'CANCELLED' BEGIN \
         UPDATE tasks SET lease_token = OLD.lease_token, lease_until = OLD.lease_until \
         WHERE case_id = NEW.case_id AND entity = NEW.entity; END",
    ),
    (
        "a cancelled case loses its key",
        "CREATE TRIGGER broken AFTER UPDATE OF content_key ON cases WHEN NEW.content_key IS NULL BEGIN \
         UPDATE cases SET content_key = OLD.content_key WHERE case_id = NEW.case_id; END",
    ),
    (
        "no event is lost",
        "CREATE TRIGGER broken AFTER INSERT ON events WHEN NEW.cursor = 6 BEGIN \
         DELETE FROM events WHERE case_id = NEW.case_id AND cursor = NEW.cursor; END",
    ),
    (
        "history is never changed",
        "CREATE TRIGGER broken AFTER INSERT ON events WHEN NEW.cursor > 5 BEGIN \
         UPDATE events SET at = at + 1 WHERE case_id = NEW.case_id AND cursor = NEW.cursor - 3; END",
    ),
    (
        "a new generation drops what was staged of the old one",
        "CREATE TRIGGER broken AFTER DELETE ON parts WHEN (SELECT state FROM tasks WHERE case_id = OLD.case_id AND \
         entity = OLD.entity) = 'EXPORTING' BEGIN INSERT INTO parts VALUES (OLD.case_id, OLD.entity, OLD.part + 50, \
         OLD.object, OLD.descriptor); END",
    ),
    (
        "an archive that was written is never written again",
        "CREATE TRIGGER broken AFTER UPDATE OF delivered_at ON archives BEGIN UPDATE archives SET size = size + 1 \
         WHERE case_id = NEW.case_id AND sequence = NEW.sequence; END",
    ),
    (
        "an answer that lost its key leaves its parts to the archive that carries them",
        "CREATE TRIGGER broken AFTER INSERT ON carried_parts BEGIN DELETE FROM carried_parts \
         WHERE case_id = NEW.case_id AND entity = NEW.entity; END",
    ),
    (
        "agents are told that exports are over",
        "CREATE TRIGGER broken AFTER INSERT ON finishes BEGIN \
         DELETE FROM finishes WHERE instruction = NEW.instruction; END",
    ),
    (
        "an instruction that is repeated says the same",
        "CREATE TRIGGER broken AFTER UPDATE OF person ON cases WHEN NEW.person IS NOT NULL BEGIN \
         UPDATE tasks SET identifiers = identifiers + 1 WHERE case_id = NEW.case_id; END",
    ),
    (
        "a retry that needs no new instruction gives none",
        "CREATE TRIGGER broken AFTER UPDATE OF generation ON tasks WHEN NEW.generation > OLD.generation AND \
         OLD.generation > 0 BEGIN UPDATE tasks SET export_instruction = locate_instruction \
         WHERE case_id = NEW.case_id AND entity = NEW.entity; END",
    ),
    (
        "a late answer becomes an addendum",
        "CREATE TRIGGER broken AFTER INSERT ON archives WHEN NEW.sequence > 1 BEGIN \
         DELETE FROM archives WHERE case_id = NEW.case_id AND sequence = NEW.sequence; END",
    ),
    (
        "a failed attempt is made again",
        "CREATE TRIGGER broken AFTER UPDATE OF misses ON tasks WHEN NEW.misses > 0 BEGIN UPDATE tasks \
         SET next_attempt_at = NEW.next_attempt_at + 86400000 WHERE case_id = NEW.case_id AND entity = NEW.entity; END",
    ),
    (
        "bytes go when their time is over",
        "CREATE TRIGGER broken AFTER UPDATE OF shredded_at ON archives BEGIN UPDATE archives SET shredded_at = NULL, \
         pieces = OLD.pieces, draft = OLD.draft WHERE case_id = NEW.case_id AND sequence = NEW.sequence; END",
    ),
    (
        "nothing goes before its time",
        "CREATE TRIGGER broken AFTER UPDATE OF delivered_at ON archives BEGIN UPDATE archives SET shredded_at = 1 \
         WHERE case_id = NEW.case_id AND sequence = NEW.sequence; END",
    ),
    (
        "a case is closed when everybody has answered",
        "CREATE TRIGGER broken AFTER UPDATE OF state ON cases WHEN NEW.state = 'DELIVERED_INCOMPLETE' BEGIN \
         UPDATE cases SET state = 'CLOSED' WHERE case_id = NEW.case_id; END",
    ),
    (
        "nothing of a person stands in clear",
        "CREATE TRIGGER broken AFTER INSERT ON cases BEGIN UPDATE cases SET trace = 'anna.marker@example.org' \
         WHERE case_id = NEW.case_id; END",
    ),
];
