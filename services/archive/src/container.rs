//! The container: a ZIP file as a list of pieces, so that it is never written as a whole and any range of it reads at
//! once. `builder` lays it out; `reader`, which shares no code with it, accepts nothing that it would write otherwise.

mod builder;
mod pieces;
mod reader;

/// Most entries that are written and read.
pub(crate) const MAX_ENTRIES: u64 = 1_000_000;
/// Largest directory that is written and read, in bytes.
pub(crate) const MAX_DIRECTORY: u64 = 256 << 20;

pub(crate) use builder::{Body, Entry, lay_out};
pub use pieces::{InvalidPieceList, Piece, PieceList};
pub(crate) use reader::{Directory, DirectoryError, Stored, modified_at};
