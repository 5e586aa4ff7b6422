//! What people answered: once, durable before anybody is told, and bound to the bytes that were looked at.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use tributary_archive::frames::ContentKey;
use tributary_archive::part::Part;
use tributary_model::id::{InstructionId, QuestionId};

use super::exports::touch;
use super::items::{Found, Item, Source};
use super::tx::Tx;
use super::{Ledger, LedgerError, Sync, millis, questions};
use crate::inbox::{Answer, Kind, Standing};

/// What a person's answer is for: nothing for a question as a whole.
pub(crate) type Matter = Vec<u8>;

/// Something that a person is to look at.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Its number in the question, from 1.
    pub(crate) number: u32,
    /// The part, with the walk's index.
    pub(crate) part: Part,
    /// Where its bytes are.
    pub(crate) source: Source,
    /// What an answer is bound to.
    pub(crate) matter: Matter,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It is kept; whether the question is at its end.
    Kept {
        /// Nothing is left to answer.
        whole: bool,
    },
    /// The same was answered before.
    Known,
    /// Something else was answered before.
    Differs,
    /// The question has ended without an answer, or its export has.
    Over,
    /// What it is about is being read anew, or there is no such part.
    NotThere,
}

/// An answer that a person has given.
#[derive(Debug, Clone)]
pub(crate) struct Given<'a> {
    /// The question.
    pub(crate) question: QuestionId,
    /// The part it is about; `None` for all that are not answered, or a question as a whole.
    pub(crate) number: Option<u32>,
    /// What was said.
    pub(crate) answer: &'a Answer,
    /// Who said it.
    pub(crate) by: &'a str,
    /// Until when the export is kept from here on, should nobody fetch it.
    pub(crate) expires_at: Timestamp,
}

impl Ledger {
    /// Keeps an answer, or finds the one given before.
    pub(crate) fn answer(&self, given: &Given<'_>, now: Timestamp) -> Result<Answered, LedgerError> {
        let fingerprint = self.key.mac("inbox/answer", &given.answer.fingerprint()).to_vec();
        let plain = serde_json::to_vec(given.answer).map_err(|_| LedgerError::Corrupt("an answer"))?;
        self.write(Sync::Durable, |tx| {
            let Some((instruction, kind, standing)) = questions::standing(tx, given.question)? else {
                return Ok(Answered::Over);
            };
            if matches!(standing, Standing::Withdrawn | Standing::Lapsed) {
                return Ok(Answered::Over);
            }
            if !self.is_kept(tx, instruction)? {
                return after_the_end(tx, given.question, given.number, &fingerprint);
            }
            let all = matters(tx, kind, given.question)?;
            let asked: Vec<&Matter> = match given.number {
                None => all.iter().collect(),
                Some(number) => all.iter().skip(number.saturating_sub(1) as usize).take(1).collect(),
            };
            if asked.is_empty() {
                return Ok(Answered::NotThere);
            }
            let before = asked.iter().map(|matter| known(tx, given.question, matter)).collect::<Result<Vec<_>, _>>()?;
            if before.iter().all(Option::is_some) {
                let same = before.iter().flatten().any(|known| *known == fingerprint);
                return Ok(if same { Answered::Known } else { Answered::Differs });
            }
            // Files that were measured alone, when the question had been answered, are nowhere.
            if given.answer.files().iter().any(|file| file.number == 0) {
                return Ok(Answered::NotThere);
            }
            let key = self.content_key(tx, instruction)?;
            let open = asked.iter().zip(&before).filter(|(_, before)| before.is_none()).map(|(matter, _)| *matter);
            for matter in open {
                keep(tx, given, matter, &fingerprint, &key.seal(&purpose(given.question, matter), &plain)?, now)?;
            }
            touch(tx, instruction, given.expires_at)?;
            let left = all.iter().map(|matter| known(tx, given.question, matter)).collect::<Result<Vec<_>, _>>()?;
            let whole = left.iter().all(Option::is_some);
            if whole {
                questions::answered(tx, given.question, now)?;
            }
            Ok(Answered::Kept { whole })
        })
    }

    /// The answers to a question that still count, by what they are for.
    pub(crate) fn answers(&self, question: QuestionId) -> Result<HashMap<Matter, Answer>, LedgerError> {
        self.read(|tx| {
            let Some((instruction, ..)) = questions::standing(tx, question)? else { return Ok(HashMap::new()) };
            let mut statement = tx.prepare("SELECT matter, sealed FROM answer WHERE question = ?1")?;
            let mut rows = statement.query([question.to_string()])?;
            let mut found = HashMap::new();
            let mut key = None;
            while let Some(row) = rows.next()? {
                let (matter, sealed) = (row.get::<_, Matter>(0)?, row.get::<_, Option<Vec<u8>>>(1)?);
                let Some(sealed) = sealed else { continue };
                let key = match &mut key {
                    Some(key) => key,
                    none => none.insert(self.content_key(tx, instruction)?),
                };
                let answer = open(key, question, &matter, &sealed)?;
                found.insert(matter, answer);
            }
            Ok(found)
        })
    }

