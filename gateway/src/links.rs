//! Links with which people download their archive in a browser (GRP-9): expiring, counted, recorded, revocable.
//!
//! `serve` answers browsers over the listener that `transport::https` runs, `page` is what they see, `transfer` sends
//! the bytes. The store keeps what is counted; `api` makes, lists and revokes links.

mod accept_language;
mod flights;
mod listener;
mod misses;
mod page;
mod range;
mod reply;
mod serve;
mod token;
mod transfer;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use tributary_model::id::{CaseId, InvalidId};
use tributary_model::language::Language;
use uuid::Uuid;

pub(crate) use listener::Listener;
pub(crate) use serve::Parts;
pub(crate) use token::{Purpose, Token};

/// How long a link lasts unless its maker says otherwise.
pub(crate) const DEFAULT_VALID: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it lasts at most.
pub(crate) const MAX_VALID: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long it lasts at least.
pub(crate) const MIN_VALID: Duration = Duration::from_secs(60);
/// Complete downloads that one link may allow.
pub(crate) const MAX_DOWNLOADS: u32 = 100;
/// Usable links that one case may have.
pub(crate) const MAX_ACTIVE: usize = 20;
/// Downloads that may be begun for each that may be completed: a link whose downloads never end is used up too.
pub(crate) const STARTS_PER_DOWNLOAD: u32 = 10;
/// How long a download that was cut may wait before it goes on.
pub(crate) const PAUSE: Duration = Duration::from_secs(3600);
/// How long one download may take with all its pauses.
pub(crate) const MAX_SESSION: Duration = Duration::from_secs(24 * 3600);
/// How long a complete download may still fetch again what was lost on the way after it had been sent.
pub(crate) const GRACE: Duration = Duration::from_secs(600);
/// Requests of one download: ranges after cuts.
pub(crate) const MAX_REQUESTS: u32 = 10_000;

/// Names a link in lists and records. Not its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LinkId(Uuid);

impl LinkId {
    /// A new id.
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for LinkId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text).map(Self).map_err(|_| InvalidId { what: "a link's id", rule: "a UUID" })
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a link shall be, checked.
#[derive(Debug, Clone)]
pub(crate) struct NewLink {
    pub(crate) sequence: u32,
    pub(crate) expires_at: Timestamp,
    pub(crate) max_downloads: u32,
    pub(crate) confirm_delivery: bool,
    pub(crate) language: Option<Language>,
    pub(crate) channel: String,
}

/// Whether a link can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// It can.
    Active,
    /// Its downloads are used up, or were begun too often, or as many bytes have left as they would take.
    Used,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// Its archive is gone.
    Shredded,
}

impl LinkState {
    /// The state in words, for records.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Shredded => "shredded",
        }
    }
}

/// A link as the store has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) case: CaseId,
    pub(crate) sequence: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) max_downloads: u32,
    /// Complete downloads.
    pub(crate) downloads: u32,
    /// Downloads that were begun.
    pub(crate) starts: u32,
    /// Bytes handed to browsers over all downloads, and bytes of the archive.
    pub(crate) sent: u64,
    pub(crate) size: u64,
    pub(crate) confirm_delivery: bool,
    pub(crate) language: Option<Language>,
    pub(crate) channel: String,
    pub(crate) last_download_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    /// Whether the archive's bytes are there.
    pub(crate) is_readable: bool,
}

impl Link {
    /// Whether it can be used at `now`.
    pub(crate) fn state(&self, now: Timestamp) -> LinkState {
        if !self.is_readable {
            LinkState::Shredded
        } else if self.revoked_at.is_some() {
            LinkState::Revoked
        } else if self.downloads >= self.max_downloads || self.starts >= self.max_starts() || self.was_taken() {
            LinkState::Used
        } else if self.expires_at <= now {
            LinkState::Expired
        } else {
            LinkState::Active
        }
    }

    /// Whether as many bytes have left as it allows, even if nobody took the last one: whoever always leaves that one out
    /// would have the archive again and again. A download under way may go on.
    fn was_taken(&self) -> bool {
        self.sent >= self.size.saturating_mul(self.max_downloads.into())
    }

