//! Exports: how each stands, what it was asked, and the changes of state. Every change names the state it starts from,
//! so that a walk that was overtaken changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use tributary_archive::attestation::NotSearchedReason;
use tributary_archive::frames::ContentKey;
use tributary_model::id::{CaseId, FidesKey, InstructionId};
use tributary_model::identifier::{self, Identifier};
use tributary_model::right::{Right, TableFormat};
use zeroize::Zeroizing;

use super::questions;
use super::trouble::{self, Patience};
use super::tx::Tx;
use super::{Ledger, LedgerError, Sync, millis, timestamp};

/// What the request is sealed for.
const REQUEST: &str = "export/request";

/// Where an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Waiting for its turn or for a system.
    Pending,
    /// Being read into the spool.
    Running,
    /// Read, and people at the entity are waited for; what they need not see can be read.
    Held,
    /// Attested; its parts can be read.
    Attested,
    /// Finished or cancelled by the gateway: nothing is left but what was signed.
    Finished,
    /// Not fetched in time: nothing is left, and it can be started again.
    Expired,
}

impl State {
    const ALL: [Self; 6] = [Self::Pending, Self::Running, Self::Held, Self::Attested, Self::Finished, Self::Expired];

    /// The name in the ledger.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Held => "held",
            Self::Attested => "attested",
            Self::Finished => "finished",
            Self::Expired => "expired",
        }
    }

    /// Whether the export's data is still kept or to come.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Running | Self::Held | Self::Attested)
    }

    fn parse(text: &str) -> Result<Self, LedgerError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(LedgerError::Corrupt("a state"))
    }
}

/// One export as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    /// The case it belongs to.
    pub(crate) case: CaseId,
    /// Where it stands.
    pub(crate) state: State,
    /// The last generation that started; 0 before the first.
    pub(crate) generation: u32,
    /// Why it waits.
    pub(crate) reason: Option<String>,
    /// When it is tried again, if that is known.
    pub(crate) retry_at: Option<Timestamp>,
    /// Walks that failed since it was started.
    pub(crate) failures: u32,
    /// When it is given up if nobody asks for it.
    pub(crate) expires_at: Timestamp,
    /// Whether a person at the entity has still to answer: then it is not given up.
    pub(crate) is_asked: bool,
}

impl Export {
    /// The same, seen at `now`: one whose time is over counts as expired before the sweep comes to it.
    fn at(self, now: Timestamp) -> Self {
        let over = self.state.is_open() && !self.is_asked && now >= self.expires_at;
        if over { Self { state: State::Expired, ..self } } else { self }
    }
}

/// What an export is asked to do. Sealed in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requested {
    /// Who is meant.
    pub(crate) identifiers: Vec<Identifier>,
    /// How tables are written.
    pub(crate) format: TableFormat,
    /// The right exercised.
    pub(crate) right: Right,
}

/// An export that is to be started.
#[derive(Debug, Clone)]
pub(crate) struct NewExport {
    /// The instruction, which names it.
    pub(crate) instruction: InstructionId,
    /// The case.
    pub(crate) case: CaseId,
    /// What is asked.
    pub(crate) requested: Requested,
    /// When the request reached the group, if the gateway says.
    pub(crate) received_at: Option<Timestamp>,
    /// When it is given up if nobody asks for it.
    pub(crate) expires_at: Timestamp,
}

/// What became of a request to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is new, or had expired: a job must run.
    New {
        /// The last generation before.
        generation: u32,
    },
    /// It was started before.
    Known {
        /// Where it stands.
        state: State,
        /// Its generation.
        generation: u32,
    },
    /// It was started before with other content.
    Differs,
    /// Too many are open.
    TooMany,
}

/// A generation that has started.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Its number.
    pub(crate) generation: u32,
    /// The case.
    pub(crate) case: CaseId,
    /// What is asked.
    pub(crate) requested: Requested,
    /// When the request reached the group, if the gateway has said.
    pub(crate) received_at: Option<Timestamp>,
    /// The export's key.
    pub(crate) key: ContentKey,
    /// Datasets given up on.
    pub(crate) given_up: BTreeMap<FidesKey, NotSearchedReason>,
    /// Walks that failed since the export was started.
    pub(crate) failures: u32,
}

