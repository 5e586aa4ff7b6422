//! The archive profile: what a person receives, how it is sealed on the way, and how anyone checks it offline.
//!
//! Agents describe `part`s and `table`s and sign an `attestation`; the gateway joins them without opening a part
//! (`bag`, laid out by `container`); `verify` checks the result, `show` sums it up and `extract` unpacks it. `frames` encrypts objects at
//! rest on both sides. Everything here is synchronous: callers use their blocking pool. Below it stands `model`.

pub mod attestation;
pub mod bag;
pub mod completeness;
pub mod container;
mod datapackage;
pub mod digest;
pub mod extract;
pub mod former;
pub mod frames;
pub mod information;
mod json;
mod layout;
mod opened;
pub mod overview;
pub mod part;
pub mod preview;
pub mod redaction;
mod rocrate;
pub mod schema;
pub mod show;
pub mod table;
pub mod verify;
mod viewer;