    fn max_starts(&self) -> u32 {
        self.max_downloads.saturating_mul(STARTS_PER_DOWNLOAD)
    }
}

/// A download that was begun with a link.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    pub(crate) case: CaseId,
    pub(crate) sequence: u32,
    pub(crate) language: Option<Language>,
    expires_at: Timestamp,
    completed_at: Option<Timestamp>,
    is_over: bool,
}

impl Session {
    /// A session as the store has it; `is_over` when it was ended, its link revoked, or its archive is gone.
    pub(crate) fn new(link: Link, expires_at: Timestamp, completed_at: Option<Timestamp>, is_ended: bool) -> Self {
        let is_over = is_ended || link.revoked_at.is_some() || !link.is_readable;
        Self { case: link.case, sequence: link.sequence, language: link.language, expires_at, completed_at, is_over }
    }

    /// Whether bytes that are under way may go on.
    pub(crate) fn goes_on(&self) -> bool {
        !self.is_over
    }

    /// Whether bytes from `start` on may be asked for at `now`. Once everything was sent, only what follows the first
    /// byte, for a while: the end of it may have been lost on the way.
    pub(crate) fn serves(&self, start: u64, now: Timestamp) -> bool {
        self.goes_on()
            && match self.completed_at {
                None => now < self.expires_at,
                Some(at) => start > 0 && now < crate::case::after(at, GRACE),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn link() -> Link {
        Link {
            id: LinkId::random(),
            case: CaseId::new(at("2026-01-01T00:00:00Z")),
            sequence: 1,
            created_at: at("2026-01-01T00:00:00Z"),
            expires_at: at("2026-01-08T00:00:00Z"),
            max_downloads: 1,
            downloads: 0,
            starts: 0,
            sent: 0,
            size: 1000,
            confirm_delivery: false,
            language: None,
            channel: String::new(),
            last_download_at: None,
            revoked_at: None,
            is_readable: true,
        }
    }

    #[test]
    fn a_link_ends_by_use_time_revocation_and_shredding() {
        let now = at("2026-01-02T00:00:00Z");
        assert_eq!(link().state(now), LinkState::Active);
        assert_eq!(link().state(at("2026-01-08T00:00:00Z")), LinkState::Expired);
        assert_eq!(Link { downloads: 1, ..link() }.state(now), LinkState::Used);
        assert_eq!(Link { starts: STARTS_PER_DOWNLOAD, ..link() }.state(now), LinkState::Used);
        assert_eq!(Link { sent: 999, ..link() }.state(now), LinkState::Active);
        assert_eq!(Link { sent: 1000, ..link() }.state(now), LinkState::Used);
        assert_eq!(Link { sent: 1000, max_downloads: 2, ..link() }.state(now), LinkState::Active);
        assert_eq!(Link { revoked_at: Some(now), ..link() }.state(now), LinkState::Revoked);
        assert_eq!(Link { is_readable: false, ..link() }.state(now), LinkState::Shredded);
    }

    #[test]
    fn a_complete_download_may_fetch_its_end_again_for_a_while_and_never_the_whole() {
        let (now, hour) = (at("2026-01-02T00:00:00Z"), at("2026-01-02T01:00:00Z"));
        let open = Session::new(link(), hour, None, false);
        assert!(open.serves(0, now) && open.serves(5, now) && !open.serves(5, hour));
        let complete = Session::new(link(), hour, Some(now), false);
        assert!(complete.serves(1, now) && !complete.serves(0, now));
        assert!(!complete.serves(1, at("2026-01-02T00:10:00Z")));
        for over in [
            Session::new(link(), hour, None, true),
            Session::new(Link { revoked_at: Some(now), ..link() }, hour, None, false),
            Session::new(Link { is_readable: false, ..link() }, hour, None, false),
        ] {
            assert!(!over.goes_on() && !over.serves(0, now));
        }
    }
}
