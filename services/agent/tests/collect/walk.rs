//! The walk: every row of the person, each once, and nobody else's.

use tributary_agent::collect::Located;
use tributary_agent::source::{ReadError, Row, Snapshot, Sought};
use tributary_agent::spill::{Memory, Spill};
use tributary_agent::walk::{Systems, Visitor, Walk};
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::disposition::Disposition;

use super::support::{Entity, clock, identifier, request};

const CUSTOMERS: &str = "
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
";

fn with_customers(collections: &str, sql: &str) -> Entity {
    let customers = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT);
        INSERT INTO customer VALUES (1, 'anna@x.org'), (2, 'bert@x.org');";
    Entity::shop(&format!("{CUSTOMERS}{collections}"), &format!("{customers}{sql}"))
}

const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

#[test]
fn everything_that_refers_to_the_person_comes_back_and_nobody_elses_does() {
    let entity = with_customers(
        "
      - name: invoice
        fields:
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: line
        fields:
          - {name: nr}
          - {name: invoice_nr, fides_meta: {references: [{dataset: shop, field: invoice.nr, direction: from}]}}
",
        "CREATE TABLE invoice (nr INTEGER PRIMARY KEY, customer_id INTEGER);
         CREATE TABLE line (nr INTEGER PRIMARY KEY, invoice_nr INTEGER);
         INSERT INTO invoice VALUES (10, 1), (11, 2), (12, 1);
         INSERT INTO line VALUES (100, 10), (101, 11), (102, 12), (103, 12), (1, 99);",
    );
    let parts = entity.collect(ANNA);
    assert_eq!(parts.rows("customer"), ["1,anna@x.org"]);
    assert_eq!(parts.rows("invoice"), ["10,1", "12,1"]);
    assert_eq!(parts.rows("line"), ["100,10", "102,12", "103,12"]);
    assert_eq!(parts.collected.answers[0].disposition, Disposition::Fulfilled);
    assert_eq!(parts.collected.answers[0].rows, 6);
    assert!(parts.collected.not_searched.is_empty());
}

#[test]
fn a_row_that_merely_shares_a_value_is_not_the_persons() {
    // Anna is customer 1; clerk 1, product 1 and Bert's order of product 1 are nobody's business of hers.
    let entity = with_customers(
        "
      - name: clerk
        data_categories: [user]
        fields: [{name: id}]
      - name: purchase
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id}]}}
          - {name: product_id, fides_meta: {references: [{dataset: shop, field: product.id}]}}
      - name: product
        data_categories: [system.operations]
        fields: [{name: id}]
",
        "CREATE TABLE clerk (id INTEGER PRIMARY KEY); INSERT INTO clerk VALUES (1);
         CREATE TABLE product (id INTEGER PRIMARY KEY); INSERT INTO product VALUES (1), (2);
         CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, product_id INTEGER);
         INSERT INTO purchase VALUES (1, 2, 1), (2, 1, 1);",
    );
    assert_eq!(entity.found(ANNA, "purchase"), ["2"]);
    assert_eq!(entity.found(ANNA, "product"), ["1"]);
    let parts = entity.collect(ANNA);
    assert!(parts.rows("clerk").is_empty());
    let gap = &parts.collected.not_searched[0];
    assert_eq!((gap.collection.as_deref(), gap.reason), (Some("clerk"), NotSearchedReason::NoIdentifierOfType));
    assert_eq!(parts.collected.answers[0].disposition, Disposition::PartlyFulfilled);
}

#[test]
fn an_address_that_two_people_share_does_not_bring_in_the_others_orders() {
    let entity = with_customers(
        "
      - name: address
        fields: [{name: id}]
      - name: purchase
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id}]}}
          - {name: address_id, fides_meta: {references: [{dataset: shop, field: address.id}]}}
",
        "CREATE TABLE address (id INTEGER PRIMARY KEY); INSERT INTO address VALUES (7), (8);
         CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, address_id INTEGER);
         INSERT INTO purchase VALUES (1, 1, 7), (2, 2, 7);",
    );
    assert_eq!(entity.found(ANNA, "purchase"), ["1"]);
    assert_eq!(entity.found(ANNA, "address"), ["7"]);
}

