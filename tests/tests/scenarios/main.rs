//! The promises of the product, end to end: real processes, real certificates, real databases, loopback only.
//!
//! Each module is one subject; a test's name says its promise. Needs the product's binary beside it
//! (`cargo build --release -p tributary`, then `cargo nextest run --release -p tributary-tests`).

mod addendum;
mod callers;
mod crash;
mod dialling_in;
mod first_steps;
mod full_disk;
mod identities;
mod inbox;
mod links;
mod main_job;
mod manifests;
mod many_files;
mod memory;
mod migrating;
mod no_personal_data;
mod others;
mod replicas;
mod replicas_apart;
mod riskiest_part;
mod servers;
mod shared;
mod starting;
mod stopping;
mod used_up;
