//! What people are to be told: each thing once per channel, tried until it is taken, with an id that stays the same.

use jiff::Timestamp;
use rusqlite::params;
use tributary_model::id::QuestionId;
use uuid::Uuid;

use super::questions::{self, Question};
use super::{Ledger, LedgerError, Sync, millis};
use crate::inbox::{Channel, Stage, Standing};

/// Something that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Stays the same over retries.
    pub(crate) id: Uuid,
    /// The question, as it stands now.
    pub(crate) question: Question,
    /// How it is told.
    pub(crate) channel: Channel,
    /// What of it.
    pub(crate) stage: Stage,
    /// Tries that failed.
    pub(crate) attempts: u32,
}

impl Ledger {
    /// Puts a stage of a question into the outbox, for each channel that has not heard of it.
    pub(crate) fn announce(
        &self,
        question: QuestionId,
        stage: Stage,
        channels: &[Channel],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (question, stage) = (question.to_string(), stage.to_string());
        let sql = "SELECT COUNT(*) FROM outbox WHERE question = ?1 AND stage = ?2";
        let known: u32 = self.read(|tx| Ok(tx.query_row(sql, [&question, &stage], |row| row.get(0))?))?;
        if known as usize >= channels.len() {
            return Ok(());
        }
        self.write(Sync::Durable, |tx| {
            for channel in channels {
                tx.execute(
                    "INSERT INTO outbox (id, question, channel, stage, created_at, next_at, attempts)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0) ON CONFLICT (question, channel, stage) DO NOTHING",
                    params![Uuid::new_v4().to_string(), question, channel.as_str(), stage, millis(now)],
                )?;
            }
            Ok(())
        })
    }

    /// What is to be told now, at most `most`. What is about a question that has ended is dropped.
    pub(crate) fn notices(&self, most: usize, now: Timestamp) -> Result<Vec<Notice>, LedgerError> {
        let sql = "SELECT id, question, channel, stage, attempts FROM outbox WHERE ended_at IS NULL AND next_at <= ?1
                   ORDER BY next_at LIMIT ?2";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let (found, over) = self.read(|tx| {
            let mut statement = tx.prepare(sql)?;
            let rows = statement.query_map(params![millis(now), most], |row| {
                let texts: [String; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
                Ok((texts, row.get::<_, u32>(4)?))
            })?;
            let (mut found, mut over) = (Vec::new(), Vec::new());
            for row in rows {
                let ([id, question, channel, stage], attempts) = row?;
                let id = Uuid::parse_str(&id).map_err(|_| LedgerError::Corrupt("a notice's id"))?;
                let question = questions::find(tx, questions::parse(&question)?)?;
                let channel = Channel::parse(&channel).ok_or(LedgerError::Corrupt("a notice's channel"))?;
                let stage = stage.parse().map_err(|()| LedgerError::Corrupt("a notice's stage"))?;
                match question {
                    Some(question) if question.standing == Standing::Open => {
                        found.push(Notice { id, question, channel, stage, attempts });
                    }
                    _ => over.push(id),
                }
            }
            Ok((found, over))
        })?;
        for id in over {
            self.told(id, now)?;
        }
        Ok(found)
    }

    /// A notice was taken.
    pub(crate) fn told(&self, id: Uuid, now: Timestamp) -> Result<(), LedgerError> {
        self.write(Sync::Durable, |tx| {
            tx.execute("UPDATE outbox SET ended_at = ?2 WHERE id = ?1", params![id.to_string(), millis(now)])?;
            Ok(())
        })
    }

    /// A notice was not taken.
    pub(crate) fn not_told(&self, id: Uuid, next_at: Timestamp) -> Result<(), LedgerError> {
        self.write(Sync::Lazy, |tx| {
            let sql = "UPDATE outbox SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1";
            tx.execute(sql, params![id.to_string(), millis(next_at)])?;
            Ok(())
        })
    }
}
