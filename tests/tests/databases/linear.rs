//! A person with very many rows: statements and rows in proportion to what there is, counted and not timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tributary_agent::collect::{Database, StopFlag};
use tributary_agent::source::server::{Gate, Opening, ServerLimits};
use tributary_agent::source::{ReadError, Row, Snapshot, Sought, open_server, sqlite};
use tributary_agent::spill::{Memory, Spill};
use tributary_agent::walk::{Effort, Systems, Visitor, Walk};
use tributary_tests::servers::Engine;

use super::support::{Entity, PLACES, clock, identifier, series};

const CUSTOMER: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
";

/// One open database, as the walk asks for it.
struct One(Box<dyn Snapshot>);

impl Systems for One {
    fn snapshot(&mut self, _: usize) -> Result<Option<&mut (dyn Snapshot + '_)>, ReadError> {
        Ok(Some(self.0.as_mut()))
    }
}

struct Counter;

impl Visitor for Counter {
    fn row(&mut self, _: usize, _: &dyn Row) -> Result<(), ReadError> {
        Ok(())
    }
}

/// Walks and says how many rows each collection has and what that cost.
fn walk(entity: &Entity) -> (Vec<u64>, Effort) {
    let catalog = entity.catalog();
    let graph = catalog.graph();
    let plan = graph.plan(&["email".parse().unwrap()].into());
    let columns = tributary_agent::walk::columns(graph);
    let walk = Walk { graph, plan: &plan, columns: &columns, ends: &[] };
    let folder = entity.limits.temp_dir.clone();
    let mut spill = Spill::new(&folder, plan.lookups.len(), Memory::of(entity.limits.memory)).unwrap();
    let stop = StopFlag::new();
    let mut gate = None;
    let database: Box<dyn Snapshot> = match entity.sources.databases.values().next() {
        Some(Database::Server(server)) => {
            let gate = gate.insert(Gate::new(&server.limits, 1));
            let clock = clock();
            let opening =
                Opening { server, namespace: (None, None), gate, clock: &clock, stop: &stop, temp_dir: folder };
            open_server(&opening).unwrap()
        }
        Some(Database::Sqlite(path)) => {
            // As long as a server's: what is counted here is not how fast this machine is.
            let snapshot_max = ServerLimits::default().snapshot_max;
            Box::new(sqlite::Database::open(path, &clock(), &stop, snapshot_max).unwrap())
        }
        None => panic!("no database"),
    };
    let sought = [Sought::new(&identifier("email", "anna@x.org"), None)];
    let walked = walk.run(&sought, &mut One(database), &mut spill, &mut Counter).unwrap();
    assert!(walked.unreadable.is_empty(), "{:?}", walked.unreadable);
    assert!(gate.is_none_or(|gate| Arc::strong_count(&gate) == 1), "the connection was given back");
    (walked.rows, walked.effort)
}

/// Values of one call where an index finds them.
fn batch(place: Option<Engine>) -> u64 {
    match place {
        None => 500,
        Some(Engine::Postgres) => 2000,
        Some(Engine::MariaDb) => 512,
    }
}

/// One customer with so many events.
fn with_events(place: Option<Engine>, events: u64) -> Entity {
    let manifest = format!(
        "{CUSTOMER}
      - name: event
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: customer_id, fides_meta: {{references: [{{dataset: shop, field: customer.id, direction: from}}]}}}}
          - {{name: what}}
"
    );
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO customer VALUES (1, 'anna@x.org');
         CREATE TABLE event (id INTEGER PRIMARY KEY, customer_id INTEGER, what VARCHAR(50));
         INSERT INTO event SELECT n, 1, concat('event ', n) FROM {}; CREATE INDEX e ON event (customer_id);",
        series(place, events)
    );
    Entity::in_place(place, &manifest, &sql)
}

#[test]
fn a_million_rows_of_one_person_are_one_statement() {
    const ROWS: u64 = 1_000_000;
    for place in PLACES {
        let (rows, effort) = walk(&with_events(place, ROWS));
        assert_eq!(rows, [1, ROWS]);
        assert_eq!((effort.calls, effort.values, effort.rows), (2, 2, 1 + ROWS));
    }
}

