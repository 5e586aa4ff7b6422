//! What an export has produced and produces, as a stream: first what exists, then each thing as it comes.
//!
//! The ledger says what there is; `changes` says when to look. Nothing is kept for a watcher that is slow but the
//! batch it has not taken yet.

use std::collections::VecDeque;

use futures::Stream;
use futures::stream::try_unfold;
use jiff::Timestamp;
use tokio::sync::watch;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::id::InstructionId;

use super::{ExportError, Exports};
use crate::ledger::{Export, Item, Most, State, View};

/// What a watcher holds at once: a preview may be 256 KiB.
const BATCH: Most = Most { items: 64, bytes: 512 * 1024 };

/// One thing that happened to an export.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A generation started; what came before is void.
    GenerationStarted(u32),
    /// A table's form.
    Table(Table),
    /// A finished part of this generation.
    Part(u32, Part),
    /// An extract of a collection, after its last part.
    Preview(Preview),
    /// What is recorded about the processing.
    Information(Information),
    /// It waits.
    Pending {
        /// Why.
        reason: String,
        /// Until when, if that is known.
        retry_at: Option<Timestamp>,
    },
    /// It is at its end.
    Attested {
        /// What was signed.
        envelope: Vec<u8>,
        /// Parts of the generation.
        parts: u32,
    },
}

struct Watch {
    exports: Exports,
    instruction: InstructionId,
    changed: watch::Receiver<()>,
    /// The generation announced; 0 for none.
    generation: u32,
    /// Position of the last of its items that was passed on.
    position: u32,
    /// What was last said about waiting.
    said: Option<Event>,
    queue: VecDeque<Event>,
    ended: bool,
}

/// Everything from the beginning to the attestation.
pub(super) fn events(
    exports: Exports,
    instruction: InstructionId,
) -> impl Stream<Item = Result<Event, ExportError>> + Send + use<> {
    let changed = exports.0.changes.subscribe(instruction);
    let queue = VecDeque::new();
    let watch = Watch { exports, instruction, changed, generation: 0, position: 0, said: None, queue, ended: false };
    try_unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Ok(event.map(|event| (event, watch)))
    })
}

impl Watch {
    async fn next(&mut self) -> Result<Option<Event>, ExportError> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            self.changed.mark_unchanged();
            self.look().await?;
            if self.queue.is_empty() && !self.ended {
                let stopping = self.exports.0.stopping.clone();
                // The sender lives as long as it is subscribed to.
                let changed = stopping.run_until_cancelled(self.changed.changed()).await;
                changed.ok_or(ExportError::Stopping)?.map_err(|_| ExportError::NotFound)?;
            }
        }
    }

    async fn look(&mut self) -> Result<(), ExportError> {
        let (instruction, generation, position) = (self.instruction, self.generation, self.position);
        let view = self
            .exports
            .blocking(move |inner| {
                Ok(inner.setup.ledger.view(instruction, generation, position, BATCH, inner.now())?)
            })
            .await?;
        let view = view.filter(|view| view.export.state.is_open()).ok_or(ExportError::NotFound)?;
        self.take(view);
        Ok(())
    }

    fn take(&mut self, view: View) {
        let View { export, items, is_all, attested } = view;
        if export.state == State::Pending {
            return self.pending(export, "it waits for its turn");
        }
        if export.state != State::Held {
            self.said = None;
        }
        if export.generation != self.generation {
            self.generation = export.generation;
            self.position = 0;
            self.queue.push_back(Event::GenerationStarted(export.generation));
        }
        for (position, item) in items {
            self.position = position;
            self.queue.push_back(match item {
                Item::Table(table) => Event::Table(table),
                Item::Part(part) => Event::Part(export.generation, part),
                Item::Preview(preview) => Event::Preview(preview),
                Item::Information(information) => Event::Information(information),
            });
        }
        if let Some(attested) = attested {
            self.queue.push_back(Event::Attested { envelope: attested.envelope, parts: attested.parts });
            self.ended = true;
        } else if export.state == State::Held && is_all {
            self.pending(export, "it waits for people at the entity");
        }
    }

    /// Says why it waits, unless that was said last.
    fn pending(&mut self, export: Export, otherwise: &str) {
        let reason = export.reason.unwrap_or_else(|| otherwise.to_owned());
        let pending = Event::Pending { reason, retry_at: export.retry_at };
        if self.said.as_ref() != Some(&pending) {
            self.said = Some(pending.clone());
            self.queue.push_back(pending);
        }
    }
}
