//! Promises of the transport over real sockets and real certificates.
//!
//! `world` makes entities with authorities of their own and runs servers; each other module is one subject.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

mod accepting;
mod admin;
mod calls;
mod dialling;
mod dialling_in;
mod files;
mod identities;
mod links;
mod services;
mod shutdown;
mod tracing_context;
mod world;
