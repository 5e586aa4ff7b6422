//! The agent of one entity: finds a person in the entity's own systems and hands over what the entity signs for.

pub mod collect;
pub mod config;

pub use config::Config;
