//! What the database holds, read whole and without the store's own questions.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::lifecycle::{CaseState, TaskState};

use crate::store::sql::inline::Inline;
use crate::store::sql::{Snapshot, vals};
use crate::store::{Store, StoreError};

/// Every row that decides something.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) cases: BTreeMap<CaseId, CaseRow>,
    pub(super) tasks: BTreeMap<(CaseId, EntityId), TaskRow>,
    pub(super) archives: BTreeMap<(CaseId, u32), ArchiveRow>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct CaseRow {
    pub(super) state: CaseState,
    pub(super) cursor: u64,
    /// Whether the key of the person's data is there.
    pub(super) keyed: bool,
    pub(super) due_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskRow {
    pub(super) state: TaskState,
    pub(super) disposition: Disposition,
    pub(super) export: InstructionId,
    pub(super) generation: u32,
    pub(super) lease_token: Option<String>,
    pub(super) lease_until: Timestamp,
    pub(super) next_attempt_at: Option<Timestamp>,
    pub(super) parts: u64,
    /// Rows of `parts`.
    pub(super) staged: u64,
    pub(super) archive: Option<i64>,
    pub(super) identifiers: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ArchiveRow {
    pub(super) assembled_at: Timestamp,
    pub(super) object: Option<String>,
    pub(super) pieces: bool,
    pub(super) delivered_at: Option<Timestamp>,
    pub(super) shredded_at: Option<Timestamp>,
    pub(super) lease_token: Option<String>,
    pub(super) lease_until: Timestamp,
}

/// A row of the history, without what is sealed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventRow {
    pub(super) cursor: u64,
    pub(super) at: Timestamp,
    pub(super) name: String,
    pub(super) state: CaseState,
    pub(super) entity: Option<EntityId>,
    pub(super) disposition: Option<Disposition>,
    pub(super) parts: u64,
}

/// Looks at a store; anew only when something may have changed.
pub(super) struct Eye {
    /// The store's only connection, if it has only one: it knows how much was ever changed.
    inline: Option<Inline>,
    last: Option<(u64, Rc<Seen>)>,
}

impl Eye {
    pub(super) fn new(inline: Option<Inline>) -> Self {
        Self { inline, last: None }
    }

    pub(super) async fn look(&mut self, store: &Store) -> Result<Rc<Seen>, StoreError> {
        let changes = self.inline.as_ref().map(Inline::changes);
        if let Some((_, seen)) = self.last.as_ref().filter(|(then, _)| Some(*then) == changes) {
            return Ok(Rc::clone(seen));
        }
        let seen = Rc::new(look(store).await?);
        self.last = changes.map(|changes| (changes, Rc::clone(&seen)));
        Ok(seen)
    }
}

pub(super) async fn look(store: &Store) -> Result<Seen, StoreError> {
    let mut snapshot = Snapshot::open(&store.0.readers).await?;
    let mut seen = Seen::default();
    let sql = "SELECT case_id, state, cursor, content_key IS NOT NULL AS keyed, due_at FROM cases";
    for row in snapshot.rows(sql, &[]).await? {
        let case = CaseRow {
            state: row.parse("state")?,
            cursor: row.count("cursor")?,
            keyed: row.bool_opt("keyed")? == Some(true),
            due_at: row.time_opt("due_at")?,
        };
        seen.cases.insert(row.parse("case_id")?, case);
    }
    let sql = "SELECT case_id, entity, state, disposition, export_instruction, generation, lease_token, lease_until, \
               next_attempt_at, parts, archive, identifiers, (SELECT COUNT(*) FROM parts p WHERE \
               p.case_id = t.case_id AND p.entity = t.entity) AS staged FROM tasks t";
    for row in snapshot.rows(sql, &[]).await? {
        let task = TaskRow {
            state: row.parse("state")?,
            disposition: row.parse("disposition")?,
            export: row.parse("export_instruction")?,
            generation: row.count("generation")?,
            lease_token: row.text_opt("lease_token")?,
            lease_until: row.time("lease_until")?,
            next_attempt_at: row.time_opt("next_attempt_at")?,
            parts: row.count("parts")?,
            staged: row.count("staged")?,
            archive: row.int_opt("archive")?,
            identifiers: row.count("identifiers")?,
        };
        seen.tasks.insert((row.parse("case_id")?, row.parse("entity")?), task);
    }
    let sql = "SELECT case_id, sequence, assembled_at, object, pieces IS NOT NULL AS pieces, delivered_at, shredded_at, \
               lease_token, lease_until FROM archives";
    for row in snapshot.rows(sql, &[]).await? {
        let archive = ArchiveRow {
            assembled_at: row.time("assembled_at")?,
            object: row.text_opt("object")?,
            pieces: row.bool_opt("pieces")? == Some(true),
            delivered_at: row.time_opt("delivered_at")?,
            shredded_at: row.time_opt("shredded_at")?,
            lease_token: row.text_opt("lease_token")?,
            lease_until: row.time("lease_until")?,
        };
        seen.archives.insert((row.parse("case_id")?, row.count("sequence")?), archive);
    }
    Ok(seen)
}

/// The history of a case after `cursor`.
pub(super) async fn events(store: &Store, case: CaseId, cursor: u64) -> Result<Vec<EventRow>, StoreError> {
    let mut snapshot = Snapshot::open(&store.0.readers).await?;
    let sql = "SELECT cursor, at, name, state, entity, disposition, parts FROM events \
               WHERE case_id = $1 AND cursor > $2 ORDER BY cursor";
    let rows = snapshot.rows(sql, &vals![case, cursor]).await?;
    let events = rows.iter().map(|row| {
        Ok(EventRow {
            cursor: row.count("cursor")?,
            at: row.time("at")?,
            name: row.text("name")?,
            state: row.parse("state")?,
            entity: row.parse_opt("entity")?,
            disposition: row.parse_opt("disposition")?,
            parts: row.count("parts")?,
        })
    });
    events.collect()
}
