//! The container: a ZIP file as a list of pieces, so that it is never written as a whole and any range of it reads at
//! once. `builder` lays it out; `reader`, which shares no code with it, accepts nothing that it would write otherwise;
//! `general` reads what other programs make of the same files, and `departures` names what they changed.

mod builder;
mod departures;
mod fields;
mod general;
mod generated;
mod pieces;
mod reader;

use std::io;

/// Most entries that are written and read.
pub(crate) const MAX_ENTRIES: u64 = 1_000_000;
/// Largest directory that is written and read, in bytes.
pub(crate) const MAX_DIRECTORY: u64 = 256 << 20;
/// Deflate cannot shrink further than this; a size beyond it is a lie.
const MAX_RATIO: u64 = 1032;

/// Why a file is not a container of the profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A record is not as the profile has it.
    #[error("{what} (at byte {at})")]
    Record { what: &'static str, at: u64 },
}

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// How it lies in a container; absent in a folder.
    pub(crate) packed: Option<Packed>,
}

/// How a file lies in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) deflated: bool,
    pub(crate) crc32: u32,
    pub(crate) compressed: u64,
    /// Where its bytes begin.
    pub(crate) data: u64,
    /// DOS date and time.
    pub(crate) stamp: u32,
}

/// The files of a container, in the order of their names.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) entries: Vec<Stored>,
    /// Bytes of the whole file.
    pub(crate) len: u64,
}

pub(crate) use builder::{Body, Entry, lay_out};
pub(crate) use departures::Departures;
pub(crate) use general::read as read_general;
pub use generated::Generated;
pub use pieces::{InvalidPieceList, Piece, PieceList};
pub(crate) use reader::modified_at;
