//! One legal entity as the page shows it: how it stands and who says so, what it did not search, what it handed over.

use std::borrow::Cow;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::scope::Rule;

use super::collection::{Attachments, Collection};
use super::hidden::Hidden;
use super::information::Information;

/// An entity of the roster. Every one of the group file is on the page, whatever it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its registered name.
    pub legal_name: &'a str,
    /// Two letters of the country where it is established.
    pub country: &'a str,
    /// Its supervisory authority.
    pub authority: Option<&'a str>,
    /// Where a person reaches it about their data.
    pub contact: Option<&'a str>,
    /// How it stands; who says so follows from it.
    pub disposition: Disposition,
    /// Whether a reader may take its answer for the whole of what it holds.
    pub complete: bool,
    /// The rule by which it was not asked, for [`Disposition::NotAsked`].
    pub rule: Option<Rule>,
    /// What the gateway saw of it, where it has not answered.
    pub observed: Option<Observed<'a>>,
    /// When it signed its answer.
    pub attested_at: Option<Timestamp>,
    /// The day by which more is to be expected, where one is known.
    pub next_at: Option<Timestamp>,
    /// Its answers per controller and dataset.
    pub answers: Vec<Answer<'a>>,
    /// What is declared there and was not searched.
    pub not_searched: Vec<Gap<'a>>,
    /// What it hid because it is about others, over all collections.
    pub hidden: Vec<Hidden>,
    /// How many collections it searched.
    pub searched: u64,
    /// Sequence of the archive of this case that carries its data; `None` when there are none.
    pub in_archive: Option<u32>,
    /// Folder of its data, relative to the page: `data/entities/<id>/`.
    pub folder: Cow<'a, str>,
    /// Its data in this archive, in the order to show them.
    pub collections: Vec<Collection<'a>>,
    /// Files of the person besides the tables.
    pub attachments: Attachments<'a>,
    /// What it recorded about its processing; `None` when it recorded nothing.
    pub information: Option<Information<'a>>,
}

/// What the gateway saw of an entity that has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<'a> {
    /// Since when it has been so.
    pub since: Timestamp,
    /// The last attempt.
    pub last_attempt: Option<Timestamp>,
    /// How many attempts there were.
    pub attempts: u32,
    /// What happened, in English.
    pub reason: Cow<'a, str>,
}

/// An answer for one controller and dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The controller's registered name, when it is another entity than the one that answers.
    pub controller: Option<&'a str>,
    /// The dataset, as it is named in the files.
    pub dataset: &'a str,
    /// How it stands.
    pub disposition: Disposition,
    /// Why, in the entity's words.
    pub reason: Option<&'a str>,
    /// Rows handed over.
    pub rows: u64,
    /// The instant whose state the rows show.
    pub snapshot_at: Option<Timestamp>,
}

/// Something declared that was not searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap<'a> {
    /// The dataset.
    pub dataset: &'a str,
    /// The collection; `None` for the whole dataset.
    pub collection: Option<&'a str>,
    /// Why.
    pub reason: GapReason,
    /// Why, in the entity's words.
    pub detail: &'a str,
}

/// Why something declared was not searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// No identifier of a type that leads there was given.
    NoIdentifierOfType,
    /// No connection to the system is configured.
    NotConnected,
    /// The system did not answer.
    Unavailable,
    /// Part of it could not be read.
    NotReadable,
    /// The snapshot would have been held longer than the system's owner allows.
    SnapshotTooLong,
    /// The manifest says to leave it out.
    SkippedByManifest,
    /// Rows do not say which company they belong to.
    ControllerUnknown,
    /// A person at the entity has to search it, and could not, or has not in time.
    NotAnswered,
    /// The manifest declares no personal data there; the only reason that leaves nothing out.
    NotPersonal,
}

impl GapReason {
    /// Whether personal data may lie there unseen.
    pub fn hides_personal_data(self) -> bool {
        self != Self::NotPersonal
    }
}