    /// Forgets an answer whose files are gone, and asks again.
    pub(crate) fn unanswer(
        &self,
        question: QuestionId,
        matter: &Matter,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| {
            tx.execute(
                "DELETE FROM answer WHERE question = ?1 AND matter = ?2",
                params![question.to_string(), matter],
            )?;
            questions::reopen(tx, question, due_at, now)
        })
    }

    /// What is to be looked at for a question, after the part `after` of it, at most `most`.
    pub(crate) fn shown(&self, question: QuestionId, after: u32, most: usize) -> Result<Vec<Shown>, LedgerError> {
        self.read(|tx| {
            let Some((instruction, ..)) = questions::standing(tx, question)? else { return Ok(Vec::new()) };
            let mut statement = tx.prepare(
                "SELECT position, sealed, source_generation, source_index, content IS NOT NULL, matter, generation FROM item
                 WHERE question = ?1 AND matter IS NOT NULL ORDER BY position LIMIT ?3 OFFSET ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![question.to_string(), after, most])?;
            let mut shown = Vec::new();
            let mut key = None;
            while let Some(row) = rows.next()? {
                let key = match &mut key {
                    Some(key) => key,
                    none => none.insert(self.content_key(tx, instruction)?),
                };
                let number = after + u32::try_from(shown.len()).unwrap_or(u32::MAX) + 1;
                let found = Found::read(row, row.get(6)?, key)?;
                let (Item::Part(part), Some(source)) = (found.item, found.source) else {
                    return Err(LedgerError::Corrupt("a part"));
                };
                shown.push(Shown { number, part, source, matter: row.get(5)? });
            }
            Ok(shown)
        })
    }

    /// How many parts a question shows, and how many of them are answered.
    pub(crate) fn progress(&self, question: QuestionId) -> Result<(u32, u32), LedgerError> {
        self.read(|tx| {
            let sql = "SELECT COUNT(*), COUNT(a.matter) FROM item i
                       LEFT JOIN answer a ON a.question = i.question AND a.matter = i.matter
                       WHERE i.question = ?1 AND i.matter IS NOT NULL";
            Ok(tx.query_row(sql, [question.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
    }

    /// The key of an export that waits for people.
    pub(crate) fn key_of(&self, instruction: InstructionId) -> Result<ContentKey, LedgerError> {
        self.read(|tx| self.content_key(tx, instruction))
    }

    /// The number of the next file that is given for an export.
    pub(crate) fn next_given(&self, instruction: InstructionId) -> Result<u32, LedgerError> {
        self.write(Sync::Durable, |tx| {
            let sql = "UPDATE export SET given = given + 1 WHERE instruction = ?1 AND wrapped_key IS NOT NULL RETURNING given";
            let number = tx.query_row(sql, [instruction.to_string()], |row| row.get(0)).optional()?;
            number.ok_or(LedgerError::Replaced)
        })
    }
}

/// What a question is about, in order: its parts, or itself as a whole.
pub(super) fn matters(tx: &Tx<'_>, kind: Kind, question: QuestionId) -> Result<Vec<Matter>, LedgerError> {
    if kind != Kind::Review {
        return Ok(vec![Matter::new()]);
    }
    let mut statement =
        tx.prepare("SELECT matter FROM item WHERE question = ?1 AND matter IS NOT NULL ORDER BY position")?;
    let rows = statement.query_map([question.to_string()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The fingerprint of an answer that still counts.
pub(super) fn known(tx: &Tx<'_>, question: QuestionId, matter: &Matter) -> Result<Option<Vec<u8>>, LedgerError> {
    let sql = "SELECT fingerprint FROM answer WHERE question = ?1 AND matter = ?2";
    Ok(tx.query_row(sql, params![question.to_string(), matter], |row: &Row<'_>| row.get(0)).optional()?)
}

/// What becomes of an answer to a question whose export has ended: nobody can tell any more what its parts were.
fn after_the_end(
    tx: &Tx<'_>,
    question: QuestionId,
    number: Option<u32>,
    fingerprint: &[u8],
) -> Result<Answered, LedgerError> {
    if number.is_some() {
        return Ok(Answered::Over);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM answer WHERE question = ?1 AND fingerprint = ?2)";
    let same: bool = tx.query_row(sql, params![question.to_string(), fingerprint], |row| row.get(0))?;
    Ok(if same { Answered::Known } else { Answered::Differs })
}

fn keep(
    tx: &Tx<'_>,
    given: &Given<'_>,
    matter: &Matter,
    fingerprint: &[u8],
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT INTO answer (question, matter, fingerprint, sealed, answered_by, answered_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (question, matter) DO NOTHING",
        params![given.question.to_string(), matter, fingerprint, sealed, given.by, millis(now)],
    )?;
    Ok(())
}

fn open(key: &ContentKey, question: QuestionId, matter: &Matter, sealed: &[u8]) -> Result<Answer, LedgerError> {
    let plain = key.open(&purpose(question, matter), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| LedgerError::Corrupt("an answer"))
}

/// What an answer is sealed for: its question and what it is about.
fn purpose(question: QuestionId, matter: &Matter) -> String {
    let matter: String = matter.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("inbox/answer/{question}/{matter}")
}
