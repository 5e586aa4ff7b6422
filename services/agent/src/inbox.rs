//! What waits for a person at the entity: collections that only a person can search, what a person is to see before it
//! leaves, and the decision whether anything leaves. Silence escalates, it never approves.
//!
//! The `ledger` keeps questions and answers, `export` waits for them; `socket` lets people in, `notify` tells them.

mod client;
mod content;
mod decision;
mod desk;
mod due;
mod given;
mod mail;
mod notify;
mod people;
mod question;
mod settle;
mod socket;
mod table;
mod webhook;
mod wire;

pub use client::{Client, ClientError, Kept};
pub(crate) use content::plain;
pub(crate) use decision::Against;
pub use due::Stage;
pub(crate) use due::{Due, due_at};
pub(crate) use given::name_in_path;
pub(crate) use notify::Notifier;
pub use question::{Answer, Channel, GivenFile, Kind, Standing};
pub(crate) use settle::{Outcome, Review, settle};
pub(crate) use socket::{SOCKET, Socket};
pub use wire::{Listed, ListedPart, Shown, Verdict};

#[cfg(test)]
mod tests;
