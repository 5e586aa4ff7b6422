//! Does what people ask at the socket: lists questions, shows what they are about, takes answers. An answer is in the
//! ledger, and its files on the disk, before anybody is told so.

use std::collections::HashMap;
use std::io::{self, Read};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tributary_model::id::QuestionId;

use super::given::{self, NotTaken, Place};
use super::socket::SILENCE;
use super::table::TableCheck;
use super::wire::{self, Call, Frame, Listed, ListedPart, PIECE, Refusal, Reply, Shown, Verdict, invalid};
use super::{Answer, GivenFile, Kind, Standing, content};
use crate::export::{ExportError, Exports, Setup};
use crate::ledger::{Answered, Given, LedgerError, Matter, Question};
use crate::spool::PartName;

/// Parts listed at once.
const PAGE: usize = 256;
/// Most files of one answer.
const MOST_FILES: usize = 1000;
/// Longest reason, in characters.
const MAX_REASON: usize = 500;
/// Longest name of who answers, in characters.
const MAX_BY: usize = 200;
/// Pieces of a file on their way to the disk.
const QUEUE: usize = 4;

/// Serves people. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    exports: Exports,
}

/// Why something is refused, in words for the person who asks.
struct No(Refusal, String);

impl No {
    fn invalid(message: impl Into<String>) -> Self {
        Self(Refusal::Invalid, message.into())
    }
}

impl From<ExportError> for No {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::StorageFull => Self(Refusal::Later, error.to_string()),
            ExportError::NotFound => over(),
            other => {
                tracing::error!(error = %other, "the inbox cannot serve");
                Self(Refusal::Failed, "an internal error; the cause is in the agent's log".to_owned())
            }
        }
    }
}

impl Desk {
    pub(super) fn new(exports: Exports) -> Self {
        Self { exports }
    }

    /// Serves one call.
    pub(super) async fn serve<S>(&self, call: Call, user: &str, stream: &mut S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let done = match call {
            Call::List { all } => self.list(all, stream).await?,
            Call::Show { question } => self.show(question, stream).await?,
            Call::Read { question, part } => self.read(question, part, stream).await?,
            Call::Answer { question, part, verdict, by, files } => {
                let by = who(by.as_deref(), user);
                self.answer(question, part, verdict, &by, &files, stream).await?
            }
        };
        match done {
            Ok(reply) => wire::send(stream, &reply).await,
            Err(No(refusal, message)) => wire::send(stream, &Reply::Refused { refusal, message }).await,
        }
    }

