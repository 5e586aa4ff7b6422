//! No row of one entity leaves under another's name, whatever the store, its indexes and its spellings are like: random
//! databases, each held against an oracle that knows whose every row was meant to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use tributary_agent::collect::{Collected, Located, Request, StopFlag};
use tributary_archive::attestation::NotSearchedReason;
use tributary_model::disposition::Disposition;
use tributary_model::id::EntityId;

use super::support::{Entity, Memory, Parts, request};

const ENTITIES: [&str; 3] = ["acme-fr", "acme-be", "acme-nl"];
const DATABASES: u64 = 60;

/// SplitMix64, so that a seed that fails can be named.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Whose a row was meant to be; `None` is nobody's.
type Owner = Option<usize>;

/// A column that says it: its declaration in SQL and in the manifest, and how values are written.
struct Column {
    sql: &'static str,
    controller: &'static str,
    spellings: [&'static [&'static str]; 3],
    nobodys: &'static [&'static str],
}

const COLUMNS: [Column; 4] = [
    Column {
        sql: "TEXT COLLATE NOCASE",
        controller: "{column: co, values: {b: acme-fr, B: acme-be, '300': acme-nl}}",
        spellings: [&["'b'", "'b  '"], &["'B'"], &["'300'", "300"]],
        nobodys: &["NULL", "''", "'0300'", "' b'", "'bb'", "x'ff'"],
    },
    Column {
        sql: "INTEGER",
        controller: "{column: co, values: {100: acme-fr, '200': acme-be, 300: acme-nl, 301: acme-nl}}",
        spellings: [&["100", "'100'"], &["200"], &["300", "301"]],
        nobodys: &["NULL", "0", "-100", "'x'", "100.5"],
    },
    Column {
        sql: "",
        controller: "{column: co, values: {100: acme-fr, 200: acme-be, n: acme-nl}}",
        spellings: [&["100", "100.0", "'100'"], &["200", "x'323030'"], &["'n'"]],
        nobodys: &["NULL", "'100.0'", "'0100'", "'N'", "x''"],
    },
    Column {
        sql: "TEXT",
        controller: "{column: co}",
        spellings: [&["'acme-fr'"], &["'acme-be'", "'acme-be '"], &["'acme-nl'"]],
        nobodys: &["NULL", "'ACME-FR'", "'acme-de'", "'acme'"],
    },
];

impl Column {
    fn spelt(&self, dice: &mut Dice, owner: Owner) -> &'static str {
        dice.pick(owner.map_or(self.nobodys, |owner| self.spellings[owner]))
    }
}

/// How a collection says whose its rows are.
#[derive(Clone, Copy)]
enum Rule {
    Column,
    Constant(usize),
    Inherited,
    Shared,
}

struct Store {
    entity: Entity,
    /// Per entity, what is its own; and whether it meets a row that is nobody's, or one of its own hangs on another's.
    expected: Vec<(BTreeSet<String>, bool)>,
}

