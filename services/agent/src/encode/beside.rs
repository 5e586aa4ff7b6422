//! A press on a thread of its own: it deflates and measures what was encoded while more rows are read and encoded, and
//! what it made is taken back here. So a large part takes as long as the slower of both, not the sum.
//!
//! What it is given and what it gives back stay in one order. In memory are at most [`AHEAD`] plain bytes, the batch that is
//! handed over and the one that is being filled; a batch is larger than [`BATCH`] by a row at most. Plain bytes are digested
//! before they are handed over, since to deflate takes longer than to read and encode.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tributary_archive::digest::Hasher;
use tributary_archive::part::Encoding;

use super::press::{Measured, Press};
use crate::collect::SinkError;

/// Plain bytes handed over at once: a thread that waits is woken rarely.
const BATCH: usize = 256 * 1024;
/// Plain bytes that may be ahead of the press before more are taken.
const AHEAD: usize = 3 * BATCH;
/// Largest room that is kept for later.
const KEPT: usize = 2 * BATCH;

/// What the thread is to do, in this order.
enum Work {
    Begin(Encoding),
    Blocks(Batch),
    End,
}

/// What it has done.
enum Done {
    Pressed(Batch),
    Ended(Measured, Vec<u8>),
}

/// Blocks of plain bytes, and what became of them. It goes to and fro, so that its room is used again.
#[derive(Default)]
struct Batch {
    blocks: Vec<Vec<u8>>,
    /// Plain bytes in the blocks.
    bytes: usize,
    carried: Vec<u8>,
}

/// The thread, seen by who gives it work.
pub(super) struct Beside {
    /// `None` only while it is dropped.
    work: Option<Sender<Work>>,
    done: Receiver<Result<Done, SinkError>>,
    thread: Option<JoinHandle<()>>,
    filling: Batch,
    /// Digests the part's plain bytes.
    sha256: Hasher,
    /// Plain bytes that were handed over and did not come back yet.
    ahead: usize,
    /// Room to be used again.
    batches: Vec<Batch>,
    blocks: Vec<Vec<u8>>,
}

/// What takes bytes as carried.
type Carry<'c> = dyn FnMut(&[u8]) -> Result<(), SinkError> + 'c;

impl Beside {
    /// Starts the thread with the press, which may be in the middle of a part. `None`, and the press stays where it is: there
    /// is no thread to be had, or no second processor for it.
    pub(super) fn start(press: &mut Option<Press>) -> Option<Self> {
        if !thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
            return None;
        }
        let ((lend, lent), (work, given), (made, done)) = (channel(), channel(), channel());
        let run = move || {
            if let Ok(press) = lent.recv() {
                work_off(press, &given, &made);
            }
        };
        let thread = thread::Builder::new().name("deflate".to_owned()).spawn(run).ok()?;
        let mut press = press.take()?;
        let sha256 = press.lend_digest();
        // It waits for the press, so that it receives it.
        lend.send(press).ok()?;
        let (filling, batches, blocks) = (Batch::default(), Vec::new(), Vec::new());
        Some(Self { work: Some(work), done, thread: Some(thread), filling, sha256, ahead: 0, batches, blocks })
    }

    /// Begins a part.
    pub(super) fn begin(&mut self, encoding: Encoding) -> Result<(), SinkError> {
        self.sha256 = Hasher::new();
        self.give(Work::Begin(encoding))
    }

    /// Takes a block of plain bytes.
    pub(super) fn press(&mut self, block: Vec<u8>, carry: &mut Carry<'_>) -> Result<(), SinkError> {
        self.sha256.update(&block);
        self.filling.bytes += block.len();
        self.filling.blocks.push(block);
        if self.filling.bytes >= BATCH { self.hand_over(carry) } else { Ok(()) }
    }

    /// Ends the part, once all of it was carried.
    pub(super) fn end(&mut self, carry: &mut Carry<'_>) -> Result<Measured, SinkError> {
        self.hand_over(carry)?;
        self.give(Work::End)?;
        loop {
            if let Some(measured) = self.take_back(self.wait()?, carry)? {
                return Ok(Measured { sha256: std::mem::take(&mut self.sha256).finish(), ..measured });
            }
        }
    }

    /// Room for a block.
    pub(super) fn room(&mut self) -> Vec<u8> {
        self.blocks.pop().unwrap_or_default()
    }

    fn hand_over(&mut self, carry: &mut Carry<'_>) -> Result<(), SinkError> {
        while self.ahead > AHEAD {
            self.take_back(self.wait()?, carry)?;
        }
        while let Ok(done) = self.done.try_recv() {
            self.take_back(done?, carry)?;
        }
        let next = self.batches.pop().unwrap_or_default();
        let full = std::mem::replace(&mut self.filling, next);
        self.ahead += full.bytes;
        self.give(Work::Blocks(full))
    }

    fn give(&self, work: Work) -> Result<(), SinkError> {
        self.work.as_ref().and_then(|sender| sender.send(work).ok()).ok_or_else(ended_early)
    }

    fn wait(&self) -> Result<Done, SinkError> {
        self.done.recv().map_err(|_| ended_early())?
    }

    /// Carries what was made, and keeps the room that it stood in.
    fn take_back(&mut self, done: Done, carry: &mut Carry<'_>) -> Result<Option<Measured>, SinkError> {
        let mut batch = match done {
            Done::Pressed(batch) => batch,
            Done::Ended(measured, carried) => {
                carry(&carried)?;
                return Ok(Some(measured));
            }
        };
        self.ahead -= batch.bytes;
        carry(&batch.carried)?;
        self.blocks.extend(batch.blocks.drain(..).filter(|block| block.capacity() <= KEPT));
        (batch.bytes, batch.carried) = (0, emptied(batch.carried));
        self.batches.push(batch);
        Ok(None)
    }
}

/// Dropped in the middle of a part, nothing of it is wanted any more: the thread ends after what it is at.
impl Drop for Beside {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported where it happened, and whoever waited for its work knows.
            let _ = thread.join();
        }
    }
}

/// What the thread does until nobody wants more of it.
fn work_off(mut press: Press, given: &Receiver<Work>, made: &Sender<Result<Done, SinkError>>) {
    for work in given {
        let step = step(&mut press, work);
        let failed = step.is_err();
        let is_wanted = step.transpose().is_none_or(|done| made.send(done).is_ok());
        if failed || !is_wanted {
            return;
        }
    }
}

fn step(press: &mut Press, work: Work) -> Result<Option<Done>, SinkError> {
    Ok(match work {
        Work::Begin(encoding) => {
            press.begin(encoding);
            // Whoever gives the work digests it.
            drop(press.lend_digest());
            None
        }
        Work::Blocks(mut batch) => {
            for block in &mut batch.blocks {
                press.press(block, &mut batch.carried)?;
                block.clear();
            }
            Some(Done::Pressed(batch))
        }
        Work::End => {
            let mut carried = Vec::new();
            let measured = press.end(&mut carried)?;
            Some(Done::Ended(measured, carried))
        }
    })
}

fn emptied(mut room: Vec<u8>) -> Vec<u8> {
    room.clear();
    room.shrink_to(KEPT);
    room
}

fn ended_early() -> SinkError {
    SinkError::Io(std::io::Error::other("the thread that deflates ended early"))
}
