//! What the agent shows of itself in numbers, without saying whose data it is.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

fn meter() -> Meter {
    opentelemetry::global::meter("tributary")
}

static WALKS: LazyLock<Counter<u64>> =
    LazyLock::new(|| meter().u64_counter("tributary.agent.walks").with_description("Walks by how they ended").build());

/// Shows the bytes that the spool holds, as `spooled` says.
pub(crate) fn show_spool(spooled: impl Fn() -> Option<u64> + Send + Sync + 'static) {
    // The instrument belongs to the meter from here on.
    let _gauge = meter()
        .u64_observable_gauge("tributary.agent.spool.size")
        .with_unit("By")
        .with_description("Bytes that the spool holds for all exports")
        .with_callback(move |observer| {
            if let Some(bytes) = spooled() {
                observer.observe(bytes, &[]);
            }
        })
        .build();
}

/// Counts how a walk ended: `attested`, or what it came to nothing for.
pub(crate) fn walk_ended(outcome: &'static str) {
    WALKS.add(1, &[KeyValue::new("outcome", outcome)]);
}
