//! What people let through joins what a walk gave: released parts, their replacements, and files that people found.
//!
//! The same answers give the same items in the same order, so that doing it again after a crash changes nothing that the
//! gateway has seen. At the end everything given is summed up from the ledger, which is what is signed.

use std::collections::BTreeMap;

use tributary_archive::attestation::PartsSummary;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::preview::{self, Preview};
use tributary_archive::table::{self, Table};
use tributary_model::id::{FidesKey, InstructionId};

use super::Inner;
use super::held::HeldError;
use crate::inbox::{Answer, GivenFile, Kind, Outcome, Review, Standing, name_in_path, plain};
use crate::ledger::{Entry, Held, Item, KeptBack, Matter, Question, Source};
use crate::spool::PartName;

/// Items kept or read at once.
const BATCH: usize = 64;

/// Why something does not leave that nobody has looked at in time.
const UNSEEN: &str = "nobody at the entity has looked at it in time";

/// Gives items of a held generation after those of its walk.
pub(super) struct Giving<'a> {
    inner: &'a Inner,
    instruction: InstructionId,
    held: &'a Held,
    /// The last position kept.
    position: u32,
    /// Parts given so far.
    parts: u32,
    waiting: Vec<Entry>,
    reviews: Vec<Review>,
    manual: Vec<(FidesKey, String, Outcome)>,
}

/// Everything given, in sum.
pub(super) struct AllGiven {
    pub(super) parts: PartsSummary,
    pub(super) tables: Sha256Hex,
    pub(super) previews: Option<Sha256Hex>,
    pub(super) reviews: Vec<Review>,
    pub(super) manual: Vec<(FidesKey, String, Outcome)>,
}