#[test]
fn an_employees_request_returns_the_employee_and_no_customers_tickets() {
    let entity = with_customers(
        "
      - name: employee
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: ticket
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: clerk_id, fides_meta: {references: [{dataset: shop, field: employee.id, direction: to}]}}
",
        "CREATE TABLE employee (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO employee VALUES (1, 'clerk@shop.org');
         CREATE TABLE ticket (id INTEGER PRIMARY KEY, customer_id INTEGER, clerk_id INTEGER);
         INSERT INTO ticket VALUES (1, 1, 1), (2, 2, 1);",
    );
    let clerk = &[("email", "clerk@shop.org")];
    assert_eq!(entity.found(clerk, "employee"), ["1"]);
    assert!(entity.found(clerk, "ticket").is_empty() && entity.found(clerk, "customer").is_empty());
    // What the manifest declares to lead from the ticket to the clerk is walked that way.
    assert_eq!(entity.found(ANNA, "employee"), ["1"]);
    assert_eq!(entity.found(ANNA, "ticket"), ["1"]);
}

#[test]
fn a_direction_is_followed_and_not_its_opposite() {
    let collections = "
      - name: note
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: to}]}}
          - {name: author, fides_meta: {identity: author}}
";
    let sql = "CREATE TABLE note (id INTEGER PRIMARY KEY, customer_id INTEGER, author TEXT);
        INSERT INTO note VALUES (1, 2, 'w');";
    let entity = with_customers(collections, sql);
    assert!(entity.found(&[("email", "bert@x.org")], "note").is_empty());
    assert_eq!(entity.found(&[("author", "w")], "customer"), ["2"]);
}

#[test]
fn a_composite_key_is_matched_as_a_whole() {
    let entity = Entity::shop(
        "
      - name: person
        fields:
          - {name: tenant, fides_meta: {primary_key: true}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: visit
        fields:
          - {name: id}
          - {name: tenant, fides_meta: {references: [{dataset: shop, field: person.tenant}]}}
          - {name: person_nr, fides_meta: {references: [{dataset: shop, field: person.nr}]}}
",
        "CREATE TABLE person (tenant TEXT, nr INTEGER, email TEXT, PRIMARY KEY (tenant, nr)) WITHOUT ROWID;
         INSERT INTO person VALUES ('a', 1, 'anna@x.org'), ('a', 2, 'bert@x.org'), ('b', 1, 'carl@x.org');
         CREATE TABLE visit (id INTEGER PRIMARY KEY, tenant TEXT, person_nr INTEGER);
         INSERT INTO visit VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (4, 'a', 1);",
    );
    for index in ["", "CREATE INDEX by_tenant ON visit (tenant);", "CREATE INDEX by_both ON visit (tenant, person_nr);"]
    {
        rusqlite::Connection::open(entity.path("shop")).unwrap().execute_batch(index).unwrap();
        assert_eq!(entity.found(ANNA, "visit"), ["1", "4"], "{index}");
    }
}

#[test]
fn cycles_end_and_each_row_comes_once() {
    let entity = with_customers(
        "
      - name: referral
        fields:
          - {name: id}
          - {name: by_customer, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: next_id, fides_meta: {references: [{dataset: shop, field: referral.id, direction: to}]}}
          - {name: to_customer, fides_meta: {references: [{dataset: shop, field: customer.id, direction: to}]}}
",
        "CREATE TABLE referral (id INTEGER PRIMARY KEY, by_customer INTEGER, next_id INTEGER, to_customer INTEGER);
         INSERT INTO referral VALUES (1, 1, 2, NULL), (2, NULL, 3, NULL), (3, NULL, 1, 1), (4, 1, 4, NULL), (9, 2, 1, 2);",
    );
    let mut found = entity.found(ANNA, "referral");
    found.sort();
    assert_eq!(found, ["1", "2", "3", "4"]);
    assert_eq!(entity.found(ANNA, "customer"), ["1"]);
}

#[test]
fn references_cross_datasets_and_values_are_cast_on_the_way() {
    let manifest = "
dataset:
  - fides_key: crm
    collections:
      - name: contact
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, fides_meta: {identity: email}}
  - fides_key: erp
    collections:
      - name: debtor
        fields:
          - {name: nr}
          - name: crm_id
            fides_meta: {data_type: string, references: [{dataset: crm, field: contact.id, direction: from}]}
";
    // The column has no type, so SQLite itself would find no text by a number.
    let entity = Entity::new(manifest)
        .database(
            "crm",
            "CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT);
            INSERT INTO contact VALUES (42, 'anna@x.org'), (4, 'bert@x.org');",
        )
        .database(
            "erp",
            "CREATE TABLE debtor (nr INTEGER PRIMARY KEY, crm_id); INSERT INTO debtor VALUES (1, '42'), (2, '4');",
        );
    assert_eq!(entity.found(ANNA, "debtor"), ["1"]);
    let parts = entity.collect(ANNA);
    let answers: Vec<_> = parts.collected.answers.iter().map(|a| (a.dataset.as_str(), a.rows)).collect();
    assert_eq!(answers, [("crm", 1), ("erp", 1)]);
}

