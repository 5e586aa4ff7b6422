//! Fetches one part: reads it from the agent, goes on after a cut where it stopped, and stages it.
//!
//! Digests, inflating, encryption and writing run on the blocking pool in batches, so that they neither hold up other
//! streams nor cost a hand-over per message. One batch is in memory. Of small parts only the writing does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tonic::Streaming;
use tributary_archive::frames::ContentKey;
use tributary_archive::part::Part;
use tributary_model::id::CaseId;
use tributary_model::mandate::Action;
use tributary_proto::agent::v1::{ReadPartRequest, ReadPartResponse};

use super::{Client, EntityError, Fault, LocalError, Order, within};
use crate::objects::Objects;
use crate::stage::{PartFault, Receiver, StageError, Staged};

/// Bytes that are worth a hand-over to the blocking pool.
const BATCH: usize = 256 * 1024;
/// Most bytes of one message, by contract.
const MAX_DATA: usize = 256 * 1024;
/// Pauses before a part is gone on with, while nothing more of it arrives: an agent that restarts is back by then.
const PAUSES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(4000),
];
/// A longer pause that the agent asks for is made without holding a place for the part.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where fetched parts go.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The object folder.
    pub objects: Arc<Objects>,
    /// The case.
    pub case: CaseId,
    /// Its key.
    pub key: ContentKey,
}

/// A part that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unfinished {
    /// Why.
    pub error: EntityError,
    /// What has arrived, to go on with later; nothing when the part must be fetched anew.
    pub receiver: Option<Receiver>,
}

impl Destination {
    /// Begins to receive a part.
    ///
    /// # Errors
    /// When there is no room for it, or the folder cannot be written.
    pub async fn begin(&self, part: Part) -> Result<Receiver, EntityError> {
        let Self { objects, case, key } = self.clone();
        let light = Receiver::is_light(&part);
        let begin = move || Receiver::begin(part, &objects, case, &key);
        let begun = if light { begin() } else { blocking(begin).await? };
        Ok(begun.map_err(LocalError::from)?)
    }
}

impl Client {
    /// Fetches the part of `generation` that `receiver` receives, verified and durable. After a cut it goes on with
    /// the missing bytes; it gives up when several tries in a row bring none.
    ///
    /// # Errors
    /// What went wrong, by class, with what has arrived where that is still of use.
    pub async fn fetch_part(
        &self,
        order: &Order,
        generation: u32,
        mut receiver: Receiver,
    ) -> Result<Staged, Unfinished> {
        let index = receiver.part().index;
        let mut pauses = PAUSES.iter();
        loop {
            let before = receiver.received();
            let error = match self.read(order, generation, receiver).await? {
                Read::Whole(receiver) => return Ok(finish(index, receiver).await?),
                Read::Cut(came, error) => {
                    receiver = came;
                    error
                }
            };
            let progressed = receiver.received() > before;
            if progressed {
                pauses = PAUSES.iter();
            }
            // Who said nothing for the whole time of an answer has been waited for long enough.
            let patient = progressed || !matches!(error, EntityError::TimedOut { .. });
            let asked = error.retry_after().unwrap_or_default();
            match pauses.next() {
                Some(pause) if patient && asked <= LONGEST_PAUSE => tokio::time::sleep(asked.max(*pause)).await,
                _ => return Err(Unfinished { error, receiver: Some(receiver) }),
            }
        }
    }

    /// Reads on from where `receiver` is.
    async fn read(&self, order: &Order, generation: u32, receiver: Receiver) -> Result<Read, EntityError> {
        let index = receiver.part().index;
        let request = ReadPartRequest {
            mandate: self.mandate(Action::Export, order)?,
            instruction: order.instruction.to_string(),
            generation,
            index,
            offset: receiver.received(),
        };
        let limit = self.0.answer;
        let open = async {
            let mut agent = self.agent().await?;
            within("ReadPart", limit, agent.read_part(request)).await
        };
        match open.await {
            Ok(stream) => Incoming { stream: stream.into_inner(), limit, index }.drain(receiver).await,
            Err(error) => cut(index, receiver, error),
        }
    }
}

