//! What happens around every call, on both sides: spans, durations, trace context, deadlines, panics, overload.
//!
//! `server` and `client` are tower layers; `call` records one call from its start to its last byte. Metadata and
//! payload are never recorded: names come from `semconv`, methods from the contract's own descriptors (`methods`).

mod body;
mod call;
mod client;
pub mod deadline;
mod methods;
pub mod semconv;
mod server;
pub(crate) mod trace_context;

pub use client::ClientCalls;
pub use methods::Methods;
pub use server::{Handled, ServerCalls};