    async fn list<S: AsyncWrite + Unpin>(&self, all: bool, stream: &mut S) -> io::Result<Result<Reply, No>> {
        let found = self.exports.at_desk(move |setup| {
            let questions = setup.ledger.questions(all)?;
            questions.iter().map(|question| Ok(listed(setup, question)?)).collect::<Result<Vec<_>, ExportError>>()
        });
        let listed = match found.await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(error.into())),
        };
        for question in listed {
            wire::send(stream, &Reply::Question(question)).await?;
        }
        Ok(Ok(Reply::End))
    }

    async fn show<S: AsyncWrite + Unpin>(&self, id: QuestionId, stream: &mut S) -> io::Result<Result<Reply, No>> {
        let (question, answers) = match self.question(id).await {
            Ok(question) => question,
            Err(no) => return Ok(Err(no)),
        };
        let found = self.exports.at_desk(move |setup| {
            let person = match question.standing {
                Standing::Open | Standing::Answered => setup.ledger.requested(question.instruction)?,
                Standing::Withdrawn | Standing::Lapsed => None,
            };
            let identifiers = person.map(|requested| requested.identifiers).unwrap_or_default();
            let person = identifiers.into_iter().map(|i| (i.kind.to_string(), i.value.expose().to_owned())).collect();
            Ok(Shown { question: listed(setup, &question)?, person })
        });
        match found.await {
            Ok(shown) => wire::send(stream, &Reply::Shown(shown)).await?,
            Err(error) => return Ok(Err(error.into())),
        }
        let mut after = 0;
        loop {
            let parts = match self.exports.at_desk(move |setup| Ok(setup.ledger.shown(id, after, PAGE)?)).await {
                Ok(parts) => parts,
                Err(error) => return Ok(Err(error.into())),
            };
            let Some(last) = parts.last() else { return Ok(Ok(Reply::End)) };
            after = last.number;
            for shown in parts {
                let answer = answers.get(&shown.matter).map(|answer| word(answer).to_owned());
                let part = shown.part;
                let path = part.path.as_str().to_owned();
                let (media_type, rows, bytes) = (part.media_type, part.rows, part.bytes);
                let listed = ListedPart { number: shown.number, path, media_type, rows, bytes, answer };
                wire::send(stream, &Reply::Part(listed)).await?;
            }
        }
    }

    async fn read<S: AsyncWrite + Unpin>(
        &self,
        id: QuestionId,
        number: u32,
        stream: &mut S,
    ) -> io::Result<Result<Reply, No>> {
        let instruction = match self.question(id).await {
            Ok((question, _)) => question.instruction,
            Err(no) => return Ok(Err(no)),
        };
        let opened = self.exports.at_desk(move |setup| {
            let shown = setup.ledger.shown(id, number.saturating_sub(1), 1)?;
            let Some(shown) = shown.into_iter().next().filter(|_| number > 0) else { return Ok(None) };
            let name = PartName { instruction, generation: shown.source.generation, index: shown.source.index };
            let reader = setup.spool.read(name, &setup.ledger.key_of(instruction)?)?;
            Ok(Some(content::plain(reader, shown.part.encoding)))
        });
        let mut reader = match opened.await {
            Ok(Some(reader)) => reader,
            Ok(None) => return Ok(Err(no_part())),
            Err(error) => return Ok(Err(error.into())),
        };
        wire::send(stream, &Reply::Ready).await?;
        loop {
            let read = self.exports.at_desk(move |_| {
                let mut piece = vec![0; PIECE];
                let length = reader.read(&mut piece)?;
                piece.truncate(length);
                Ok((reader, piece))
            });
            let piece = match read.await {
                Ok((again, piece)) => {
                    reader = again;
                    piece
                }
                Err(error) => return Ok(Err(error.into())),
            };
            wire::send_bytes(stream, &piece).await?;
            if piece.is_empty() {
                return Ok(Ok(Reply::End));
            }
        }
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        id: QuestionId,
        part: Option<u32>,
        verdict: Verdict,
        by: &str,
        files: &[String],
        stream: &mut S,
    ) -> io::Result<Result<Reply, No>> {
        let question = match self.question(id).await {
            Ok((question, _)) => question,
            Err(no) => return Ok(Err(no)),
        };
        if let Err(no) = fits(&question, part, &verdict, files.len()) {
            return Ok(Err(no));
        }
        wire::send(stream, &Reply::Ready).await?;
        let mut taken = Vec::with_capacity(files.len());
        for name in files {
            match self.take(&question, part, verdict == Verdict::Replace, name, stream).await {
                Ok(Ok(file)) => taken.push(file),
                not_taken => {
                    self.drop_files(&question, taken).await;
                    return not_taken.map(|no| Err(no.err().unwrap_or_else(no_part)));
                }
            }
        }
        let answer = said(verdict, &mut taken.clone());
        let (by, own) = (by.to_owned(), answer.clone());
        let kept = self.exports.at_desk(move |setup| {
            let expires_at = super::due::plus(setup.clock.now(), setup.spool_limits.keep);
            let given = Given { question: id, number: part, answer: &own, by: &by, expires_at };
            Ok(setup.ledger.answer(&given, setup.clock.now())?)
        });
        let kept = kept.await;
        if !matches!(kept, Ok(Answered::Kept { .. })) {
            self.drop_files(&question, taken).await;
        }
        Ok(match kept {
            Ok(Answered::Kept { whole }) => {
                tracing::info!(question = %id, kind = question.kind.as_str(), whole, "an answer was given");
                self.exports.changed(question.instruction);
                Ok(Reply::Kept { whole, known: false })
            }
            Ok(Answered::Known) => Ok(Reply::Kept { whole: true, known: true }),
            Ok(Answered::Differs) => {
                Err(No::invalid("it was answered otherwise before, and an answer given stands; nothing was changed"))
            }
            Ok(Answered::Over) => Err(over()),
            Ok(Answered::NotThere) => Err(no_part()),
            Err(error) => Err(error.into()),
        })
    }

    /// Takes one file into the spool. Where the question is answered or its export has ended it is only measured, to tell
    /// whether the same was given before: the export may end, and its folder go, while the file comes.
    async fn take<S: AsyncRead + Unpin>(
        &self,
        question: &Question,
        part: Option<u32>,
        replaces: bool,
        name: &str,
        stream: &mut S,
    ) -> io::Result<Result<GivenFile, No>> {
        let (instruction, id, name) = (question.instruction, question.id, name.to_owned());
        let is_answered = question.standing == Standing::Answered;
        let (pieces, queue) = mpsc::channel(QUEUE);
        let taking = self.exports.at_desk(move |setup| {
            let key = match setup.ledger.key_of(instruction) {
                Err(LedgerError::Replaced) => return Ok(given::measure(&name, queue)),
                Ok(_) if is_answered => return Ok(given::measure(&name, queue)),
                key => key?,
            };
            let check = match part.filter(|_| replaces) {
                Some(number) => match original(setup, question_part(setup, id, number)?, instruction) {
                    Ok(check) => check,
                    Err(error) => return Ok(Err(error)),
                },
                None => None,
            };
            let number = setup.ledger.next_given(instruction)?;
            let place = Place { spool: &setup.spool, key: &key, instruction, number };
            Ok(given::take(&place, &name, check, queue))
        });
        let sending = async {
            loop {
                let piece = match tokio::time::timeout(SILENCE, wire::receive::<Call>(stream)).await?? {
                    Frame::Bytes(piece) => piece,
                    Frame::Message(_) => return Err(invalid("a message within a file")),
                };
                let piece = Some(piece).filter(|piece| !piece.is_empty());
                let is_end = piece.is_none();
                // Who takes has said no: what it said counts.
                if pieces.send(piece).await.is_err() || is_end {
                    drop(pieces);
                    return Ok(());
                }
            }
        };
        let (taken, sent) = tokio::join!(taking, sending);
        Ok(match taken {
            Ok(Ok(file)) => Ok(file),
            Ok(Err(NotTaken::Cut)) => {
                sent?;
                Err(No::invalid("the file did not come to its end"))
            }
            Ok(Err(NotTaken::Full(reason))) => Err(No(Refusal::Later, reason)),
            Ok(Err(NotTaken::Table(error))) => Err(No::invalid(error.to_string())),
            Ok(Err(NotTaken::Io(error))) => Err(self.failed(question, error.into()).await),
            Err(error) => Err(error.into()),
        })
    }

    /// Why something failed: what an export that ended meanwhile takes along is no fault.
    async fn failed(&self, question: &Question, error: ExportError) -> No {
        let instruction = question.instruction;
        let is_over = move |setup: &Setup| Ok(matches!(setup.ledger.key_of(instruction), Err(LedgerError::Replaced)));
        if matches!(self.exports.at_desk(is_over).await, Ok(true)) { over() } else { error.into() }
    }

    async fn question(&self, id: QuestionId) -> Result<(Question, HashMap<Matter, Answer>), No> {
        let found = self.exports.at_desk(move |setup| {
            let Some(question) = setup.ledger.question(id)? else { return Ok(None) };
            let answers = setup.ledger.answers(id)?;
            Ok(Some((question, answers)))
        });
        let none =
            || No(Refusal::NotFound, "there is no such question; `tributary agent inbox list` shows them".to_owned());
        found.await?.ok_or_else(none)
    }

    /// Drops files of an answer that was not kept.
    async fn drop_files(&self, question: &Question, files: Vec<GivenFile>) {
        let instruction = question.instruction;
        let dropped = self.exports.at_desk(move |setup| {
            files.iter().try_for_each(|file| setup.spool.remove_part(file.place(instruction)))?;
            // An export that ended meanwhile has no folder, unless this answer made it anew.
            if matches!(setup.ledger.key_of(instruction), Err(LedgerError::Replaced)) {
                setup.spool.remove(instruction)?;
            }
            Ok(())
        });
        if let Err(error) = dropped.await {
            tracing::warn!(%error, "files of an answer that was not kept could not be removed; they go with their export");
        }
    }
}