impl Ledger {
    /// Starts an export, or finds the one that the instruction started before. At most `most_open` are open at once.
    pub(crate) fn begin(&self, new: &NewExport, most_open: usize, now: Timestamp) -> Result<Begun, LedgerError> {
        let fingerprint = self.fingerprint(new);
        let key = ContentKey::generate()?;
        let wrapped = self.kek.wrap(&key, &context(new.instruction))?;
        let plain = Zeroizing::new(serde_json::to_vec(&new.requested).map_err(|_| LedgerError::Corrupt("a request"))?);
        let request = key.seal(REQUEST, &plain)?;
        let (id, received_at) = (new.instruction.to_string(), new.received_at.map(millis));
        self.write(Sync::Durable, |tx| {
            let sql = "SELECT fingerprint, received_at FROM export WHERE instruction = ?1";
            let known = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<i64>>(1)?));
            if let Some((known, received)) = tx.query_row(sql, [&id], known).optional()? {
                // Who says nothing of the reception contradicts nobody: gateway and agent are updated while exports run.
                let other = received.zip(received_at).is_some_and(|(known, said)| known != said);
                if known != fingerprint || other {
                    return Ok(Begun::Differs);
                }
            }
            let export = find_at(tx, new.instruction, now)?;
            if let Some(Export { state, generation, .. }) = export.as_ref().filter(|e| e.state != State::Expired) {
                touch(tx, new.instruction, new.expires_at)?;
                let sql = "UPDATE export SET received_at = ?2 WHERE instruction = ?1 AND received_at IS NULL";
                tx.execute(sql, params![id, received_at])?;
                return Ok(Begun::Known { state: *state, generation: *generation });
            }
            let open: i64 = tx.query_row(
                "SELECT COUNT(*) FROM export WHERE state IN ('pending', 'running', 'attested') AND expires_at > ?1",
                [millis(now)],
                |row| row.get(0),
            )?;
            if usize::try_from(open).is_ok_and(|open| open >= most_open) {
                return Ok(Begun::TooMany);
            }
            shred(tx, new.instruction, State::Expired)?;
            // Whatever was answered for what has expired was answered about something that is gone.
            questions::forget(tx, new.instruction)?;
            tx.execute(
                "INSERT INTO export (instruction, case_id, fingerprint, state, generation, wrapped_key, request, failures,
                                     started_at, expires_at, received_at)
                 VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?5, 0, ?6, ?7, ?8)
                 ON CONFLICT (instruction) DO UPDATE SET state = 'pending', wrapped_key = ?4, request = ?5, reason = NULL,
                     retry_at = NULL, failures = 0, started_at = ?6, expires_at = ?7,
                     received_at = COALESCE(export.received_at, ?8)",
                params![
                    id,
                    new.case.to_string(),
                    fingerprint,
                    wrapped,
                    request,
                    millis(now),
                    millis(new.expires_at),
                    received_at
                ],
            )?;
            Ok(Begun::New { generation: export.map_or(0, |export| export.generation) })
        })
    }

    /// An export as it stands at `now`.
    pub(crate) fn export(&self, instruction: InstructionId, now: Timestamp) -> Result<Option<Export>, LedgerError> {
        self.read(|tx| find_at(tx, instruction, now))
    }

    /// Exports that wait or ran when the last process ended. None runs now: what ran waits again, its parts void; what
    /// waits for people goes on waiting with all it has.
    pub(crate) fn resume(&self) -> Result<Vec<InstructionId>, LedgerError> {
        self.write(Sync::Durable, |tx| {
            let running = "(SELECT instruction FROM export WHERE state = 'running' AND held IS NULL)";
            tx.execute(&format!("DELETE FROM item WHERE instruction IN {running}"), [])?;
            tx.execute(
                "UPDATE export SET state = 'pending', reason = ?1, retry_at = NULL
                 WHERE state IN ('running', 'pending') AND held IS NULL",
                ["the agent was restarted"],
            )?;
            let sql = "SELECT instruction FROM export WHERE state IN ('pending', 'running') ORDER BY started_at";
            instructions(tx, sql, [])
        })
    }

    /// An attested or held export whose files are gone waits for a new generation.
    pub(crate) fn reopen(&self, instruction: InstructionId, generation: u32, reason: &str) -> Result<(), LedgerError> {
        let id = instruction.to_string();
        self.write(Sync::Durable, |tx| {
            tx.execute(
                "UPDATE export SET state = 'pending', reason = ?3, held = NULL WHERE instruction = ?1 AND generation = ?2
                 AND (state = 'attested' OR held IS NOT NULL)",
                params![id, generation, reason],
            )?;
            tx.execute("DELETE FROM item WHERE instruction = ?1 AND generation = ?2", params![id, generation])?;
            Ok(())
        })
    }

    /// Attested and held exports with their generations: what the spool must still hold.
    pub(crate) fn kept(&self) -> Result<Vec<(InstructionId, u32)>, LedgerError> {
        self.pairs("SELECT instruction, generation FROM export WHERE state = 'attested' OR held IS NOT NULL")
    }

    /// Open exports for which people have given files, each with the generation of such files.
    pub(crate) fn given(&self) -> Result<Vec<(InstructionId, u32)>, LedgerError> {
        self.pairs("SELECT instruction, 0 FROM export WHERE given > 0 AND state IN ('pending', 'running', 'attested')")
    }

    fn pairs(&self, sql: &str) -> Result<Vec<(InstructionId, u32)>, LedgerError> {
        self.read(|tx| {
            let mut statement = tx.prepare(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            rows.map(|row| row.map_err(LedgerError::from).and_then(|(id, generation)| Ok((parse(&id)?, generation))))
                .collect()
        })
    }

    /// Starts the next generation of an export that is not at its end, in place of any before. `None`: it is at its
    /// end, or its time is over. Only the export's one job asks.
    pub(crate) fn start_generation(
        &self,
        instruction: InstructionId,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Option<Walk>, LedgerError> {
        let id = instruction.to_string();
        // Durable, so that no two generations ever bear one number, whatever the gateway has fetched of the first.
        let started = self.write(Sync::Durable, |tx| {
            let sql = "UPDATE export SET state = 'running', generation = generation + 1, reason = NULL, retry_at = NULL
                       WHERE instruction = ?1 AND state IN ('pending', 'running') AND held IS NULL
                         AND (expires_at > ?2 OR EXISTS
                              (SELECT 1 FROM question q WHERE q.instruction = ?1 AND q.state = 'open'))
                       RETURNING generation, case_id, failures, wrapped_key, request, received_at";
            let row = tx.query_row(sql, params![id, millis(now)], |row| {
                let sealed = (row.get::<_, Vec<u8>>(3)?, row.get::<_, Vec<u8>>(4)?);
                let received = row.get::<_, Option<i64>>(5)?;
                Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?, row.get::<_, u32>(2)?, sealed, received))
            });
            let Some(row) = row.optional()? else { return Ok(None) };
            // Items of a generation that could not be ended in order, because no space was left to say so.
            tx.execute("DELETE FROM item WHERE instruction = ?1", [&id])?;
            Ok(Some((row, trouble::given_up(tx, instruction, patience)?)))
        })?;
        let Some((row, given_up)) = started else { return Ok(None) };
        let (generation, case, failures, (wrapped, request), received) = row;
        let key = self.kek.unwrap(&wrapped, &context(instruction))?;
        let plain = Zeroizing::new(key.open(REQUEST, &request)?);
        let requested = serde_json::from_slice(&plain).map_err(|_| LedgerError::Corrupt("a request"))?;
        let case = case.parse().map_err(|_| LedgerError::Corrupt("a case id"))?;
        let received_at = received.map(timestamp).transpose()?;
        Ok(Some(Walk { generation, case, requested, received_at, key, given_up, failures }))
    }

    /// Ends a generation that came to nothing: its parts are void and the export waits. False: it had ended before.
    pub(crate) fn wait(
        &self,
        instruction: InstructionId,
        generation: u32,
        reason: &str,
        retry_at: Option<Timestamp>,
    ) -> Result<bool, LedgerError> {
        let id = instruction.to_string();
        self.write(Sync::Durable, |tx| {
            let changed = tx.execute(
                "UPDATE export SET state = 'pending', reason = ?3, retry_at = ?4, failures = failures + 1
                 WHERE instruction = ?1 AND generation = ?2 AND state IN ('running', 'pending') AND held IS NULL",
                params![id, generation, reason, retry_at.map(millis)],
            )?;
            tx.execute(
                "DELETE FROM item WHERE instruction = ?1 AND EXISTS
                        (SELECT 1 FROM export e WHERE e.instruction = ?1 AND e.state = 'pending')",
                [&id],
            )?;
            Ok(changed > 0)
        })
    }

    /// Somebody waits for the export: its time begins anew, unless its data lies there to be fetched.
    pub(crate) fn touch(&self, instruction: InstructionId, expires_at: Timestamp) -> Result<(), LedgerError> {
        self.write(Sync::Lazy, |tx| touch(tx, instruction, expires_at))
    }

    /// Ends an export for good and shreds what it kept. Returns how it stood; `None` when there is none.
    pub(crate) fn finish(&self, instruction: InstructionId) -> Result<Option<State>, LedgerError> {
        let before = self.write(Sync::Durable, |tx| {
            let before = find(tx, instruction)?.map(|export| export.state);
            if before.is_some_and(|state| state != State::Finished) {
                shred(tx, instruction, State::Finished)?;
            }
            Ok(before)
        })?;
        if before.is_some_and(State::is_open) {
            self.owe_forgetting();
        }
        Ok(before)
    }

    /// Shreds every export whose time is over, and names them.
    pub(crate) fn expire(&self, now: Timestamp) -> Result<Vec<InstructionId>, LedgerError> {
        let sql = "SELECT instruction FROM export
                   WHERE state IN ('pending', 'running', 'attested') AND expires_at <= ?1 AND NOT EXISTS
                         (SELECT 1 FROM question q WHERE q.instruction = export.instruction AND q.state = 'open')";
        if self.read(|tx| instructions(tx, sql, [millis(now)]))?.is_empty() {
            return Ok(Vec::new());
        }
        // Asked again: somebody may have come for one of them meanwhile.
        let over = self.write(Sync::Durable, |tx| {
            let over = instructions(tx, sql, [millis(now)])?;
            over.iter().try_for_each(|id| shred(tx, *id, State::Expired))?;
            Ok(over)
        })?;
        self.owe_forgetting();
        Ok(over)
    }

    /// What an open export is asked.
    pub(crate) fn requested(&self, instruction: InstructionId) -> Result<Option<Requested>, LedgerError> {
        self.read(|tx| {
            let sql = "SELECT request FROM export WHERE instruction = ?1 AND request IS NOT NULL";
            let sealed: Option<Vec<u8>> = tx.query_row(sql, [instruction.to_string()], |row| row.get(0)).optional()?;
            let Some(sealed) = sealed else { return Ok(None) };
            let plain = Zeroizing::new(self.content_key(tx, instruction)?.open(REQUEST, &sealed)?);
            serde_json::from_slice(&plain).map(Some).map_err(|_| LedgerError::Corrupt("a request"))
        })
    }

    /// The key of an open export.
    pub(super) fn content_key(&self, tx: &Tx<'_>, instruction: InstructionId) -> Result<ContentKey, LedgerError> {
        let sql = "SELECT wrapped_key FROM export WHERE instruction = ?1";
        let wrapped: Option<Vec<u8>> = tx.query_row(sql, [instruction.to_string()], |row| row.get(0))?;
        Ok(self.kek.unwrap(&wrapped.ok_or(LedgerError::Replaced)?, &context(instruction))?)
    }

    /// Whether an export still has its key.
    pub(super) fn is_kept(&self, tx: &Tx<'_>, instruction: InstructionId) -> Result<bool, LedgerError> {
        let sql = "SELECT wrapped_key IS NOT NULL FROM export WHERE instruction = ?1";
        Ok(tx.query_row(sql, [instruction.to_string()], |row| row.get(0))?)
    }

    /// Tells a repetition from another request, and nothing to who reads the file.
    fn fingerprint(&self, new: &NewExport) -> Vec<u8> {
        let Requested { identifiers, format, right } = &new.requested;
        let person = identifier::digest(b"", identifiers);
        let about =
            [new.case.as_bytes(), person.as_slice(), right.as_str().as_bytes(), b"/", format.as_str().as_bytes()];
        self.key.mac("export/content", &about.concat()).to_vec()
    }
}

