//! Promises of the archive over the crate's public API: what is closed verifies, and nothing else does.
//! The modules are marked as test code so that what they share may unwrap like the tests themselves.

#[cfg(test)]
mod addendum;
#[cfg(test)]
mod build;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod flip;
#[cfg(test)]
mod forge;
mod former;
#[cfg(test)]
mod redacted;
#[cfg(test)]
mod repacked;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod world;