/// Whether a question of its kind can be answered so.
fn fits(question: &Question, part: Option<u32>, verdict: &Verdict, files: usize) -> Result<(), No> {
    let needed = match verdict {
        Verdict::Files | Verdict::Nothing | Verdict::CannotAnswer(_) => Kind::Manual,
        Verdict::Release | Verdict::Withhold(_) | Verdict::Replace => Kind::Review,
        Verdict::Fulfil | Verdict::Refuse(_) => Kind::Decision,
    };
    if question.kind != needed {
        return Err(No::invalid(match question.kind {
            Kind::Manual => "it is a search by hand: answer with --file, --none or --refuse",
            Kind::Review => "it is a review: answer with --release, --withhold or --replace",
            Kind::Decision => "it is a decision on the whole request: answer with --fulfil or --refuse",
        }));
    }
    if let Verdict::CannotAnswer(reason) | Verdict::Withhold(reason) | Verdict::Refuse(reason) = verdict {
        let length = reason.chars().count();
        if reason.trim().is_empty() || length > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(No::invalid(format!(
                "a reason must be one line of 1 to {MAX_REASON} characters; it is shown to the person"
            )));
        }
    }
    match verdict {
        Verdict::Replace if part.is_none() || files != 1 => {
            Err(No::invalid("a replacement needs --part, the number of what it replaces, and one file"))
        }
        Verdict::Files if files == 0 || files > MOST_FILES => {
            Err(No::invalid(format!("an answer needs 1 to {MOST_FILES} files")))
        }
        _ if question.kind != Kind::Review && part.is_some() => {
            Err(No::invalid("only a review is answered by parts: leave --part out"))
        }
        _ => Ok(()),
    }
}

