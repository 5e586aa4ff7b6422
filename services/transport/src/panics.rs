//! Panics without their message: a message may quote personal data, a place in the source cannot.
//!
//! `telemetry` installs the hook; `tasks` and the rpc layer catch panics and say where they came from.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use opentelemetry::KeyValue;

thread_local! {
    static LAST_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Where a panic happened. Deliberately without what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(Option<String>);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("unknown place"))
    }
}

/// Replaces the process's panic hook by one that logs the place and the thread, never the message.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}:{}", at.file(), at.line(), at.column()));
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        tracing::error!(location = place.as_deref().unwrap_or("unknown place"), thread, "panicked");
        LAST_PLACE.set(place);
    }));
}

/// Runs `future` to its end; a panic inside becomes an error instead of unwinding further.
///
/// # Errors
/// When `future` panicked. Its message is dropped here.
pub async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| {
        drop(payload);
        Panicked(LAST_PLACE.take())
    })
}

/// As [`catch`], for code that is not a future.
pub(crate) fn catch_now<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        drop(payload);
        Panicked(LAST_PLACE.take())
    })
}

/// Logs and counts a caught panic. `caught` says by whom, `name` in what.
pub(crate) fn surface(caught: &'static str, name: &str, panic: &Panicked) {
    tracing::error!(name, location = %panic, "a {caught} panicked");
    opentelemetry::global::meter("tributary")
        .u64_counter("tributary.panics")
        .with_description("Panics caught, by where they were caught")
        .build()
        .add(1, &[KeyValue::new("caught", caught)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caught_panic_does_not_carry_its_message() {
        let caught = catch(async { panic!("anna@example.org") }).await.unwrap_err();
        assert!(!format!("{caught} {caught:?}").contains("anna"));
    }
}
