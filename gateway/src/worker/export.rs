//! One export: what the agent announces is fetched as it comes, several parts at once, and checked against the
//! attestation at the end. Everything staged belongs to one generation.
//!
//! A cut of the announcements does not stop the parts under way: they go on while the export is watched anew.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tributary_archive::part::Part;
use tributary_archive::table::Table;

use super::Worker;
use super::attempt::{Progress, Trouble};
use super::intake::Intake;
use super::partials::Key;
use crate::attest::{Expected, verify_attestation};
use crate::entity::{Client, Destination, EntityError, Order, Watch, Watched};
use crate::stage::Staged;
use crate::store::{Brought, Claim};

/// Pause before an export is watched anew while its parts go on.
const REWATCH: Duration = Duration::from_millis(200);

/// How long parts under way get to come to an end of their own once one, or the announcing of them, has failed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What waits to be kept at most, before no more is taken: a preview may be 256 KiB.
const WAITING: usize = 256 * 1024;

/// Parts from which on an answer keeps their descriptors once more, in one piece.
const MANY: usize = 16;

/// Parts under way, and what is being kept.
type Steps<'f> = FuturesUnordered<BoxFuture<'f, Result<Step, Trouble>>>;

/// What has come to its end.
enum Step {
    /// A part is durable, and is to be kept.
    Fetched(Staged),
    /// These parts, and what was brought with them, are kept.
    Kept(Vec<Staged>),
}

/// What comes next of an export's announcements.
enum Next {
    Watching(Watch),
    Watched(Option<Watched>),
}

impl Worker {
    pub(super) async fn export(
        &self,
        client: &Client,
        order: &Order,
        claim: &Claim,
        progress: &Progress,
    ) -> Result<(), Trouble> {
        let mut intake = self.resume(claim).await?;
        let mut steps = Steps::new();
        let taken = self.take_in(client, order, claim, progress, &mut intake, &mut steps).await;
        if taken.is_err() {
            // They stop by the same cut a moment later, and keep what they have.
            come_to_an_end(&mut steps, &mut intake, claim).await;
            let brought = std::mem::take(&mut intake.brought);
            if !brought.is_empty() {
                // The first failure counts.
                let _ = self.keep(claim, intake.generation, brought, progress).await;
            }
        }
        let envelope = taken?.ok_or(Trouble::Later)?;
        self.answer(claim, &intake, envelope).await
    }