/// What an export's key is wrapped for.
fn context(instruction: InstructionId) -> Vec<u8> {
    [b"tributary agent export ".as_slice(), instruction.as_bytes()].concat()
}

/// An export as it stands at `now`.
pub(super) fn find_at(tx: &Tx<'_>, instruction: InstructionId, now: Timestamp) -> Result<Option<Export>, LedgerError> {
    Ok(find(tx, instruction)?.map(|export| export.at(now)))
}

fn find(tx: &Tx<'_>, instruction: InstructionId) -> Result<Option<Export>, LedgerError> {
    let sql =
        "SELECT case_id, iif(held IS NULL, state, 'held'), generation, reason, retry_at, failures, expires_at, EXISTS
                      (SELECT 1 FROM question q WHERE q.instruction = ?1 AND q.state = 'open')
               FROM export WHERE instruction = ?1";
    let row = |row: &Row<'_>| {
        Ok((
            (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?),
            (row.get::<_, Option<i64>>(4)?, row.get(5)?, row.get::<_, i64>(6)?, row.get(7)?),
        ))
    };
    let found = tx.query_row(sql, [instruction.to_string()], row).optional()?;
    let Some(((case, state, generation, reason), (retry_at, failures, expires_at, is_asked))) = found else {
        return Ok(None);
    };
    Ok(Some(Export {
        case: case.parse().map_err(|_| LedgerError::Corrupt("a case id"))?,
        state: State::parse(&state)?,
        generation,
        reason,
        retry_at: retry_at.map(timestamp).transpose()?,
        failures,
        expires_at: timestamp(expires_at)?,
        is_asked,
    }))
}

