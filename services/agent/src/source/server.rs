//! Databases behind a server: what a walk over PostgreSQL and over MySQL or MariaDB has in common.
//!
//! `engine` is what the two differ in; `link` is a connection of a walk, `shared` who uses it, `gate` what all walks share, `database`
//! the snapshot, `shape` what a statement gives back, `decoded` a row of it, `aside` where rows wait while a large cell is read. Neighbours: `postgres`, `mysql`.
//!
//! The driver is sqlx: rows stream, its binary values are decoded here, and one library serves both engines.

mod aside;
mod database;
mod decoded;
mod engine;
mod fit;
mod gate;
mod kind;
mod link;
mod settings;
mod shape;
mod shared;
mod table;

pub use gate::Gate;
pub use settings::{Server, ServerLimits};
pub use tributary_model::database::{Address, EngineKind, Secret, Tls};

pub(super) use database::Database;
pub use database::Opening;
pub(super) use decoded::Decoded;
pub(super) use engine::{Bind, Engine, Mode, Pages, TOO_LATE};
pub(super) use fit::Fitted;
pub(super) use kind::Kind;
pub(super) use link::{Link, Session};
pub(super) use shape::Shape;
pub(super) use shared::Shared;
pub(super) use table::{Column, Index, IndexPart, Key, Table};

/// Cells above this are read in slices and become attachments, as from SQLite.
pub(super) const LARGE: u64 = super::sqlite::LARGE as u64;
/// Largest values of a row that has no key, all together: they are held in memory.
pub(super) const HELD: u64 = 16 * 1024 * 1024;
/// Cells up to this come with their row.
const INLINE: u64 = 256 * 1024;
/// The least that comes with its row, however small the server's messages are.
const LEAST: u64 = 4 * 1024;
