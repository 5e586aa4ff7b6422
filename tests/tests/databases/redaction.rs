//! What is about others is hidden alike in every engine, whatever type its column has: the same bytes and the same counts.

use tributary_archive::redaction::RedactionReason::{Actor, FreeText, Shared, ThirdParty};
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat;
use tributary_tests::servers::Engine;

use super::support::{Entity, Parts};

/// Every rule there is, over columns of many types; what waits for review is kept back later, as a whole. Anna is an
/// employee and a customer.
const MANIFEST: &str = "
      - name: person
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: home_id, fides_meta: {references: [{dataset: shop, field: home.id}]}}
          - {name: note, tributary: {free_text: redact}}
          - {name: letter, tributary: {free_text: review}}
          - {name: next_of_kin, tributary: {third_party: true}}
          - {name: kin_born, tributary: {third_party: true}}
          - {name: kin_token, tributary: {third_party: true}}
          - {name: kin_photo, tributary: {third_party: true}}
          - {name: kin_owes, tributary: {third_party: true}}
          - {name: said}
      - name: home
        tributary: {shared: true}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: mail, fides_meta: {identity: email}}
          - {name: owner_id, fides_meta: {references: [{dataset: shop, field: person.id}]}}
          - {name: city}
      - name: ticket
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: person_id, fides_meta: {references: [{dataset: shop, field: person.id, direction: from}]}}
          - {name: clerk_id, fides_meta: {references: [{dataset: shop, field: person.id}]}, tributary: {role: actor}}
          - {name: amount}
          - {name: opened, tributary: {about: actor}}
";
const SQLITE: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT, home_id INTEGER, note TEXT, letter TEXT, next_of_kin TEXT,
      kin_born TEXT, kin_token TEXT, kin_photo BLOB, kin_owes TEXT, said TEXT);
    CREATE TABLE home (id INTEGER PRIMARY KEY, mail TEXT, owner_id INTEGER, city TEXT);
    CREATE TABLE ticket (id INTEGER PRIMARY KEY, person_id INTEGER, clerk_id INTEGER, amount TEXT, opened TEXT);";
const POSTGRES: &str = "
    CREATE TABLE person (id BIGINT PRIMARY KEY, email VARCHAR(200), home_id INTEGER, note TEXT, letter TEXT, next_of_kin TEXT,
      kin_born DATE, kin_token UUID, kin_photo BYTEA, kin_owes NUMERIC(12, 2), said TEXT);
    CREATE TABLE home (id INTEGER PRIMARY KEY, mail TEXT, owner_id BIGINT, city TEXT);
    CREATE TABLE ticket (id BIGINT PRIMARY KEY, person_id BIGINT, clerk_id BIGINT, amount TEXT, opened TEXT);";
const MARIADB: &str = "
    CREATE TABLE person (id BIGINT UNSIGNED PRIMARY KEY, email VARCHAR(200), home_id INTEGER, note TEXT, letter TEXT,
      next_of_kin TEXT, kin_born DATE, kin_token VARCHAR(36), kin_photo LONGBLOB, kin_owes DECIMAL(12, 2), said TEXT);
    CREATE TABLE home (id INTEGER PRIMARY KEY, mail TEXT, owner_id BIGINT, city TEXT);
    CREATE TABLE ticket (id BIGINT PRIMARY KEY, person_id BIGINT, clerk_id BIGINT, amount TEXT, opened TEXT);";
const ROWS: &str = "
    INSERT INTO home VALUES (10, 'secret@x.org', 2, 'Ghent');
    INSERT INTO person (id, email, home_id, note, letter, next_of_kin, kin_born, kin_token, kin_owes, said) VALUES
      (1, 'Anna@X.org', 10, 'secret note', NULL, 'secret Wim', '1950-12-24', '0e37df36-f698-11e6-8dd4-cb9ced3df976', '77.77',
       '[redacted:ACTOR] said Zoë'),
      (2, 'secret@x.org', 10, '', '', NULL, NULL, NULL, NULL, '');
    INSERT INTO ticket VALUES (1, 1, 2, '1.00', 'mon'), (2, 2, 1, 'secret 2', 'tue'), (3, 1, 1, '3.00', 'wed'),
      (4, 2, 2, 'secret 4', 'thu');";

fn in_each_engine() -> [(&'static str, Entity); 3] {
    [
        ("SQLite", Entity::sqlite(MANIFEST, &format!("{SQLITE}{ROWS}"))),
        ("PostgreSQL", Entity::on(Engine::Postgres, MANIFEST, &format!("{POSTGRES}{ROWS}"))),
        ("MariaDB", Entity::on(Engine::MariaDb, MANIFEST, &format!("{MARIADB}{ROWS}"))),
    ]
}

fn all(parts: &Parts) -> String {
    parts.plain().into_values().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[test]
fn every_rule_hides_the_same_in_every_engine() {
    let kin = ThirdParty.mark();
    for format in [TableFormat::Csv, TableFormat::Ndjson] {
        let found = in_each_engine().map(|(engine, entity)| (engine, entity.collect(format)));
        for (engine, parts) in &found {
            assert!(!all(parts).contains("secret") && !all(parts).contains("1950"), "{engine}");
            assert_eq!(parts.plain(), found[0].1.plain(), "{engine}");
            assert_eq!(parts.collected.redactions, found[0].1.collected.redactions, "{engine}");
            assert_eq!(parts.collected.answers[0].disposition, Disposition::PartlyFulfilled, "{engine}");
        }
        let parts = &found[0].1;
        let told = parts.collected.redactions.iter();
        let told: Vec<_> =
            told.map(|r| (r.collection.as_str(), r.field.as_deref().unwrap(), r.reason, r.count)).collect();
        let expected = [
            ("home", "mail", Shared, 1),
            ("home", "owner_id", Shared, 1),
            ("person", "kin_born", ThirdParty, 1),
            ("person", "kin_owes", ThirdParty, 1),
            ("person", "kin_photo", ThirdParty, 1),
            ("person", "kin_token", ThirdParty, 1),
            ("person", "next_of_kin", ThirdParty, 1),
            ("person", "note", FreeText, 1),
            ("ticket", "amount", Actor, 1),
            ("ticket", "person_id", Actor, 1),
        ];
        assert_eq!(told, expected);
        if format == TableFormat::Csv {
            let line = format!(
                "1,Anna@X.org,10,[redacted:FREE_TEXT],,{kin},{kin},{kin},{kin},{kin},'[redacted:ACTOR] said Zoë"
            );
            assert_eq!(parts.rows("person"), [line]);
            assert_eq!(parts.rows("home"), ["10,[redacted:SHARED],[redacted:SHARED],Ghent"]);
            let tickets = ["1,1,2,1.00,mon", "3,1,1,3.00,wed", "2,[redacted:ACTOR],1,[redacted:ACTOR],tue"];
            assert_eq!(parts.rows("ticket"), tickets);
        }
    }
}
