//! Who is on a connection, and how calls travel over it: mTLS with SPIFFE identities, listening, dialling, telemetry.
//!
//! tonic's transport stays inside this crate; `gateway`, `agent` and `cli` see a server to run, a link to call over and
//! the peer of each request. Below is `model`, which has the identities as types.

mod accept;
pub mod admin;
pub mod cause;
mod conn;
pub mod dial;
pub mod failure;
pub mod https;
pub mod identity;
pub mod limits;
pub mod link;
pub mod links;
pub mod listen;
pub mod outbound;
pub mod panics;
pub mod peer;
pub mod pki;
mod presented;
pub mod readiness;
pub mod rpc;
pub mod secret_file;
pub mod server;
pub mod services;
mod shares;
mod socket;
pub mod status;
pub mod svid;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod trust;
mod verify;
