//! Memory of a walk over a server, whatever the size of the person: a test of its own, since it measures the process.

#[cfg(test)]
mod bounded;
#[cfg(test)]
mod keyless;
#[cfg(test)]
#[expect(dead_code, reason = "what the other tests of the databases need besides")]
#[path = "../databases/support.rs"]
mod support;
