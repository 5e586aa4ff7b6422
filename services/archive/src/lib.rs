//! The archive profile: what a person receives, how it is sealed on the way, and how anyone checks it offline.
//!
//! Agents describe `part`s and `table`s and sign an `attestation`; the gateway joins them without opening a part
//! (`bag`, laid out by `container`); `verify` checks the result and `show` sums it up. `frames` encrypts objects at
//! rest on both sides. Everything here is synchronous: callers use their blocking pool. Below it stands `model`.

pub mod attestation;
pub mod bag;
pub mod completeness;
pub mod container;
mod datapackage;
pub mod digest;
pub mod frames;
pub mod information;
mod json;
mod opened;
pub mod part;
pub mod preview;
pub mod show;
pub mod table;
pub mod verify;