fn said(verdict: Verdict, files: &mut Vec<GivenFile>) -> Answer {
    match verdict {
        Verdict::Nothing => Answer::Nothing,
        Verdict::CannotAnswer(reason) => Answer::CannotAnswer(reason),
        Verdict::Release => Answer::Released,
        Verdict::Withhold(reason) => Answer::Withheld(reason),
        Verdict::Fulfil => Answer::Fulfilled,
        Verdict::Refuse(reason) => Answer::Refused(reason),
        Verdict::Files => Answer::Files(std::mem::take(files)),
        Verdict::Replace => match files.pop() {
            Some(file) => Answer::Replaced(file),
            None => Answer::Withheld(String::new()),
        },
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Files(_) => "files",
        Answer::Nothing => "nothing",
        Answer::CannotAnswer(_) => "cannot_answer",
        Answer::Released => "released",
        Answer::Withheld(_) => "withheld",
        Answer::Replaced(_) => "replaced",
        Answer::Fulfilled => "fulfilled",
        Answer::Refused(_) => "refused",
    }
}

fn over() -> No {
    No::invalid("the question has ended; an answer is needed no more")
}

fn no_part() -> No {
    No(Refusal::NotFound, "there is no such part now: look again with `tributary agent inbox show`".to_owned())
}

/// Who answers: the user of this machine, and whom they say they answer for.
fn who(by: Option<&str>, user: &str) -> String {
    match by.map(str::trim).filter(|by| !by.is_empty()) {
        None => user.to_owned(),
        Some(by) => {
            let by: String = by.chars().filter(|c| !c.is_control()).take(MAX_BY).collect();
            format!("{by} (user {user})")
        }
    }
}

fn question_part(setup: &Setup, id: QuestionId, number: u32) -> Result<Option<crate::ledger::Shown>, LedgerError> {
    let shown = setup.ledger.shown(id, number.saturating_sub(1), 1)?;
    Ok(shown.into_iter().next().filter(|_| number > 0))
}

/// What a version of a table is held against; nothing for other files.
fn original(
    setup: &Setup,
    shown: Option<crate::ledger::Shown>,
    instruction: tributary_model::id::InstructionId,
) -> Result<Option<TableCheck>, NotTaken> {
    let Some(shown) = shown.filter(|shown| shown.part.kind == tributary_archive::part::PartKind::Table) else {
        return Ok(None);
    };
    let name = PartName { instruction, generation: shown.source.generation, index: shown.source.index };
    let key = setup.ledger.key_of(instruction).map_err(|error| NotTaken::Io(io::Error::other(error.to_string())))?;
    let mut plain = content::plain(setup.spool.read(name, &key)?, shown.part.encoding);
    Ok(Some(TableCheck::new(&shown.part, &mut plain)?))
}

fn listed(setup: &Setup, question: &Question) -> Result<Listed, LedgerError> {
    let (parts, answered_parts) = setup.ledger.progress(question.id)?;
    let manual = setup.systems.manual();
    let asked = manual.into_iter().find(|m| m.dataset == question.dataset && m.collection == question.collection);
    let (answered_by, answered_at) = question.answered.clone().unzip();
    let (dataset, collection) = question.place().unzip();
    Ok(Listed {
        id: question.id,
        entity: setup.signer.entity.clone(),
        kind: question.kind,
        case: question.case,
        received_at: question.received_at,
        dataset: dataset.cloned(),
        collection: collection.map(str::to_owned),
        ask: asked.filter(|_| question.kind == Kind::Manual).map(|manual| manual.ask).unwrap_or_default(),
        state: question.standing,
        created_at: question.created_at,
        due_at: question.due_at,
        overdue: question.standing == Standing::Open && question.due_at <= setup.clock.now(),
        parts,
        answered_parts,
        answered_by,
        answered_at,
    })
}
