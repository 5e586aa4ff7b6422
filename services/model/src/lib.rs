//! The words of Tributary as types: ids, rights, dispositions, the lifecycle, the group file, mandates, manifests.
//!
//! A value that exists is valid: parsing returns an error that names what was wrong and the rule. This crate sits at
//! the bottom; it knows neither gRPC nor SQL. Its neighbours are `archive` (what a person receives), `transport`
//! (who is on a connection), `agent` and `gateway` (the two processes).

pub mod clock;
pub mod country;
pub mod database;
pub mod disposition;
pub mod dsse;
pub mod group;
pub mod id;
pub mod identifier;
pub mod key;
pub mod language;
pub mod lifecycle;
pub mod mandate;
pub mod manifest;
pub mod right;
pub mod scope;
pub mod sensitive;
pub mod spiffe;
pub mod yaml;