#[test]
fn values_within_json_are_found_and_followed_element_by_element() {
    let entity = Entity::shop(
        "
      - name: profile
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - name: contacts
            fides_meta: {data_type: 'object[]'}
            fields:
              - {name: mail, fides_meta: {identity: email}}
          - name: orders
            fides_meta: {data_type: 'integer[]', references: [{dataset: shop, field: purchase.id, direction: to}]}
      - name: purchase
        fields:
          - {name: id}
          - name: log
            fields:
              - name: entries
                fides_meta: {data_type: 'object[]'}
                fields: [{name: event}]
      - name: event
        fields:
          - {name: id}
          - {name: code, fides_meta: {references: [{dataset: shop, field: purchase.log.entries.event, direction: from}]}}
      - name: gift
        fields:
          - {name: id}
          - name: about
            fields:
              - {name: order, fides_meta: {references: [{dataset: shop, field: purchase.id, direction: from}]}}
",
        r#"CREATE TABLE profile (id INTEGER PRIMARY KEY, contacts TEXT, orders TEXT);
         INSERT INTO profile VALUES (1, '[{"mail":"other@x.org"},{"mail":"Anna@X.org"}]', '[5,7]'),
            (2, '[{"mail":"bert@x.org"}]', '[6]'), (3, 'not json', NULL);
         CREATE TABLE purchase (id INTEGER PRIMARY KEY, log TEXT);
         INSERT INTO purchase VALUES (5, '{"entries":[{"event":"e1"},{"event":"e2"}]}'), (6, '{"entries":[{"event":"e3"}]}'), (7, NULL);
         CREATE TABLE event (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO event VALUES (1,'e1'), (2,'e2'), (3,'e3');
         CREATE TABLE gift (id INTEGER PRIMARY KEY, about TEXT);
         INSERT INTO gift VALUES (1, '{"order":6}'), (2, '{"order":7}'), (3, '{"order":"7"}');"#,
    );
    assert_eq!(entity.found(ANNA, "profile"), ["1"]);
    assert_eq!(entity.found(ANNA, "purchase"), ["5", "7"]);
    assert_eq!(entity.found(ANNA, "event"), ["1", "2"]);
    assert_eq!(entity.found(ANNA, "gift"), ["2"]);
}

/// One open SQLite file, as the walk asks for it.
struct One(tributary_agent::source::sqlite::Database);

impl Systems for One {
    fn snapshot(&mut self, _: usize) -> Result<Option<&mut (dyn Snapshot + '_)>, ReadError> {
        Ok(Some(&mut self.0))
    }
}

struct Counter;

impl Visitor for Counter {
    fn row(&mut self, _: usize, _: &dyn Row) -> Result<(), ReadError> {
        Ok(())
    }
}

#[test]
fn a_large_parent_is_walked_in_linear_effort_with_or_without_an_index_and_spilled() {
    const PARCELS: u64 = 20_000;
    let no_index = "";
    let index = "CREATE INDEX i ON item (parcel_id); CREATE INDEX j ON item (box);";
    for (index, memory) in [(no_index, 4 << 20), (index, 4 << 20), (index, 1000)] {
        let entity = with_customers(
            "
      - name: parcel
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: item
        fields:
          - {name: id}
          - {name: parcel_id, fides_meta: {references: [{dataset: shop, field: parcel.id, direction: from}]}}
          - {name: box, fides_meta: {references: [{dataset: shop, field: parcel.id, direction: from}]}}
",
            &format!(
                "CREATE TABLE parcel (id INTEGER PRIMARY KEY, customer_id INTEGER);
                 CREATE TABLE item (id INTEGER PRIMARY KEY, parcel_id INTEGER, box INTEGER);
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {PARCELS} * 2 - 1)
                 INSERT INTO parcel SELECT i, 1 + i % 2 FROM n;
                 INSERT INTO item SELECT id, id, id FROM parcel;{index}"
            ),
        );
        let catalog = entity.load().unwrap();
        let graph = catalog.graph();
        let plan = graph.plan(&["email".parse().unwrap()].into());
        let columns = tributary_agent::walk::columns(graph);
        let walk = Walk { graph, plan: &plan, columns: &columns, ends: &[] };
        let mut spill = Spill::new(&entity.limits.temp_dir, plan.lookups.len(), Memory::of(memory)).unwrap();
        let path = entity.path("shop");
        let stop = tributary_agent::collect::StopFlag::new();
        let database =
            tributary_agent::source::sqlite::Database::open(&path, &clock(), &stop, entity.limits.snapshot_max)
                .unwrap();
        let sought = [Sought::new(&identifier("email", "anna@x.org"), None)];
        let walked = walk.run(&sought, &mut One(database), &mut spill, &mut Counter).unwrap();
        assert_eq!(walked.rows, [1, PARCELS, PARCELS]);
        assert_eq!(spill.spilled(), memory == 1000);
        // Customer, parcel, and every item once by each of its two references.
        assert_eq!(walked.effort.rows, 1 + 3 * PARCELS);
        assert_eq!(walked.effort.values, 2 * PARCELS + 2);
        let batches = if index.is_empty() { 2 } else { 2 * PARCELS / 500 };
        assert_eq!(walked.effort.calls, 2 + batches);
        assert_eq!(std::fs::read_dir(&entity.limits.temp_dir).unwrap().count(), 0, "what spilled has no name");
    }
}

