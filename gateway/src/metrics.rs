//! What the gateway shows of itself in numbers, without saying whose data it is.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

fn meter() -> Meter {
    opentelemetry::global::meter("tributary")
}

static ESCALATIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("tributary.gateway.escalations")
        .with_description("Entities, and identities to be vouched for, that were late, by how they stood")
        .build()
});

static REPEATED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    meter()
        .u64_counter("tributary.gateway.store.repeated")
        .with_description("Transactions begun anew, because others were in their way or the connection was lost")
        .build()
});

/// Counts a transaction that is begun anew.
pub(crate) fn job_repeated() {
    REPEATED.add(1, &[]);
}

/// Counts that somebody was told about a late entity, or about a person for whom nobody has vouched.
pub(crate) fn escalated(standing: &'static str) {
    ESCALATIONS.add(1, &[KeyValue::new("standing", standing)]);
}
