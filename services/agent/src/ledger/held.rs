//! A generation whose walk is over and that waits for people: what the walk found, sealed, and what is given once they
//! have answered. It outlives a restart: nothing is walked twice because somebody took their time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tributary_archive::frames::ContentKey;
use tributary_model::id::{CaseId, FidesKey, InstructionId, QuestionId};
use tributary_model::right::Right;
use zeroize::Zeroizing;

use super::answers::{known, matters};
use super::items::{Found, Item, each, each_held};
use super::questions::{self, Ask};
use super::{Ledger, LedgerError, Sync, millis};
use crate::collect::Collected;
use crate::inbox::Kind;

/// What a walk's end is sealed for.
const HELD: &str = "export/held";

/// The end of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WalkEnd {
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// What it found, with everything that is kept back.
    pub(crate) collected: Collected,
    /// The right exercised.
    pub(crate) right: Right,
    /// The last position of what the walk gave.
    pub(crate) position: u32,
    /// Parts that are given already.
    pub(crate) parts: u32,
}

/// A held generation.
#[derive(Debug)]
pub(crate) struct Held {
    /// Its number.
    pub(crate) generation: u32,
    /// The case.
    pub(crate) case: CaseId,
    /// When the request reached the group, if the gateway has said.
    pub(crate) received_at: Option<Timestamp>,
    /// The end of its walk.
    pub(crate) end: WalkEnd,
    /// The export's key.
    pub(crate) key: ContentKey,
    /// What is said of the wait now.
    pub(crate) said: (Option<String>, Option<Timestamp>),
}