/// How a reading ended.
enum Read {
    /// Every announced byte is there.
    Whole(Receiver),
    /// It stopped, and may be gone on with.
    Cut(Receiver, EntityError),
}

/// Whether a failure leaves something to go on with.
fn cut(index: u32, receiver: Receiver, error: EntityError) -> Result<Read, EntityError> {
    match error {
        EntityError::Unreachable(_) | EntityError::TimedOut { .. } | EntityError::Busy { .. } => {
            Ok(Read::Cut(receiver, error))
        }
        // The agent announced the part and its size a moment ago.
        EntityError::Refused { reason: "PART_NOT_FOUND" | "RANGE_BEYOND_END", .. } => {
            Err(Fault::NoPart { index }.into())
        }
        error => Err(error),
    }
}

/// The bytes of one part as they come.
struct Incoming {
    stream: Streaming<ReadPartResponse>,
    limit: Duration,
    index: u32,
}

impl Incoming {
    async fn drain(mut self, mut receiver: Receiver) -> Result<Read, EntityError> {
        loop {
            let (batch, stopped) = self.batch(&receiver).await?;
            receiver = push(self.index, receiver, batch).await?;
            match stopped {
                // What has arrived whole is judged by its digests, however the stream ended.
                Some(_) if receiver.missing() == 0 => return Ok(Read::Whole(receiver)),
                Some(Stop::End) => return Err(self.fault(PartFault::TooShort)),
                Some(Stop::Error(error)) => return cut(self.index, receiver, error),
                None => {}
            }
        }
    }

    /// The next messages, up to a batch's worth, and what stopped the stream behind them.
    async fn batch(&mut self, receiver: &Receiver) -> Result<(Vec<Bytes>, Option<Stop>), EntityError> {
        let (mut batch, mut held) = (Vec::new(), 0);
        while held < BATCH {
            let message = match within("ReadPart", self.limit, self.stream.message()).await {
                Ok(Some(message)) => message,
                Ok(None) => return Ok((batch, Some(Stop::End))),
                Err(error) => return Ok((batch, Some(Stop::Error(error)))),
            };
            if message.offset != receiver.received() + held as u64 {
                return Err(self.fault(PartFault::Offset));
            }
            if message.data.is_empty() || message.data.len() > MAX_DATA {
                return Err(self.fault(PartFault::Message));
            }
            held += message.data.len();
            if held as u64 > receiver.missing() {
                return Err(self.fault(PartFault::TooLong));
            }
            batch.push(message.data);
        }
        Ok((batch, None))
    }

    fn fault(&self, fault: PartFault) -> EntityError {
        Fault::Part { index: self.index, fault }.into()
    }
}

/// Why there are no more messages.
enum Stop {
    End,
    Error(EntityError),
}

async fn push(index: u32, mut receiver: Receiver, batch: Vec<Bytes>) -> Result<Receiver, EntityError> {
    if batch.is_empty() {
        return Ok(receiver);
    }
    let light = Receiver::is_light(receiver.part());
    let push = move || {
        batch.iter().try_for_each(|bytes| receiver.push(bytes))?;
        Ok(receiver)
    };
    let pushed = if light { push() } else { blocking(push).await? };
    pushed.map_err(|error| of_stage(index, error))
}

async fn finish(index: u32, receiver: Receiver) -> Result<Staged, EntityError> {
    blocking(move || receiver.finish()).await?.map_err(|error| of_stage(index, error))
}

fn of_stage(index: u32, error: StageError) -> EntityError {
    match error {
        StageError::Agent(fault) => Fault::Part { index, fault }.into(),
        StageError::Io(error) => LocalError::from(error).into(),
    }
}

impl From<EntityError> for Unfinished {
    /// What failed in a way that cannot be gone on from.
    fn from(error: EntityError) -> Self {
        Self { error, receiver: None }
    }
}

/// Runs `work` on the blocking pool. When the caller is dropped it still ends, and what it made goes with it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LocalError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LocalError::Defect)
}
