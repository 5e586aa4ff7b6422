//! Follows an export: what the agent announces, each thing checked against everything before it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tonic::Streaming;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::agent::v1::{Attested, WatchExportResponse};

use super::convert::{self, Announced};
use super::generation::Generation;
use super::{EntityError, Fault, within};

/// Most generations of one export: each leaves events in the case's history for good.
const MAX_GENERATIONS: u32 = 10_000;

/// One thing that happened to an export.
pub enum Watched {
    /// A generation begins; everything before it is void. Comes first, also when the export is watched again.
    Generation(u32),
    /// A table's form, before its first part.
    Table(Box<Table>),
    /// The next part of the generation, numbered without gaps. It can be fetched.
    Part(Part),
    /// An extract of a collection, after its last part.
    Preview(Preview),
    /// What the entity has recorded about its processing. Comes once.
    Information(Information),
    /// The export waits.
    Pending {
        /// Why, for people.
        reason: String,
        /// When the agent tries again, if it knows.
        retry_at: Option<Timestamp>,
    },
    /// The end: every part was announced. The envelope (JSON) is not verified yet.
    Attested(Vec<u8>),
}

/// An export being watched. It starts from the beginning each time.
#[derive(Debug)]
pub struct Watch {
    stream: Box<Streaming<WatchExportResponse>>,
    silence: Duration,
    progress: Progress,
}

/// How far the agent has come with what it tells.
#[derive(Default)]
struct Progress {
    generation: Option<Box<Generation>>,
    attested: bool,
}

impl Watch {
    pub(super) fn new(stream: Streaming<WatchExportResponse>, silence: Duration) -> Self {
        Self { stream: Box::new(stream), silence, progress: Progress::default() }
    }

    /// The generation that runs; 0 before the first.
    pub fn generation(&self) -> u32 {
        self.progress.number()
    }

    /// The next thing; nothing after the attestation. May be dropped while it waits without losing anything. After an
    /// error the export is to be watched anew.
    ///
    /// # Errors
    /// What went wrong, by class.
    pub async fn next(&mut self) -> Result<Option<Watched>, EntityError> {
        let message = within("WatchExport", self.silence, self.stream.message()).await?;
        match (message, self.progress.attested) {
            (Some(message), false) => Ok(Some(self.progress.take(message)?)),
            (None, true) => Ok(None),
            (Some(_), true) => Err(Fault::Stream("went on after the end of the export").into()),
            (None, false) => Err(Fault::Stream("ended the export's stream without an attestation").into()),
        }
    }
}

impl Progress {
    fn take(&mut self, message: WatchExportResponse) -> Result<Watched, Fault> {
        match message.event.ok_or(Fault::Stream("sent an event of a kind that is not known"))? {
            Event::GenerationStarted(started) => {
                if started.generation <= self.number() {
                    return Err(Fault::Generation);
                }
                if started.generation > MAX_GENERATIONS {
                    return Err(Fault::TooMuch("generations"));
                }
                self.generation = Some(Box::new(Generation::new(started.generation)));
                Ok(Watched::Generation(started.generation))
            }
            Event::Table(table) => {
                let table = convert::table(table)?;
                self.running()?.table(table).map(Box::new).map(Watched::Table)
            }
            Event::Part(part) => {
                let announced = Announced::try_from(part)?;
                self.running()?.part(announced).map(Watched::Part)
            }
            Event::Preview(preview) => {
                let preview = convert::preview(preview)?;
                self.running()?.preview(preview).map(Watched::Preview)
            }
            Event::Information(information) => {
                let information = convert::information(information)?;
                self.running()?.information()?;
                Ok(Watched::Information(information))
            }
            Event::Pending(pending) => {
                let (reason, retry_at) = convert::pending(pending);
                Ok(Watched::Pending { reason, retry_at })
            }
            Event::Attested(Attested { attestation, parts: said }) => {
                let announced = self.running()?.parts();
                if said != announced {
                    return Err(Fault::Count { announced, said });
                }
                self.attested = true;
                Ok(Watched::Attested(attestation))
            }
        }
    }

    /// The generation that runs; 0 before the first.
    fn number(&self) -> u32 {
        self.generation.as_ref().map_or(0, |generation| generation.number())
    }

    fn running(&mut self) -> Result<&mut Generation, Fault> {
        self.generation.as_deref_mut().ok_or(Fault::Generation)
    }
}

/// Paths of parts may hold names of people's files.
impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generation(number) => write!(f, "Generation({number})"),
            Self::Table(_) => f.write_str("Table"),
            Self::Part(part) => write!(f, "Part({})", part.index),
            Self::Preview(preview) => preview.fmt(f),
            Self::Information(_) => f.write_str("Information"),
            Self::Pending { .. } => f.write_str("Pending"),
            Self::Attested(_) => f.write_str("Attested"),
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("generation", &self.number()).field("attested", &self.attested).finish()
    }
}
