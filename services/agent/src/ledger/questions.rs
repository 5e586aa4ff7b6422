//! What people at the entity were asked: one question per export, kind and collection, from its creation to its end.
//!
//! Neighbours: `answers` (what they said), `held` (what waits for it), `outbox` (how they are told).

use jiff::Timestamp;
use rusqlite::{Row, params};
use tributary_model::id::{CaseId, EntityId, FidesKey, InstructionId, QuestionId};

use super::exports::touch;
use super::tx::Tx;
use super::{Ledger, LedgerError, Sync, millis, timestamp};
use crate::inbox::{Kind, Standing};

/// A question as the ledger has it. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Its id.
    pub(crate) id: QuestionId,
    /// The export that waits.
    pub(crate) instruction: InstructionId,
    /// The case.
    pub(crate) case: CaseId,
    /// When the request reached the group, if the gateway has said.
    pub(crate) received_at: Option<Timestamp>,
    /// What kind.
    pub(crate) kind: Kind,
    /// The dataset, as others see it; the entity's own name for a decision, see [`Question::place`].
    pub(crate) dataset: FidesKey,
    /// The collection, as others see it; empty for a decision.
    pub(crate) collection: String,
    /// When it was asked.
    pub(crate) created_at: Timestamp,
    /// When it should be answered.
    pub(crate) due_at: Timestamp,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Who answered last, and when.
    pub(crate) answered: Option<(String, Timestamp)>,
}

impl Question {
    /// The dataset and collection that it is about; nothing for a decision, which is about all of them.
    pub(crate) fn place(&self) -> Option<(&FidesKey, &str)> {
        (self.kind != Kind::Decision).then_some((&self.dataset, self.collection.as_str()))
    }
}

/// What is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// What kind.
    pub(crate) kind: Kind,
    /// The dataset, as others see it.
    pub(crate) dataset: FidesKey,
    /// The collection, as others see it.
    pub(crate) collection: String,
    /// When it should be answered.
    pub(crate) due_at: Timestamp,
}

impl Ask {
    /// For a decision on all that an entity would give. The entity's name stands where a dataset's would.
    pub(crate) fn decision(entity: &EntityId, due_at: Timestamp) -> Result<Self, LedgerError> {
        let dataset = entity.as_str().parse().map_err(|_| LedgerError::Corrupt("an entity's name"))?;
        Ok(Self { kind: Kind::Decision, dataset, collection: String::new(), due_at })
    }
}

const COLUMNS: &str =
    "q.id, q.instruction, e.case_id, q.kind, q.dataset, q.collection, q.created_at, q.due_at, q.state,
    (SELECT a.answered_by FROM answer a WHERE a.question = q.id ORDER BY a.answered_at DESC LIMIT 1),
    (SELECT MAX(a.answered_at) FROM answer a WHERE a.question = q.id), e.received_at
    FROM question q JOIN export e ON e.instruction = q.instruction";

impl Ledger {
    /// Asks what was not asked before for the export.
    pub(crate) fn ask(&self, instruction: InstructionId, asks: &[Ask], now: Timestamp) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| asks.iter().try_for_each(|new| ask(tx, instruction, new, now).map(drop)))
    }

    /// Questions that are open, and with `all` those that have ended too, oldest first.
    pub(crate) fn questions(&self, all: bool) -> Result<Vec<Question>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} WHERE q.state = 'open' OR ?1 ORDER BY q.created_at, q.id");
        self.read(|tx| list(tx, &sql, params![all]))
    }

    /// The questions of an export that were not withdrawn, in a fixed order.
    pub(crate) fn questions_of(&self, instruction: InstructionId) -> Result<Vec<Question>, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE q.instruction = ?1 AND q.state <> 'withdrawn' ORDER BY q.kind, q.dataset, q.collection"
        );
        self.read(|tx| list(tx, &sql, [instruction.to_string()]))
    }

    /// One question.
    pub(crate) fn question(&self, id: QuestionId) -> Result<Option<Question>, LedgerError> {
        self.read(|tx| find(tx, id))
    }

    /// Withdraws what is open of an export that asks nothing any more.
    pub(crate) fn withdraw(&self, instruction: InstructionId) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| withdraw(tx, instruction))
    }

    /// Withdraws what is open beside a decision that nothing leaves. What was answered stays as it is.
    pub(crate) fn spare(&self, instruction: InstructionId) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| {
            let sql = "UPDATE question SET state = 'withdrawn'
                       WHERE instruction = ?1 AND state = 'open' AND kind <> 'decision'";
            tx.execute(sql, [instruction.to_string()])?;
            Ok(())
        })
    }

    /// Ends open questions that are not waited for any longer: nobody has answered, and nobody is taken to have.
    /// Their export is kept until `expires_at` from here on, should nobody fetch it.
    pub(crate) fn lapse(
        &self,
        instruction: InstructionId,
        questions: &[QuestionId],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| {
            touch(tx, instruction, expires_at)?;
            for id in questions {
                let sql = "UPDATE question SET state = 'lapsed', ended_at = ?2 WHERE id = ?1 AND state = 'open'";
                tx.execute(sql, params![id.to_string(), millis(now)])?;
            }
            Ok(())
        })
    }
}

