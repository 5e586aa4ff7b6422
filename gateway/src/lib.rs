//! The hub: takes cases from the group's systems, asks each entity's agent, and hands out one verified archive.
//!
//! `api` serves callers, `store` keeps cases in SQLite or PostgreSQL, `worker` asks the agents and stages their parts
//! (`objects`), `waiting` decides when an archive is due and `assembly` writes it. `start` puts them together. Below are
//! `archive` (the profile), `transport` (who is on a connection) and `model` (the words).

mod agreed_clock;
mod api;
mod assembly;
pub mod attest;
pub mod authorise;
pub mod case;
mod cause;
pub mod config;
mod dial_in;
pub mod entity;
mod group;
mod links;
mod metrics;
pub mod migrate;
mod object_folder;
pub mod objects;
mod reachable_state;
mod replicas;
mod retention;
pub mod stage;
mod start;
mod store;
mod waiting;
mod worker;

pub use config::Config;
pub use object_folder::FolderError;
pub use start::{Gateway, StartError, run};

/// Name and version of this software, as archives record it.
pub(crate) const SOFTWARE: &str = concat!("tributary-gateway ", env!("CARGO_PKG_VERSION"));
