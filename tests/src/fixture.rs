//! Entities' databases: made by code, real SQLite files with their Fideslang manifest.
//!
//! `shop` is an ordinary small system with many people, `library` holds one person with any amount of text, `writer`
//! changes a library while it is read, `marked` holds a person whose every value can be looked for. `hosted` is a database
//! on a server, `webshop` a schema to be found out about.

mod hosted;
mod library;
mod marked;
mod paper;
mod shop;
mod text;
pub mod webshop;
mod writer;

pub use self::hosted::Hosted;
pub use self::library::Library;
pub use self::marked::Marked;
pub use self::paper::{Desk, Paper};
pub use self::shop::{Shop, ShopPerson};
pub use self::text::{incompressible, prose};
pub use self::writer::{History, Writer};

use std::path::Path;

use anyhow::Result;

/// A dataset that an entity declares, with the database behind it.
pub trait Fixture: Send + Sync {
    /// Its `fides_key`.
    fn key(&self) -> String;
    /// Its manifest.
    fn manifest(&self) -> String;
    /// Makes the database.
    ///
    /// # Errors
    /// When SQLite cannot write it.
    fn make(&self, path: &Path) -> Result<()>;

    /// How the agent reaches it, as `agent.yaml` says it.
    fn connection(&self) -> String {
        format!("{{ sqlite: {}.sqlite }}", self.key())
    }
}