    /// Takes what is announced until the end, and the parts with it; the attestation, if it came.
    ///
    /// What comes while something is being kept is kept together after it: the more there is, the fewer commits.
    async fn take_in<'f>(
        &'f self,
        client: &'f Client,
        order: &'f Order,
        claim: &'f Claim,
        progress: &'f Progress,
        intake: &mut Intake,
        steps: &mut Steps<'f>,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let mut watch: Option<Watch> = None;
        let mut pause = Duration::ZERO;
        let mut end: Option<Vec<u8>> = None;
        let mut keeping = false;
        loop {
            if !keeping && intake.is_to_be_kept(end.is_some(), WAITING) {
                let brought = std::mem::take(&mut intake.brought);
                steps.push(self.keep(claim, intake.generation, brought, progress).boxed());
                keeping = true;
            }
            let under_way = steps.len() - usize::from(keeping);
            let room = end.is_none() && under_way < self.0.limits.parts_per_export && intake.brought.bytes() < WAITING;
            let next = tokio::select! {
                biased;
                Some(step) = steps.next(), if !steps.is_empty() => {
                    match step? {
                        Step::Fetched(staged) => intake.brought.part(&claim.keys, staged)?,
                        Step::Kept(parts) => {
                            keeping = false;
                            intake.kept(parts);
                        }
                    }
                    continue;
                }
                next = next(client, order, &mut watch, pause), if room => next,
                else => break,
            };
            match next {
                Ok(Next::Watching(new)) => watch = Some(new),
                Ok(Next::Watched(Some(Watched::Generation(generation)))) => {
                    if generation != intake.generation {
                        // Over before anything is written, so that nothing of the old generation follows.
                        come_to_an_end(steps, intake, claim).await;
                        steps.clear();
                        keeping = false;
                        self.begin(claim, intake, generation).await?;
                        progress.made();
                    }
                }
                Ok(Next::Watched(Some(Watched::Table(table)))) => {
                    if intake.table(&table)? {
                        intake.brought.table(&claim.keys, &table)?;
                    }
                }
                Ok(Next::Watched(Some(Watched::Preview(preview)))) => {
                    if intake.preview(&preview)? {
                        intake.brought.preview(&claim.keys, &preview)?;
                    }
                }
                Ok(Next::Watched(Some(Watched::Information(information)))) => {
                    if intake.information(&information)? {
                        intake.brought.information(&claim.keys, &information)?;
                    }
                }
                Ok(Next::Watched(Some(Watched::Part(part)))) => {
                    if intake.part(&part, &self.0.limits)? {
                        steps.push(self.fetch(client, order, claim, intake.generation, part, progress).boxed());
                    }
                }
                Ok(Next::Watched(Some(Watched::Pending { reason, .. }))) => {
                    intake.waits = true;
                    progress.made();
                    self.0.store.pending(claim, reason, self.0.clock.now()).await?;
                }
                Ok(Next::Watched(Some(Watched::Attested(envelope)))) => end = Some(envelope),
                Ok(Next::Watched(None)) => break,
                // It had said that it waits: that is no failure, however long it takes.
                Err(EntityError::TimedOut { .. }) if intake.waits && steps.is_empty() => return Err(Trouble::Later),
                Err(error) if error.is_unreachable() && !steps.is_empty() => (watch, pause) = (None, REWATCH),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(end)
    }

    /// What earlier attempts staged.
    async fn resume(&self, claim: &Claim) -> Result<Intake, Trouble> {
        if claim.generation == 0 {
            return Ok(Intake::default());
        }
        let staged = self.0.store.staged(claim).await?;
        let tables = self.0.store.staged_tables(claim).await?;
        let previews = self.0.store.staged_previews(claim).await?;
        let information = self.0.store.staged_information(claim).await?;
        Ok(Intake::resumed(claim.generation, staged, tables, &previews, information))
    }

    async fn begin(&self, claim: &Claim, intake: &mut Intake, generation: u32) -> Result<(), Trouble> {
        if generation < intake.generation {
            return Err(Trouble::Changed("its generation to an older one"));
        }
        self.0.partials.forget(claim.export, None);
        let dropped = self.0.store.generation_started(claim, generation, self.0.clock.now()).await?;
        dropped.iter().for_each(|object| self.0.objects.remove(claim.case, object));
        intake.brought.parts().for_each(|staged| self.0.objects.remove(claim.case, &staged.object));
        *intake = Intake::new(generation);
        Ok(())
    }

    /// Fetches, verifies and stages one part. What a failure leaves half done is kept for the next attempt.
    async fn fetch(
        &self,
        client: &Client,
        order: &Order,
        claim: &Claim,
        generation: u32,
        part: Part,
        progress: &Progress,
    ) -> Result<Step, Trouble> {
        let _place = self.0.part_slots.acquire().await.map_err(|_| Trouble::Later)?;
        let key: Key = (claim.export, generation, part.index);
        let receiver = match self.0.partials.take(&key, &part) {
            Some(receiver) => receiver,
            None => self.destination(claim)?.begin(part).await?,
        };
        let before = receiver.received();
        match client.fetch_part(order, generation, receiver).await {
            Ok(staged) => Ok(Step::Fetched(staged)),
            Err(unfinished) => {
                if let Some(receiver) = unfinished.receiver {
                    if receiver.received() > before {
                        progress.made();
                    }
                    self.0.partials.keep(key, receiver);
                }
                Err(unfinished.error.into())
            }
        }
    }

    /// Commits what was brought.
    async fn keep(
        &self,
        claim: &Claim,
        generation: u32,
        brought: Brought,
        progress: &Progress,
    ) -> Result<Step, Trouble> {
        let parts: Vec<Staged> = brought.parts().cloned().collect();
        if let Err(error) = self.0.store.brought(claim, generation, brought, self.0.clock.now()).await {
            // They may be rows already when nobody knows whether it was kept.
            if error.changed_nothing() {
                parts.iter().for_each(|staged| self.0.objects.remove(claim.case, &staged.object));
            }
            return Err(error.into());
        }
        if !parts.is_empty() {
            progress.made();
        }
        Ok(Step::Kept(parts))
    }

    fn destination(&self, claim: &Claim) -> Result<Destination, Trouble> {
        let key = claim.keys.content()?.clone();
        Ok(Destination { objects: std::sync::Arc::clone(&self.0.objects), case: claim.case, key })
    }

    /// Verifies that the signed answer is about this task and covers exactly what is staged, and keeps it.
    async fn answer(&self, claim: &Claim, intake: &Intake, envelope: Vec<u8>) -> Result<(), Trouble> {
        let entity = self.0.group.entity(&claim.entity).ok_or(Trouble::NotListed)?;
        let parts: Vec<Part> = intake.staged.values().map(|staged| staged.part.clone()).collect();
        let tables: Vec<Table> = intake.tables.values().cloned().collect();
        // Read back rather than held while parts come: only now are they needed, all at once.
        let previews = self.0.store.staged_previews(claim).await?;
        let expected = Expected {
            case: claim.case,
            right: claim.right,
            instruction: claim.export,
            generation: intake.generation,
            parts: &parts,
            tables: &tables,
            previews: &previews,
            information: intake.informed(),
            group: &self.0.group.in_force(),
        };
        let now = self.0.clock.now();
        let attestation = verify_attestation(&envelope, entity, &expected, now)?;
        if parts.len() >= MANY {
            let mut all = Brought::default();
            all.all_parts(&claim.keys, &parts)?;
            self.0.store.brought(claim, intake.generation, all, now).await?;
        }
        self.0.store.attested(claim, attestation, envelope, now).await?;
        Ok(())
    }
}

/// Lets parts under way be staged, or fail: one that is dropped in between leaves an object that nothing names.
async fn come_to_an_end(steps: &mut Steps<'_>, intake: &mut Intake, claim: &Claim) {
    let all = async {
        while let Some(step) = steps.next().await {
            match step {
                // What cannot be sealed is swept like what is dropped.
                Ok(Step::Fetched(staged)) => drop(intake.brought.part(&claim.keys, staged)),
                Ok(Step::Kept(parts)) => intake.kept(parts),
                Err(_) => {}
            }
        }
    };
    // Whoever hangs is dropped, and what it leaves is swept at the next start.
    let _ = tokio::time::timeout(LAST_WORDS, all).await;
}

/// The next announcement, or the stream of them when there is none. May be dropped while it waits.
async fn next(client: &Client, order: &Order, watch: &mut Option<Watch>, pause: Duration) -> Result<Next, EntityError> {
    match watch {
        Some(watch) => watch.next().await.map(Next::Watched),
        None => {
            tokio::time::sleep(pause).await;
            client.watch_export(order).await.map(Next::Watching)
        }
    }
}