fn store(seed: u64) -> Store {
    let mut dice = Dice(seed);
    let column = &COLUMNS[usize::try_from(dice.below(4)).unwrap()];
    let accounts = if dice.one_in(8) { Rule::Shared } else { Rule::Column };
    let orders = match dice.below(4) {
        0 => Rule::Inherited,
        1 => Rule::Constant(usize::try_from(dice.below(3)).unwrap()),
        _ => Rule::Column,
    };
    // Whether the column is declared as a field, or only read.
    let declared = dice.one_in(2);
    let said = |rule: Rule| match rule {
        Rule::Column => format!("        tributary: {{controller: {}}}\n", column.controller),
        Rule::Constant(owner) => format!("        tributary: {{controller: {}}}\n", ENTITIES[owner]),
        Rule::Shared => "        tributary: {controller: {shared: true}}\n".to_owned(),
        Rule::Inherited => String::new(),
    };
    let field = if declared { "\n          - {name: co, data_categories: [system]}" } else { "" };
    let manifest = format!(
        "
      - name: account
{}        fields:
          - {{name: id, data_categories: [system], fides_meta: {{primary_key: true}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email}}}}
          - {{name: town, fides_meta: {{references: [{{dataset: shop, field: town.id, direction: to}}]}}}}{field}
      - name: purchase
{}        fields:
          - {{name: id, data_categories: [system], fides_meta: {{primary_key: true}}}}
          - {{name: account, fides_meta: {{references: [{{dataset: shop, field: account.id, direction: from}}]}}}}{field}
      - name: line
        fields:
          - {{name: id, data_categories: [system], fides_meta: {{primary_key: true}}}}
          - {{name: purchase, fides_meta: {{references: [{{dataset: shop, field: purchase.id, direction: from}}]}}}}
      - name: town
        fields:
          - {{name: id, data_categories: [user.contact], fides_meta: {{primary_key: true}}}}
",
        said(accounts),
        said(orders),
    );
    let key = if dice.one_in(3) { "INTEGER" } else { "INTEGER PRIMARY KEY" };
    let mut sql = format!(
        "CREATE TABLE account (id {key}, email TEXT, town INTEGER, co {co});
         CREATE TABLE purchase (id {key}, account INTEGER, co {co});
         CREATE TABLE line (id {key}, purchase INTEGER);
         CREATE TABLE town (id {key});",
        co = column.sql,
    );
    for (table, over) in [("purchase", "account"), ("line", "purchase"), ("account", "email"), ("account", "co")] {
        if dice.one_in(2) {
            write!(sql, "CREATE INDEX {table}_{over} ON {table} ({over});").unwrap();
        }
    }
    let mut expected = vec![(BTreeSet::new(), false); 3];
    let owner = |dice: &mut Dice| if dice.one_in(6) { None } else { Some(usize::try_from(dice.below(3)).unwrap()) };
    let (mut purchase, mut line) = (0, 0);
    for town in 0..3 {
        write!(sql, "INSERT INTO town VALUES ({town});").unwrap();
    }
    for account in 0..dice.below(9) {
        let (whose, town) = (owner(&mut dice), dice.below(3));
        let is_anna = !dice.one_in(4);
        let email = if is_anna { "anna@x.org" } else { "bert@x.org" };
        let co = column.spelt(&mut dice, whose);
        write!(sql, "INSERT INTO account VALUES ({account}, '{email}', {town}, {co});").unwrap();
        let gives = |at: usize| is_anna && (matches!(accounts, Rule::Shared) || whose == Some(at));
        for (at, (own, nobodys)) in expected.iter_mut().enumerate() {
            *nobodys |= is_anna && matches!(accounts, Rule::Column) && whose.is_none();
            if gives(at) {
                own.extend([format!("account {account}"), format!("town {town}")]);
            }
        }
        for _ in 0..dice.below(4) {
            purchase += 1;
            let ordered = owner(&mut dice);
            let co = column.spelt(&mut dice, ordered);
            write!(sql, "INSERT INTO purchase VALUES ({purchase}, {account}, {co});").unwrap();
            let lines: Vec<u64> = (0..dice.below(3)).map(|more| line + more + 1).collect();
            line += lines.len() as u64;
            lines.iter().for_each(|line| write!(sql, "INSERT INTO line VALUES ({line}, {purchase});").unwrap());
            for (at, (own, nobodys)) in expected.iter_mut().enumerate().filter(|(at, _)| gives(*at)) {
                let given = match orders {
                    Rule::Column => ordered == Some(at),
                    Rule::Constant(owner) => owner == at,
                    Rule::Inherited | Rule::Shared => true,
                };
                *nobodys |= matches!(orders, Rule::Column) && ordered.is_none();
                if given {
                    own.insert(format!("purchase {purchase}"));
                    own.extend(lines.iter().map(|line| format!("line {line}")));
                }
            }
            // Under another entity's account: nobody gives it, and its own entity says so.
            for (at, (_, partial)) in expected.iter_mut().enumerate() {
                let own = match orders {
                    Rule::Column => ordered == Some(at),
                    Rule::Constant(owner) => owner == at,
                    Rule::Inherited | Rule::Shared => false,
                };
                *partial |= own && is_anna && !gives(at) && whose.is_some();
            }
        }
    }
    Store { entity: Entity::shop(&manifest, &sql), expected }
}

fn asked_as(entity: &str) -> Request {
    Request { controller: entity.parse().unwrap(), ..request(&[("email", "anna@x.org")]) }
}

fn known() -> BTreeSet<EntityId> {
    ENTITIES.iter().map(|entity| entity.parse().unwrap()).collect()
}

