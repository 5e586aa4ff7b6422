//! Behaviour of a whole gateway over its public API: real certificates, real sockets, scripted agents.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

mod browser;
mod callers;
mod cancelling;
mod case;
mod changes;
mod crash;
mod hub;
mod late;
mod lies;
mod links;
mod main_job;
mod opening;
mod postgres;
mod questions;
mod reflection;
mod retention;
mod slow;
mod thousand;

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use what these do not")]
mod support;

#[path = "../support/server.rs"]
#[expect(dead_code, reason = "other tests use what these do not")]
mod server;
