//! The end-to-end harness: a whole group of real processes of the product, on loopback, with the faults of real life.
//!
//! `group` lays a group out on disk and starts its processes, `replicas` runs its gateway in several processes behind a
//! `balancer`, `proxy` is the bad network between gateway and agents,
//! `fixture` makes the entities' databases, `client` is a caller, `archive` reads what the caller downloads with a
//! reader of its own, and `markers` looks for personal data where none belongs. The scenarios lie in `tests/tests`.

pub mod admin;
pub mod archive;
pub mod balancer;
pub mod binary;
pub mod client;
pub mod command;
pub mod crowd;
pub mod dice;
pub mod fixture;
pub mod forge;
pub mod group;
pub mod markers;
pub mod memory;
pub mod ports;
pub mod post;
pub mod process;
pub mod proxy;
pub mod replicas;
pub mod rows;
pub mod servers;
pub mod wait;
