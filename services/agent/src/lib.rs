//! The agent of one entity: finds a person in the entity's own systems and hands over what the entity signs for.
//!
//! `manifest`s of `model` say where data lies; `graph` orients them for a request, `walk` follows it over a `source`.
//! The gateway is the only caller. Neighbours: `archive` (parts and attestations), `transport` (who is calling).

pub mod catalog;
pub mod check;
pub mod collect;
pub mod config;
pub mod dry_run;
mod encode;
mod gaps;
pub mod graph;
mod identity;
pub mod source;
pub mod spill;
pub mod value;
pub mod walk;

pub use check::{CheckReport, check};
pub use config::Config;
pub use dry_run::{DryRun, DryRunError, dry_run};