#[test]
fn two_spellings_of_one_key_bring_its_row_once() {
    let collections = "
      - name: card
        fields:
          - {name: account}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: account
        fields:
          - {name: nr, fides_meta: {references: [{dataset: shop, field: card.account, direction: from}]}}
          - {name: mixed, fides_meta: {references: [{dataset: shop, field: card.account, direction: from}]}}
";
    for column in ["nr NUMERIC, mixed", "nr TEXT COLLATE NOCASE, mixed TEXT", "nr NUMERIC PRIMARY KEY, mixed NUMERIC"] {
        let sql = format!(
            "CREATE TABLE card (account, customer_id INTEGER); CREATE TABLE account ({column});
             INSERT INTO card VALUES (42, 1), ('42', 1), ('042', 1), ('a', 1), ('A', 1), (43, 2);
             INSERT INTO account VALUES (42, 42), (43, 43), ('a', 'a');"
        );
        let mut found = with_customers(collections, &sql).found(ANNA, "account");
        found.sort();
        assert_eq!(found, ["42", "a"], "{column}");
    }
}

#[test]
fn an_index_with_further_columns_does_not_change_the_order() {
    let collections = "
      - name: parcel
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
";
    let sql = "CREATE TABLE parcel (id INTEGER PRIMARY KEY, customer_id INTEGER, weight INTEGER);
        INSERT INTO parcel VALUES (1, 1, 9), (2, 1, 5), (3, 2, 1), (4, 1, 7);";
    for index in ["", "CREATE INDEX i ON parcel (customer_id, weight);", "CREATE INDEX i ON parcel (customer_id);"] {
        assert_eq!(
            with_customers(collections, &format!("{sql}{index}")).found(ANNA, "parcel"),
            ["1", "2", "4"],
            "{index}"
        );
    }
}