#[test]
fn a_hundred_thousand_orders_with_lines_cost_statements_by_the_batch() {
    const ORDERS: u64 = 100_000;
    for place in PLACES {
        for indexed in [true, false] {
            let manifest = format!(
                "{CUSTOMER}
      - name: purchase
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: customer_id, fides_meta: {{references: [{{dataset: shop, field: customer.id, direction: from}}]}}}}
      - name: line
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: purchase_id, fides_meta: {{references: [{{dataset: shop, field: purchase.id, direction: from}}]}}}}
"
            );
            let index = if indexed { "CREATE INDEX l ON line (purchase_id);" } else { "" };
            // Every second order and line is somebody else's.
            let sql = format!(
                "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO customer VALUES (1, 'anna@x.org');
                 CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER);
                 INSERT INTO purchase SELECT n, n % 2 FROM {};
                 CREATE TABLE line (id INTEGER PRIMARY KEY, purchase_id INTEGER);
                 INSERT INTO line SELECT n, n % {} FROM {}; {index}",
                series(place, 2 * ORDERS),
                2 * ORDERS,
                series(place, 4 * ORDERS),
            );
            let (rows, effort) = walk(&Entity::in_place(place, &manifest, &sql));
            assert_eq!(rows, [1, ORDERS, 2 * ORDERS]);
            assert_eq!((effort.values, effort.rows), (2 + ORDERS, 1 + 3 * ORDERS));
            let scan = if place == Some(Engine::MariaDb) { 32_768 } else { 50_000 };
            let lines = ORDERS.div_ceil(if indexed { batch(place) } else { scan });
            assert_eq!(effort.calls, 2 + lines);
        }
    }
}

#[test]
fn a_million_rows_that_refer_to_each_other_are_each_found_once() {
    const ROWS: u64 = 1_000_000;
    for place in PLACES {
        // Each row refers to another of the same table: a tree in which every row but the leaves has ten below it.
        let manifest = "
      - name: node
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: parent, fides_meta: {references: [{dataset: shop, field: node.id, direction: from}]}}
";
        let sql = format!(
            "CREATE TABLE node (id INTEGER PRIMARY KEY, email VARCHAR(50), parent INTEGER);
             INSERT INTO node SELECT n, NULL, (n + 8) / 10 FROM {}; CREATE INDEX p ON node (parent);
             UPDATE node SET parent = {ROWS}, email = 'anna@x.org' WHERE id = 1;",
            series(place, ROWS)
        );
        let sql = match place {
            Some(Engine::MariaDb) => sql.replace("(n + 8) / 10", "(n + 8) DIV 10"),
            _ => sql,
        };
        let (rows, effort) = walk(&Entity::in_place(place, manifest, &sql));
        assert_eq!(rows, [ROWS]);
        // The first row is found by its address, and once more by the last row's number: the tree is a ring.
        assert_eq!((effort.values, effort.rows), (1 + ROWS, 1 + ROWS));
        assert!(effort.calls <= 1 + 2 * ROWS.div_ceil(batch(place)), "{}", effort.calls);
    }
}

/// Counts how often spans are entered.
struct Entered(Arc<AtomicU64>);

impl<S: Subscriber> Layer<S> for Entered {
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_walk_within_a_span_does_not_enter_it_for_every_row() {
    const EVENTS: u64 = 10_000;
    for place in PLACES {
        let entity = with_events(place, EVENTS);
        let entered = Arc::new(AtomicU64::new(0));
        let subscriber = tracing_subscriber::registry().with(Entered(Arc::clone(&entered)));
        let (rows, _) =
            tracing::subscriber::with_default(subscriber, || tracing::info_span!("walk").in_scope(|| walk(&entity)));
        assert_eq!(rows, [1, EVENTS]);
        let entered = entered.load(Ordering::Relaxed);
        assert!((1..EVENTS / 10).contains(&entered), "{entered}");
    }
}
