//! Promises of the gateway over its public API, against agents that do as a script says.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

#[path = "../support/mod.rs"]
mod support;

mod fetching;