impl Ledger {
    /// Ends the walk of a generation that waits for people, and asks them about what they have not seen: one question per
    /// collection for whose review `due` has a day. All else that is kept back waits for the decision on the whole. Answers
    /// about the same bytes count on. False: it had ended before.
    pub(crate) fn hold(
        &self,
        instruction: InstructionId,
        generation: u32,
        end: &WalkEnd,
        due: impl Fn(&FidesKey, &str) -> Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let id = instruction.to_string();
        let plain = Zeroizing::new(serde_json::to_vec(end).map_err(|_| LedgerError::Corrupt("a walk's end"))?);
        self.write(Sync::Durable, |tx| {
            let running = "SELECT 1 FROM export WHERE instruction = ?1 AND generation = ?2 AND state = 'running'
                           AND held IS NULL";
            if tx.query_row(running, params![id, generation], |_| Ok(())).optional()?.is_none() {
                return Ok(false);
            }
            let key = self.content_key(tx, instruction)?;
            let mut of: BTreeMap<(FidesKey, String), Vec<u32>> = BTreeMap::new();
            each_held(tx, instruction, generation, &key, |found| {
                if let Some(place) = collection(&found.item) {
                    of.entry(place).or_default().push(found.position);
                }
                true
            })?;
            for ((dataset, collection), positions) in of {
                let Some(due_at) = due(&dataset, &collection) else { continue };
                let new = Ask { kind: Kind::Review, dataset, collection, due_at };
                let question = questions::ask(tx, instruction, &new, now)?;
                for position in positions {
                    let sql =
                        "UPDATE item SET question = ?4 WHERE instruction = ?1 AND generation = ?2 AND position = ?3";
                    tx.execute(sql, params![id, generation, position, question.to_string()])?;
                }
                let answers = matters(tx, Kind::Review, question)?
                    .iter()
                    .map(|m| known(tx, question, m))
                    .collect::<Result<Vec<_>, _>>()?;
                if answers.iter().all(Option::is_some) {
                    questions::answered(tx, question, now)?;
                } else {
                    questions::reopen(tx, question, due_at, now)?;
                }
            }
            tx.execute(
                "UPDATE item SET question = (SELECT q.id FROM question q WHERE q.instruction = ?1 AND q.kind = 'decision')
                 WHERE instruction = ?1 AND generation = ?2 AND held = 1 AND question IS NULL",
                params![id, generation],
            )?;
            // Reviews of an earlier generation about which nothing is left to be asked.
            tx.execute(
                "UPDATE question SET state = 'withdrawn' WHERE instruction = ?1 AND kind = 'review' AND state = 'open'
                 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.question = question.id)",
                [&id],
            )?;
            let sealed = key.seal(HELD, &plain)?;
            tx.execute(
                "UPDATE export SET held = ?2, reason = NULL, retry_at = NULL WHERE instruction = ?1",
                params![id, sealed],
            )?;
            Ok(true)
        })
    }

    /// The held generation of an export.
    pub(crate) fn held(&self, instruction: InstructionId) -> Result<Option<Held>, LedgerError> {
        self.read(|tx| {
            let sql = "SELECT generation, case_id, held, reason, retry_at, received_at FROM export
                       WHERE instruction = ?1 AND state = 'running' AND held IS NOT NULL";
            let row = tx.query_row(sql, [instruction.to_string()], |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get(3)?,
                    row.get::<_, Option<i64>>(4)?,
                    row.get::<_, Option<i64>>(5)?,
                ))
            });
            let Some((generation, case, sealed, reason, retry_at, received)) = row.optional()? else { return Ok(None) };
            let key = self.content_key(tx, instruction)?;
            let plain = Zeroizing::new(key.open(HELD, &sealed)?);
            let end = serde_json::from_slice(&plain).map_err(|_| LedgerError::Corrupt("a walk's end"))?;
            let case = case.parse().map_err(|_| LedgerError::Corrupt("a case id"))?;
            let said = (reason, retry_at.map(super::timestamp).transpose()?);
            let received_at = received.map(super::timestamp).transpose()?;
            Ok(Some(Held { generation, case, received_at, end, key, said }))
        })
    }

    /// Says why a held generation waits. False: it has ended.
    pub(crate) fn say(
        &self,
        instruction: InstructionId,
        reason: &str,
        retry_at: Option<Timestamp>,
    ) -> Result<bool, LedgerError> {
        self.write(Sync::Lazy, |tx| {
            let sql = "UPDATE export SET reason = ?2, retry_at = ?3 WHERE instruction = ?1 AND held IS NOT NULL";
            Ok(tx.execute(sql, params![instruction.to_string(), reason, retry_at.map(millis)])? > 0)
        })
    }

    /// Drops what was given of a held generation after its walk, by a process that died before it had given all.
    pub(crate) fn ungive(&self, instruction: InstructionId, generation: u32, position: u32) -> Result<(), LedgerError> {
        self.write(Sync::Lazy, |tx| {
            let sql = "DELETE FROM item WHERE instruction = ?1 AND generation = ?2 AND position > ?3 AND held = 0";
            tx.execute(sql, params![instruction.to_string(), generation, position])?;
            Ok(())
        })
    }

    /// What is kept back of one collection, after `position`, at most `most`: tables and previews too.
    pub(crate) fn kept_back(
        &self,
        question: QuestionId,
        key: &ContentKey,
        position: u32,
        most: usize,
    ) -> Result<Vec<KeptBack>, LedgerError> {
        self.read(|tx| {
            let mut statement = tx.prepare(
                "SELECT position, sealed, source_generation, source_index, content IS NOT NULL, generation, matter FROM item
                 WHERE question = ?1 AND position > ?2 AND held = 1 ORDER BY position LIMIT ?3",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![question.to_string(), position, most])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let Found { position, item, source, .. } = Found::read(row, row.get(5)?, key)?;
                found.push(KeptBack { position, item, source, matter: row.get(6)? });
            }
            Ok(found)
        })
    }

    /// Gives everything that is not kept back of a generation to `take`, in its order.
    pub(crate) fn each_given(
        &self,
        instruction: InstructionId,
        generation: u32,
        mut take: impl FnMut(Item),
    ) -> Result<(), LedgerError> {
        self.read(|tx| {
            let key = self.content_key(tx, instruction)?;
            each(tx, instruction, generation, 0, &key, |found| {
                take(found.item);
                true
            })
            .map(drop)
        })
    }
}

/// Something kept back.
#[derive(Debug)]
pub(crate) struct KeptBack {
    /// Its position.
    pub(crate) position: u32,
    /// What it is.
    pub(crate) item: Item,
    /// Where a part's bytes are.
    pub(crate) source: Option<super::items::Source>,
    /// What a part's answer is bound to.
    pub(crate) matter: Option<super::answers::Matter>,
}

fn collection(item: &Item) -> Option<(FidesKey, String)> {
    match item {
        Item::Table(table) => Some((table.dataset.clone(), table.collection.clone())),
        Item::Part(part) => Some((part.dataset.clone(), part.collection.clone())),
        Item::Preview(preview) => Some((preview.dataset.clone(), preview.collection.clone())),
        Item::Information(_) => None,
    }
}
