//! What the collecting half of an agent promises, over its public API and real SQLite files.

mod catalog;
mod encode;
mod identity;
mod sqlite;
mod support;
mod walk;