/// Asks, or opens a question anew that had been answered about something else. Returns its id.
pub(super) fn ask(
    tx: &Tx<'_>,
    instruction: InstructionId,
    new: &Ask,
    now: Timestamp,
) -> Result<QuestionId, LedgerError> {
    let id = QuestionId::new(now);
    tx.execute(
        "INSERT INTO question (id, instruction, kind, dataset, collection, created_at, due_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open') ON CONFLICT (instruction, kind, dataset, collection) DO NOTHING",
        params![
            id.to_string(),
            instruction.to_string(),
            new.kind.as_str(),
            new.dataset.as_str(),
            new.collection,
            millis(now),
            millis(new.due_at)
        ],
    )?;
    let sql = "SELECT id FROM question WHERE instruction = ?1 AND kind = ?2 AND dataset = ?3 AND collection = ?4";
    let key = params![instruction.to_string(), new.kind.as_str(), new.dataset.as_str(), new.collection];
    parse(&tx.query_row(sql, key, |row| row.get::<_, String>(0))?)
}

/// Opens a question again whose answers do not cover everything. It is told of anew, as it is about something new.
pub(super) fn reopen(tx: &Tx<'_>, id: QuestionId, due_at: Timestamp, now: Timestamp) -> Result<(), LedgerError> {
    let sql = "UPDATE question SET state = 'open', ended_at = NULL, created_at = ?2, due_at = ?3
               WHERE id = ?1 AND state IN ('answered', 'lapsed')";
    if tx.execute(sql, params![id.to_string(), millis(now), millis(due_at)])? > 0 {
        tx.execute("DELETE FROM outbox WHERE question = ?1", [id.to_string()])?;
    }
    Ok(())
}

pub(super) fn answered(tx: &Tx<'_>, id: QuestionId, now: Timestamp) -> Result<(), LedgerError> {
    let sql = "UPDATE question SET state = 'answered', ended_at = ?2 WHERE id = ?1 AND state = 'open'";
    tx.execute(sql, params![id.to_string(), millis(now)])?;
    Ok(())
}

/// The export has ended: what is open is needed no more, and what was answered is shredded with the export's key.
pub(super) fn withdraw(tx: &Tx<'_>, instruction: InstructionId) -> Result<(), LedgerError> {
    let id = instruction.to_string();
    tx.execute("UPDATE question SET state = 'withdrawn' WHERE instruction = ?1 AND state = 'open'", [&id])?;
    let sql = "UPDATE answer SET sealed = NULL WHERE question IN (SELECT id FROM question WHERE instruction = ?1)";
    tx.execute(sql, [&id])?;
    Ok(())
}

/// Drops all questions of an export that begins anew.
pub(super) fn forget(tx: &Tx<'_>, instruction: InstructionId) -> Result<(), LedgerError> {
    let id = instruction.to_string();
    let own = "(SELECT id FROM question WHERE instruction = ?1)";
    tx.execute(&format!("DELETE FROM outbox WHERE question IN {own}"), [&id])?;
    tx.execute(&format!("DELETE FROM answer WHERE question IN {own}"), [&id])?;
    tx.execute("DELETE FROM question WHERE instruction = ?1", [&id])?;
    Ok(())
}

pub(super) fn find(tx: &Tx<'_>, id: QuestionId) -> Result<Option<Question>, LedgerError> {
    Ok(list(tx, &format!("SELECT {COLUMNS} WHERE q.id = ?1"), [id.to_string()])?.into_iter().next())
}

fn list(tx: &Tx<'_>, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Question>, LedgerError> {
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Question, LedgerError> {
    let text = |index: usize| row.get::<_, String>(index);
    let corrupt = |_| LedgerError::Corrupt("a question");
    let answered = match (row.get(9)?, row.get::<_, Option<i64>>(10)?) {
        (Some(by), Some(at)) => Some((by, timestamp(at)?)),
        _ => None,
    };
    Ok(Question {
        id: parse(&text(0)?)?,
        instruction: text(1)?.parse().map_err(corrupt)?,
        case: text(2)?.parse().map_err(corrupt)?,
        received_at: row.get::<_, Option<i64>>(11)?.map(timestamp).transpose()?,
        kind: Kind::parse(&text(3)?).ok_or(LedgerError::Corrupt("a question's kind"))?,
        dataset: text(4)?.parse().map_err(corrupt)?,
        collection: text(5)?,
        created_at: timestamp(row.get(6)?)?,
        due_at: timestamp(row.get(7)?)?,
        standing: Standing::parse(&text(8)?).ok_or(LedgerError::Corrupt("a question's state"))?,
        answered,
    })
}

pub(super) fn parse(id: &str) -> Result<QuestionId, LedgerError> {
    id.parse().map_err(|_| LedgerError::Corrupt("a question's id"))
}

/// Whose a question is, of what kind, and how it stands now, if there is one.
pub(super) fn standing(tx: &Tx<'_>, id: QuestionId) -> Result<Option<(InstructionId, Kind, Standing)>, LedgerError> {
    Ok(find(tx, id)?.map(|question| (question.instruction, question.kind, question.standing)))
}