fn answer(store: &Entity, entity: &str) -> Parts {
    let request = asked_as(entity);
    let catalog = store.load().unwrap_or_else(|problems| panic!("{problems}"));
    let catalog = catalog.of(&request.controller, &known()).unwrap();
    let mut sink = Memory::default();
    let collected = catalog.collect(&request, &mut sink, &StopFlag::new()).unwrap();
    let located = catalog.locate(&request.identifiers, &StopFlag::new()).unwrap();
    assert_eq!(located, collected.located);
    sink.into_parts(collected)
}

fn given(parts: &Parts) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for collection in ["account", "purchase", "line", "town"] {
        for row in parts.rows(collection) {
            let key = row.split(',').next().unwrap_or_default().to_owned();
            assert!(all.insert(format!("{collection} {key}")), "{collection} {key} came twice");
        }
    }
    all
}

fn is_partial(collected: &Collected) -> bool {
    collected.not_searched.iter().any(|gap| gap.reason == NotSearchedReason::ControllerUnknown)
}

#[test]
fn no_row_of_one_entity_leaves_under_anothers_name() {
    let (mut rows, mut nobodys_met) = (0, 0);
    for seed in 0..DATABASES {
        let store = store(seed);
        for (entity, (own, nobodys)) in ENTITIES.iter().zip(&store.expected) {
            let parts = answer(&store.entity, entity);
            assert_eq!(given(&parts), *own, "seed {seed}, {entity}");
            assert_eq!(is_partial(&parts.collected), *nobodys, "seed {seed}, {entity}");
            let says = parts.collected.answers.iter().map(|answer| answer.disposition).collect::<BTreeSet<_>>();
            let expected = match (parts.collected.not_searched.is_empty(), own.is_empty()) {
                (false, _) => Disposition::PartlyFulfilled,
                (true, true) => Disposition::NoData,
                (true, false) => Disposition::Fulfilled,
            };
            assert_eq!(says, BTreeSet::from([expected]), "seed {seed}, {entity}");
            assert!(parts.collected.answers.iter().all(|answer| answer.controller.as_str() == *entity));
            rows += own.len();
            nobodys_met += usize::from(*nobodys);
        }
    }
    assert!(rows > 500 && nobodys_met > 50, "{rows} rows, {nobodys_met} answers with rows of nobody's: too easy");
}

#[test]
fn two_customers_of_two_companies_under_one_address_are_no_conflict_and_of_one_company_they_are() {
    let entity = Entity::shop(
        "
      - name: customer
        tributary: {controller: {column: co}}
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
",
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, co TEXT);
         INSERT INTO customer VALUES (1, 'anna@x.org', 'acme-fr'), (2, 'Anna@x.org', 'acme-be'), (3, 'anna@x.org', 'acme-be'),
             (4, 'anna@x.org', NULL);",
    );
    let located = |of: &str| answer(&entity, of).collected.located;
    assert_eq!(located("acme-fr"), Located::Found);
    assert_eq!(located("acme-be"), Located::NeedsIdentity);
    assert_eq!(located("acme-nl"), Located::NotFound);
}