pub(super) fn touch(tx: &Tx<'_>, instruction: InstructionId, expires_at: Timestamp) -> Result<(), LedgerError> {
    let sql = "UPDATE export SET expires_at = ?2 WHERE instruction = ?1 AND state IN ('pending', 'running')";
    tx.execute(sql, params![instruction.to_string(), millis(expires_at)])?;
    Ok(())
}

/// Drops the key, the request and everything that was kept of an export, which then stands as `state`.
fn shred(tx: &Tx<'_>, instruction: InstructionId, state: State) -> Result<(), LedgerError> {
    let id = instruction.to_string();
    tx.execute("DELETE FROM item WHERE instruction = ?1", [&id])?;
    tx.execute("DELETE FROM trouble WHERE instruction = ?1", [&id])?;
    questions::withdraw(tx, instruction)?;
    tx.execute(
        "UPDATE export SET state = ?2, wrapped_key = NULL, request = NULL, reason = NULL, retry_at = NULL, held = NULL
         WHERE instruction = ?1",
        params![id, state.as_str()],
    )?;
    Ok(())
}

fn instructions(tx: &Tx<'_>, sql: &str, params: impl rusqlite::Params) -> Result<Vec<InstructionId>, LedgerError> {
    let mut statement = tx.prepare(sql)?;
    let rows = statement.query_map(params, |row| row.get::<_, String>(0))?;
    rows.map(|row| row.map_err(LedgerError::from).and_then(|id| parse(&id))).collect()
}

fn parse(id: &str) -> Result<InstructionId, LedgerError> {
    id.parse().map_err(|_| LedgerError::Corrupt("an instruction id"))
}
