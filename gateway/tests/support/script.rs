//! What an agent does when it is asked, and where it lies.

use std::sync::Arc;

use tonic::Status;
use tributary_archive::attestation::Attestation;
use tributary_model::disposition::Disposition;
use tributary_model::key::SigningKey;
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::watch_export_response::Event;

use super::export::Export;

/// Changes what would have been said.
pub(crate) type Alter<T> = Arc<dyn Fn(&mut T) + Send + Sync>;

/// What an agent does. Honest unless changed.
#[derive(Clone)]
pub(crate) struct Script {
    /// Answer of Locate.
    pub(crate) located: v1::LocateOutcome,
    /// What Locate alone is refused with.
    pub(crate) unlocated: Option<Status>,
    /// Where it says that an export stands when it is started.
    pub(crate) started: v1::ExportState,
    /// The generation that runs.
    pub(crate) generation: u32,
    /// What it hands over.
    pub(crate) export: Export,
    /// Alters what a watcher hears, the end included.
    pub(crate) events: Alter<Vec<Event>>,
    /// Whether the watcher is left waiting after the last event.
    pub(crate) watch_hangs: bool,
    /// Alters the attestation before it is signed.
    pub(crate) attestation: Alter<Attestation>,
    /// Who signs it instead of the entity.
    pub(crate) signed_by: Option<Arc<SigningKey>>,
    /// How parts are read.
    pub(crate) reading: Reading,
    /// Whether it takes mandates that say when a request was received.
    pub(crate) takes_reception: bool,
    /// What every call but Describe is refused with.
    pub(crate) refusal: Option<Status>,
}

/// How the bytes of parts are sent.
#[derive(Clone)]
pub(crate) enum Reading {
    /// As announced, in messages of this size.
    Pieces(usize),
    /// As announced up to this offset; then the stream ends as if that were all.
    EndsAt(usize),
    /// As announced up to this offset; then nothing more comes.
    HangsAt(usize),
    /// As announced up to this offset; then the call fails.
    FailsAt(usize, Status),
    /// As announced, and these bytes behind.
    Beyond(Vec<u8>),
    /// As announced, but with one bit of the byte at this offset turned over.
    Flipped(usize),
    /// From an offset that was not asked for.
    Shifted,
    /// With an empty message in front.
    Empty,
}

impl Script {
    /// An honest agent that hands `export` over.
    pub(crate) fn of(export: Export) -> Self {
        Self {
            located: v1::LocateOutcome::Found,
            unlocated: None,
            started: v1::ExportState::Running,
            generation: 1,
            export,
            events: Arc::new(|_| {}),
            watch_hangs: false,
            attestation: Arc::new(|_| {}),
            signed_by: None,
            reading: Reading::Pieces(64 * 1024),
            takes_reception: true,
            refusal: None,
        }
    }

    /// An honest agent with a little of everything.
    pub(crate) fn honest() -> Self {
        Self::of(Export::sample())
    }

    /// An honest agent that only says how it stands.
    pub(crate) fn saying(disposition: Disposition) -> Self {
        Self::of(Export::empty(disposition))
    }

    /// Alters what a watcher hears.
    pub(crate) fn telling(self, alter: impl Fn(&mut Vec<Event>) + Send + Sync + 'static) -> Self {
        Self { events: Arc::new(alter), ..self }
    }

    /// Alters one descriptor, counted from 0, in what a watcher hears.
    pub(crate) fn announcing(self, which: usize, alter: impl Fn(&mut v1::Part) + Send + Sync + 'static) -> Self {
        self.telling(move |events| {
            let mut parts = events.iter_mut().filter_map(|event| match event {
                Event::Part(part) => Some(part),
                _ => None,
            });
            alter(parts.nth(which).expect("the export has such a part"));
        })
    }

    /// Alters the attestation before it is signed.
    pub(crate) fn attesting(self, alter: impl Fn(&mut Attestation) + Send + Sync + 'static) -> Self {
        Self { attestation: Arc::new(alter), ..self }
    }

    /// Reads parts in another way.
    pub(crate) fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }
}
