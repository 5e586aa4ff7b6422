//! What the agent shows of itself in numbers, by entity, without saying whose data it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use tributary_model::id::EntityId;
use tributary_transport::outbound::Links;

/// The entity that a number is about.
const ENTITY: &str = "entity";

fn meter() -> Meter {
    opentelemetry::global::meter("tributary")
}

static WALKS: LazyLock<Counter<u64>> =
    LazyLock::new(|| meter().u64_counter("tributary.agent.walks").with_description("Walks by how they ended").build());

/// Shows the bytes that each entity's spool holds, as its function says.
pub(crate) fn show_spools<F>(spools: Vec<(EntityId, F)>)
where
    F: Fn() -> Option<u64> + Send + Sync + 'static,
{
    // The instrument belongs to the meter from here on.
    let _gauge = meter()
        .u64_observable_gauge("tributary.agent.spool.size")
        .with_unit("By")
        .with_description("Bytes that the spool holds for all exports")
        .with_callback(move |observer| {
            for (entity, spooled) in &spools {
                if let Some(bytes) = spooled() {
                    observer.observe(bytes, &[KeyValue::new(ENTITY, entity.to_string())]);
                }
            }
        })
        .build();
}

/// Counts how a walk of an entity ended: `attested`, or what it came to nothing for.
pub(crate) fn walk_ended(entity: &EntityId, outcome: &'static str) {
    WALKS.add(1, &[KeyValue::new("outcome", outcome), KeyValue::new(ENTITY, entity.to_string())]);
}

/// Shows how many questions to people of each entity are overdue, for as long as somebody counts them.
pub(crate) fn show_overdue(counts: Vec<(EntityId, Weak<AtomicU64>)>) {
    // The instrument belongs to the meter from here on.
    let _gauge = meter()
        .u64_observable_gauge("tributary.agent.inbox.overdue")
        .with_description("Questions that people at the entity have not answered in time")
        .with_callback(move |observer| {
            for (entity, count) in &counts {
                if let Some(count) = count.upgrade() {
                    observer.observe(count.load(Ordering::Relaxed), &[KeyValue::new(ENTITY, entity.to_string())]);
                }
            }
        })
        .build();
}

/// Shows how an agent that dials out is connected to its gateway's processes.
pub(crate) fn show_links(links: Links) {
    // The instrument belongs to the meter from here on.
    let _gauge = meter()
        .u64_observable_gauge("tributary.agent.gateway.connections")
        .with_description("Processes of the gateway by whether this agent, which dials out, is connected to them")
        .with_callback(move |observer| {
            for (state, count) in [("held", links.held()), ("missing", links.missing())] {
                observer.observe(count as u64, &[KeyValue::new("state", state)]);
            }
        })
        .build();
}
