//! A person with very many rows: statements and rows in proportion to what there is, counted and not timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tributary_agent::collect::{Database, StopFlag};
use tributary_agent::source::server::{Gate, Opening};
use tributary_agent::source::{ReadError, Row, Snapshot, Sought, open_server};
use tributary_agent::spill::{Memory, Spill};
use tributary_agent::walk::{Effort, Systems, Visitor, Walk};
use tributary_tests::servers::Engine;

use super::support::{Entity, clock, identifier};

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
    let Some(Database::Server(server)) = entity.sources.databases.values().next() else { panic!() };
    let (gate, stop) = (Gate::new(&server.limits), StopFlag::new());
    let opening =
        Opening { server, namespace: (None, None), gate: &gate, clock: &clock(), stop: &stop, temp_dir: folder };
    let database = open_server(&opening).unwrap();
    let sought = [Sought::new(&identifier("email", "anna@x.org"), None)];
    let walked = walk.run(&sought, &mut One(database), &mut spill, &mut Counter).unwrap();
    assert!(walked.unreadable.is_empty(), "{:?}", walked.unreadable);
    assert_eq!(Arc::strong_count(&gate), 1, "the connection was given back");
    (walked.rows, walked.effort)
}

fn series(engine: Engine, count: u64) -> String {
    match engine {
        Engine::Postgres => format!("generate_series(1, {count}) AS s (n)"),
        Engine::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{count}) AS s"),
    }
}

/// Values of one call where an index finds them.
fn batch(engine: Engine) -> u64 {
    match engine {
        Engine::Postgres => 2000,
        Engine::MariaDb => 512,
    }
}

/// One customer with so many events.
fn with_events(engine: Engine, events: u64) -> Entity {
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
        series(engine, events)
    );
    Entity::on(engine, &manifest, &sql)
}

#[test]
fn a_million_rows_of_one_person_are_one_statement() {
    const ROWS: u64 = 1_000_000;
    for engine in Engine::ALL {
        let (rows, effort) = walk(&with_events(engine, ROWS));
        assert_eq!(rows, [1, ROWS]);
        assert_eq!((effort.calls, effort.values, effort.rows), (2, 2, 1 + ROWS));
    }
}

#[test]
fn a_hundred_thousand_orders_with_lines_cost_statements_by_the_batch() {
    const ORDERS: u64 = 100_000;
    for engine in Engine::ALL {
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
                series(engine, 2 * ORDERS),
                2 * ORDERS,
                series(engine, 4 * ORDERS),
            );
            let (rows, effort) = walk(&Entity::on(engine, &manifest, &sql));
            assert_eq!(rows, [1, ORDERS, 2 * ORDERS]);
            assert_eq!((effort.values, effort.rows), (2 + ORDERS, 1 + 3 * ORDERS));
            let scan = if engine == Engine::Postgres { 50_000 } else { 32_768 };
            let lines = ORDERS.div_ceil(if indexed { batch(engine) } else { scan });
            assert_eq!(effort.calls, 2 + lines);
        }
    }
}

#[test]
fn a_million_rows_that_refer_to_each_other_are_each_found_once() {
    const ROWS: u64 = 1_000_000;
    for engine in Engine::ALL {
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
            series(engine, ROWS)
        );
        let sql = match engine {
            Engine::Postgres => sql,
            Engine::MariaDb => sql.replace("(n + 8) / 10", "(n + 8) DIV 10"),
        };
        let (rows, effort) = walk(&Entity::on(engine, manifest, &sql));
        assert_eq!(rows, [ROWS]);
        // The first row is found by its address, and once more by the last row's number: the tree is a ring.
        assert_eq!((effort.values, effort.rows), (1 + ROWS, 1 + ROWS));
        assert!(effort.calls <= 1 + 2 * ROWS.div_ceil(batch(engine)), "{}", effort.calls);
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
    for engine in Engine::ALL {
        let entity = with_events(engine, EVENTS);
        let entered = Arc::new(AtomicU64::new(0));
        let subscriber = tracing_subscriber::registry().with(Entered(Arc::clone(&entered)));
        let (rows, _) =
            tracing::subscriber::with_default(subscriber, || tracing::info_span!("walk").in_scope(|| walk(&entity)));
        assert_eq!(rows, [1, EVENTS]);
        let entered = entered.load(Ordering::Relaxed);
        assert!((1..EVENTS / 10).contains(&entered), "{entered}");
    }
}
