//! What the collecting half of an agent promises, over its public API and real SQLite files.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod check;
#[cfg(test)]
mod controllers;
#[cfg(test)]
mod encode;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod naming;
#[cfg(test)]
mod previews;
#[cfg(test)]
mod redact;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod support;
#[cfg(test)]
mod walk;