#[test]
fn what_was_spilled_comes_out_as_if_it_had_not_been() {
    let collections = "
      - name: parcel
        fields:
          - {name: id}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: item
        fields:
          - {name: id}
          - {name: parcel_id, fides_meta: {references: [{dataset: shop, field: parcel.id, direction: from}]}}
";
    let sql = "CREATE TABLE parcel (id INTEGER PRIMARY KEY, customer_id INTEGER);
        CREATE TABLE item (id INTEGER PRIMARY KEY, parcel_id INTEGER); CREATE INDEX i ON item (parcel_id);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO parcel SELECT i, 1 FROM n; INSERT INTO item SELECT id, 3001 - id FROM parcel;";
    let mut entity = with_customers(collections, sql);
    let roomy = entity.collect(ANNA);
    entity.limits.memory = 1000;
    let tight = entity.collect(ANNA);
    assert_eq!(roomy.collected, tight.collected);
    // Frontier order: items come in the order of the parcels that lead to them.
    assert_eq!(tight.rows("item")[0], "3000,1");
}

#[test]
fn a_collection_behind_one_that_was_given_up_is_named_as_cut_off() {
    let manifest = "
dataset:
  - fides_key: crm
    collections:
      - name: contact
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
  - fides_key: erp
    collections:
      - name: debtor
        fields: [{name: crm_id, fides_meta: {references: [{dataset: crm, field: contact.id, direction: from}]}}]
  - fides_key: web
    collections:
      - {name: login, fields: [{name: email, fides_meta: {identity: email}}]}
";
    let entity = Entity::new(manifest)
        .database("crm", "CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT)")
        .database("erp", "CREATE TABLE debtor (crm_id INTEGER)")
        .database("web", "CREATE TABLE login (email TEXT); INSERT INTO login VALUES ('anna@x.org')");
    let mut request = request(ANNA);
    request.given_up.insert("crm".parse().unwrap(), NotSearchedReason::Unavailable);
    let collected = entity.try_collect(&request).unwrap().collected;
    let gaps: Vec<_> =
        collected.not_searched.iter().map(|g| (g.dataset.as_str(), g.collection.as_deref(), g.reason)).collect();
    assert_eq!(
        gaps,
        [("crm", None, NotSearchedReason::Unavailable), ("erp", Some("debtor"), NotSearchedReason::Unavailable)]
    );
    let said: Vec<_> = collected.answers.iter().map(|a| a.disposition).collect();
    use Disposition::{Fulfilled, PartlyFulfilled};
    assert_eq!(said, [PartlyFulfilled, PartlyFulfilled, Fulfilled]);
}

#[test]
fn no_data_is_said_only_when_everything_personal_was_searched() {
    let machine = "
      - {name: cache, data_categories: [system.operations], fields: [{name: id}]}
";
    let sql = "CREATE TABLE cache (id INTEGER); CREATE TABLE diary (id INTEGER);";
    let nobody: &[(&str, &str)] = &[("email", "nobody@x.org")];
    let clear = with_customers(machine, sql).collect(nobody).collected;
    assert_eq!(clear.answers[0].disposition, Disposition::NoData);
    assert_eq!(clear.not_searched[0].reason, NotSearchedReason::NotPersonal);
    assert_eq!(clear.located, Located::NotFound);
    let unclassified = with_customers("\n      - {name: diary, fields: [{name: id}]}\n", sql).collect(nobody).collected;
    assert_eq!(unclassified.answers[0].disposition, Disposition::PartlyFulfilled);
    let other_type = with_customers(machine, sql).collect(&[("loyalty_number", "7")]).collected;
    assert_eq!(other_type.answers[0].disposition, Disposition::PartlyFulfilled);
    assert!(other_type.not_searched[0].detail.contains("email"), "{:?}", other_type.not_searched);
    let skipped = "\n      - {name: diary, fides_meta: {skip_processing: true}, fields: [{name: id}]}\n";
    let skipped = with_customers(skipped, sql).collect(nobody).collected;
    assert_eq!(skipped.not_searched[0].reason, NotSearchedReason::SkippedByManifest);
    assert_eq!(skipped.answers[0].disposition, Disposition::PartlyFulfilled);
}
