//! The agent of one entity: finds a person in the entity's own systems and hands over what the entity signs for.
//!
//! `manifest`s of `model` say where data lies; `graph` orients them for a request, `walk` follows it over a `source`.
//! The gateway is the only caller. Neighbours: `archive` (parts and attestations), `transport` (who is calling).

mod attest;
pub mod catalog;
pub mod check;
pub mod collect;
pub mod config;
pub mod controller;
mod convert;
mod dial_out;
pub mod dry_run;
mod encode;
mod export;
mod gaps;
pub mod graph;
mod identity;
pub mod inbox;
pub mod init;
mod ledger;
mod metrics;
mod record;
mod redact;
mod run;
mod service;
pub mod source;
pub mod spill;
mod spool;
mod start;
pub mod value;
pub mod walk;

pub use check::{CheckReport, check};
pub use config::Config;
pub use dial_out::{GatewayReport, reach_gateways};
pub use dry_run::{DryRun, DryRunError, dry_run};
pub use run::{Agent, run};
pub use start::StartError;

/// Name and version of this software, as attestations record it.
pub(crate) const SOFTWARE: &str = concat!("tributary-agent ", env!("CARGO_PKG_VERSION"));
