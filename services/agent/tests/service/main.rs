//! What an agent promises the gateway, over its public API: real certificates, real connections, real databases.
//!
//! `world` lays a group out on disk and runs its agent; each other module is one subject.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

mod exports;
mod mandates;
mod peers;
mod reading;
mod shared;
mod starting;
mod stopping;
mod waiting;
mod world;