#[test]
fn a_row_that_only_another_entitys_rows_lead_to_is_counted_and_not_given() {
    let entity = Entity::shop(
        "
      - name: customer
        tributary: {controller: {column: co}}
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: basket
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: customer, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: purchase
        tributary: {controller: {column: co}}
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: basket, fides_meta: {references: [{dataset: shop, field: basket.id, direction: from}]}}
      - name: line
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: purchase, fides_meta: {references: [{dataset: shop, field: purchase.id, direction: from}]}}
",
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, co TEXT);
         CREATE TABLE basket (id INTEGER PRIMARY KEY, customer INTEGER);
         CREATE TABLE purchase (id INTEGER PRIMARY KEY, email TEXT, basket INTEGER, co TEXT);
         CREATE TABLE line (id INTEGER PRIMARY KEY, purchase INTEGER);
         INSERT INTO customer VALUES (1, 'anna@x.org', 'acme-fr'), (2, 'bert@x.org', 'acme-fr');
         INSERT INTO basket VALUES (10, 1), (20, 2);
         INSERT INTO purchase VALUES (100, NULL, 10, 'acme-fr'), (101, NULL, 10, 'acme-be'), (102, 'anna@x.org', 10, 'acme-be'),
             (103, NULL, 10, 'acme-be'), (200, NULL, 20, 'acme-be');
         INSERT INTO line VALUES (1000, 100), (1010, 101), (1020, 102), (2000, 200);",
    );
    let of = |whose: &str| {
        let parts = answer(&entity, whose);
        let first = |name: &str| {
            let key = |row: String| row.split(',').next().unwrap().to_owned();
            parts.rows(name).into_iter().map(key).collect::<Vec<_>>()
        };
        let gaps = parts.collected.not_searched.iter().map(|gap| (gap.collection.clone().unwrap(), gap.detail.clone()));
        (first("customer"), first("basket"), first("purchase"), first("line"), gaps.collect::<Vec<_>>())
    };
    let (customers, baskets, purchases, lines, gaps) = of("acme-fr");
    assert_eq!(
        (customers, baskets, purchases, lines.len()),
        (vec!["1".to_owned()], vec!["10".to_owned()], vec!["100".to_owned()], 1)
    );
    assert!(gaps.is_empty(), "{gaps:?}");
    let (customers, baskets, purchases, lines, gaps) = of("acme-be");
    assert!(customers.is_empty() && baskets.is_empty(), "another's rows, and what hangs on them");
    assert_eq!((purchases, lines.len()), (vec!["102".to_owned()], 1));
    let named: Vec<&str> = gaps.iter().map(|(collection, _)| collection.as_str()).collect();
    assert_eq!(named, ["purchase", "line"]);
    assert!(gaps[0].1.starts_with("2 rows of this company hang on rows of another company only"), "{gaps:?}");
    let (customers, .., gaps) = of("acme-nl");
    assert!(customers.is_empty() && gaps.is_empty(), "what is no one's of theirs is none of their gaps: {gaps:?}");
}

#[test]
fn what_a_row_that_is_nobodys_would_lead_to_is_named_too() {
    let entity = Entity::new(
        "
dataset:
  - fides_key: crm
    collections:
      - name: customer
        tributary: {controller: {column: co}}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
  - fides_key: mail
    collections:
      - name: letter
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer, fides_meta: {references: [{dataset: crm, field: customer.id, direction: from}]}}
",
    )
    .database(
        "crm",
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, co TEXT);
         INSERT INTO customer VALUES (1, 'anna@x.org', NULL), (2, 'anna@x.org', 'nobody');",
    )
    .database(
        "mail",
        "CREATE TABLE letter (id INTEGER PRIMARY KEY, customer INTEGER); INSERT INTO letter VALUES (5, 1);",
    );
    let Parts { collected, parts, .. } = answer(&entity, "acme-fr");
    assert!(parts.is_empty());
    let gaps: BTreeMap<_, _> = collected.not_searched.iter().map(|gap| (gap.dataset.as_str(), gap)).collect();
    assert!(gaps["crm"].detail.starts_with("2 rows name no company"), "{}", gaps["crm"].detail);
    assert_eq!(gaps["mail"].reason, NotSearchedReason::ControllerUnknown);
    assert!(collected.answers.iter().all(|answer| answer.disposition == Disposition::PartlyFulfilled));
}

#[test]
fn a_column_that_is_not_there_or_that_nobody_declares_is_named_before_the_start() {
    let schema =
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, company TEXT); CREATE TABLE line (id INTEGER, company TEXT);";
    let collection = |controller: &str, rest: &str| {
        format!("\n      - {{name: customer, fields: [{{name: id}}]{controller}}}\n{rest}")
    };
    let missing = Entity::shop(&collection(", tributary: {controller: {column: co}}", ""), schema);
    let problems = missing.load().unwrap_err().to_string();
    assert!(problems.contains("manifest.yml:5:") && problems.contains("the table has no column `co`"), "{problems}");

    let manifest = "dataset:\n  - fides_key: shop\n    tributary: {controller: {column: company}}\n    collections:\n";
    let undeclared =
        "      - {name: customer, fields: [{name: id}, {name: company}]}\n      - {name: line, fields: [{name: id}]}\n";
    let entity = Entity::new(&format!("{manifest}{undeclared}")).database("shop", schema);
    let problems = entity.load().unwrap_err().to_string();
    assert!(problems.contains("collection `line`: the table has the column `company`"), "{problems}");
    assert!(problems.contains("declare it as a field"), "{problems}");
}
