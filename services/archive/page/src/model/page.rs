//! The page as a whole: the case, its chain of archives, and everything that the sections show.

use std::borrow::Cow;

use jiff::Timestamp;
use tributary_model::language::Language;

use super::entity::Entity;
use super::overview::Category;

/// Everything that the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// The language that the person is addressed in. One without a translation is answered in English.
    pub language: &'a Language,
    /// The case's id.
    pub case: Cow<'a, str>,
    /// What the caller's system calls the request.
    pub request_ref: Option<&'a str>,
    /// The group's name.
    pub group: &'a str,
    /// Version of the group file in force.
    pub group_version: u64,
    /// Registered name of the entity that runs the gateway and put the archive together.
    pub operator: &'a str,
    /// When the request reached the group.
    pub received_at: Timestamp,
    /// When the group set out to deliver.
    pub delivery_date: Timestamp,
    /// When the archive was put together; the only "today" that the page knows.
    pub assembled_at: Timestamp,
    /// Whether every entity answered for all it holds.
    pub complete: bool,
    /// 1 for the case's first archive, 2 and on for addenda.
    pub sequence: u32,
    /// The case's archives before this one, in order. A sequence that is not among them is reported as missing.
    pub earlier: Vec<Link<'a>>,
    /// Every entity of the roster, in the order to show them.
    pub entities: Vec<Entity<'a>>,
    /// The values of one category side by side.
    pub overview: Vec<Category<'a>>,
    /// Name and version of the software.
    pub software: &'a str,
}

/// An earlier archive of the same case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its sequence.
    pub sequence: u32,
    /// When it was put together, where known.
    pub assembled_at: Option<Timestamp>,
    /// Whether it was complete, where known.
    pub complete: Option<bool>,
    /// SHA-256 of its tag manifest, in hex.
    pub tagmanifest_sha256: Cow<'a, str>,
}