impl<'a> Giving<'a> {
    /// Begins after the walk's own items; what an earlier try gave after them is dropped.
    pub(super) fn new(inner: &'a Inner, instruction: InstructionId, held: &'a Held) -> Result<Self, HeldError> {
        let (position, parts) = (held.end.position, held.end.parts);
        inner.setup.ledger.ungive(instruction, held.generation, position)?;
        let (waiting, reviews, manual) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { inner, instruction, held, position, parts, waiting, reviews, manual })
    }

    /// Gives what the answers to a question let through.
    pub(super) fn question(&mut self, question: &Question) -> Result<(), HeldError> {
        let mut answers = self.inner.setup.ledger.answers(question.id)?;
        match question.kind {
            Kind::Review => self.review(question, &answers),
            // Nothing else than a person's word lets anything leave, here as well.
            Kind::Decision if answers.get(&Matter::new()) == Some(&Answer::Fulfilled) => self.decided(question),
            Kind::Decision => Ok(()),
            Kind::Manual => {
                let outcome = match (answers.remove(&Matter::new()), question.standing) {
                    (Some(Answer::Files(files)), _) => {
                        for file in &files {
                            self.found(question, file)?;
                        }
                        Outcome::Files(files.len())
                    }
                    (Some(Answer::Nothing), _) => Outcome::Nothing,
                    (Some(Answer::CannotAnswer(reason)), _) => Outcome::NotAnswered(reason),
                    _ => Outcome::NotAnswered("nobody at the entity has answered in time".to_owned()),
                };
                self.manual.push((question.dataset.clone(), question.collection.clone(), outcome));
                Ok(())
            }
        }
    }

    /// Gives everything that waited for the decision, in the order of its walk.
    fn decided(&mut self, question: &Question) -> Result<(), HeldError> {
        let mut after = 0;
        loop {
            let found = self.inner.setup.ledger.kept_back(question.id, &self.held.key, after, BATCH)?;
            let Some(last) = found.last() else { return Ok(()) };
            after = last.position;
            for KeptBack { item, source, .. } in found {
                match item {
                    Item::Part(part) => self.part(part, source)?,
                    other => self.give(other.into())?,
                }
            }
        }
    }

    fn review(
        &mut self,
        question: &Question,
        answers: &std::collections::HashMap<Matter, Answer>,
    ) -> Result<(), HeldError> {
        debug_assert!(question.standing != Standing::Open, "only what is answered is given");
        let mut review = Review::of(question.dataset.clone(), question.collection.clone());
        let (mut after, mut table, mut files) = (0, None, Vec::new());
        loop {
            let found = self.inner.setup.ledger.kept_back(question.id, &self.held.key, after, BATCH)?;
            let Some(last) = found.last() else { break };
            after = last.position;
            for KeptBack { item, source, matter, .. } in found {
                match item {
                    Item::Table(form) => {
                        review.is_marked(&form);
                        table = Some(form);
                    }
                    Item::Part(part) => {
                        let answer = matter.as_ref().and_then(|matter| answers.get(matter));
                        files.extend(self.reviewed(part, source, answer, &mut table, &mut review)?);
                    }
                    // It shows rows that may not leave; a person's own version has none.
                    Item::Preview(preview) if review.is_untouched() => self.give(Item::Preview(preview).into())?,
                    Item::Preview(_) | Item::Information(_) => {}
                }
            }
        }
        // What was counted by the walk holds no more where a person gave another version, or kept some back.
        if !review.is_untouched() && review.has_marks() {
            for (source, media_type, encoding) in files {
                let name =
                    PartName { instruction: self.instruction, generation: source.generation, index: source.index };
                let reader = self.inner.setup.spool.read(name, &self.held.key)?;
                review.count_marks(&media_type, &mut plain(reader, encoding))?;
            }
        }
        self.reviews.push(review);
        Ok(())
    }

    /// Gives a part as it was answered. Returns where the bytes of a table's part are.
    fn reviewed(
        &mut self,
        part: Part,
        source: Option<Source>,
        answer: Option<&Answer>,
        table: &mut Option<Table>,
        review: &mut Review,
    ) -> Result<Option<(Source, String, Encoding)>, HeldError> {
        let (part, source) = match answer {
            Some(Answer::Released) => (part, source),
            Some(Answer::Replaced(file)) => {
                review.replaced(part.rows.saturating_sub(file.rows));
                (in_place_of(part, file), Some(file.source()))
            }
            Some(Answer::Withheld(reason)) => {
                review.withheld(part.rows, reason);
                return Ok(None);
            }
            _ => {
                review.withheld(part.rows, UNSEEN);
                return Ok(None);
            }
        };
        if part.kind == PartKind::Table
            && let Some(form) = table.take()
        {
            self.give(Item::Table(form).into())?;
        }
        review.given();
        let of_table = source.filter(|_| part.kind == PartKind::Table);
        let file = of_table.map(|source| (source, part.media_type.clone(), part.encoding));
        self.part(part, source)?;
        Ok(file)
    }

    /// A file that a person found.
    fn found(&mut self, question: &Question, file: &GivenFile) -> Result<(), HeldError> {
        let part = Part {
            index: 0,
            path: name_in_path(&question.dataset, &question.collection, file.number, &file.name),
            dataset: question.dataset.clone(),
            collection: question.collection.clone(),
            kind: PartKind::Attachment,
            media_type: file.media_type.clone(),
            encoding: file.encoding,
            rows: 0,
            bytes: file.bytes,
            encoded_bytes: file.encoded_bytes,
            crc32: file.crc32,
            sha256: file.sha256,
            encoded_sha256: file.encoded_sha256,
        };
        self.part(part, Some(file.source()))
    }

    fn part(&mut self, part: Part, source: Option<Source>) -> Result<(), HeldError> {
        self.parts += 1;
        let item = Item::Part(Part { index: self.parts, ..part });
        self.give(Entry { source, ..item.into() })
    }

    fn give(&mut self, entry: Entry) -> Result<(), HeldError> {
        self.waiting.push(entry);
        if self.waiting.len() >= BATCH { self.keep() } else { Ok(()) }
    }

    fn keep(&mut self) -> Result<(), HeldError> {
        let (ledger, held) = (&self.inner.setup.ledger, self.held);
        ledger.keep(self.instruction, held.generation, self.position + 1, &self.waiting, &held.key)?;
        // At most a batch.
        self.position += u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.waiting.clear();
        self.inner.changes.tell(self.instruction);
        Ok(())
    }

    /// Keeps what waits, and sums up everything that is given of the generation.
    pub(super) fn finish(mut self) -> Result<AllGiven, HeldError> {
        self.keep()?;
        let mut parts =
            PartsSummary { count: 0, bytes: 0, encoded_bytes: 0, rows: 0, sha256: PartListDigest::new().finish() };
        let mut list = PartListDigest::new();
        let mut tables: BTreeMap<(FidesKey, String), (Table, bool)> = BTreeMap::new();
        let mut previews: Vec<Preview> = Vec::new();
        self.inner.setup.ledger.each_given(self.instruction, self.held.generation, |item| match item {
            Item::Table(table) => {
                tables.insert((table.dataset.clone(), table.collection.clone()), (table, false));
            }
            Item::Part(part) => {
                parts.count += 1;
                parts.bytes += part.bytes;
                parts.encoded_bytes += part.encoded_bytes;
                parts.rows += part.rows;
                list.push(&part);
                let table = tables.get_mut(&(part.dataset, part.collection));
                if let (PartKind::Table, Some((_, is_used))) = (part.kind, table) {
                    *is_used = true;
                }
            }
            Item::Preview(preview) => previews.push(preview),
            Item::Information(_) => {}
        })?;
        let tables = tables.values().filter(|(_, is_used)| *is_used).map(|(table, _)| table);
        Ok(AllGiven {
            parts: PartsSummary { sha256: list.finish(), ..parts },
            tables: table::digest(tables),
            previews: (!previews.is_empty()).then(|| preview::digest(&previews)),
            reviews: self.reviews,
            manual: self.manual,
        })
    }
}

/// A file as it leaves under the name of another.
fn in_place_of(part: Part, file: &GivenFile) -> Part {
    let media_type = match part.kind {
        PartKind::Table => part.media_type,
        PartKind::Attachment => file.media_type.clone(),
    };
    Part {
        media_type,
        encoding: file.encoding,
        rows: file.rows,
        bytes: file.bytes,
        encoded_bytes: file.encoded_bytes,
        crc32: file.crc32,
        sha256: file.sha256,
        encoded_sha256: file.encoded_sha256,
        ..part
    }
}
