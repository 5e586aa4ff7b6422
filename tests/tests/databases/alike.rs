//! Rows without a key: all of those that are alike are given, and none of them twice, however they are found.

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::Entity;

#[test]
fn rows_without_a_key_whose_values_are_equal_and_not_alike_are_all_given_once_in_postgresql() {
    let manifest = "
      - name: person
        fields:
          - {name: email, data_categories: [user], fides_meta: {identity: email}}
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
      - name: log
        fields:
          - {name: sender, fides_meta: {references: [{dataset: shop, field: person.id, direction: from}]}}
          - {name: receiver, fides_meta: {references: [{dataset: shop, field: person.id, direction: from}]}}
          - {name: amount}
          - {name: ratio}
          - {name: parts}
          - {name: name}
          - {name: tag, data_categories: [user]}
";
    // Each set is laid out so that rows that are alike do not follow each other as they are stored.
    let sets: [(&str, &[&str]); 5] = [
        ("amount", &["1.5", "1.50", "1.5", "1.50", "1.5"]),
        ("amount", &["42.0", "42.00", "42.0", "42.00", "42"]),
        ("ratio", &["'-0'", "'0'", "'-0'", "'NaN'", "'NaN'"]),
        ("parts", &["'[0:1]={1,2}'", "'{1,2}'", "'[0:1]={1,2}'", "'{1,2}'", "'{1.0,2}'"]),
        ("name", &["'a'", "'A'", "'a'", "'A'", "'a'"]),
    ];
    let mut sql = "CREATE EXTENSION citext;
        CREATE TABLE person (email VARCHAR(50), id INTEGER PRIMARY KEY); INSERT INTO person VALUES ('anna@x.org', 1), ('bert@x.org', 2);
        CREATE TABLE entry (sender INTEGER, receiver INTEGER, amount NUMERIC, ratio FLOAT8, parts NUMERIC[], name CITEXT, tag TEXT);
        CREATE VIEW log AS SELECT * FROM entry;
        INSERT INTO entry (sender, receiver, tag) VALUES (2, 2, 'x');"
        .to_owned();
    let mut count = 0;
    for (column, values) in sets {
        for tag in ["'x'", "'y'"] {
            for value in values {
                sql += &format!("INSERT INTO entry (sender, receiver, {column}, tag) VALUES (1, 1, {value}, {tag});");
                count += 1;
            }
        }
    }
    let parts = Entity::on(Engine::Postgres, manifest, &sql).collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    let rows = parts.rows("log");
    assert_eq!(rows.len(), count, "{rows:#?}");
    let with = |amount: &str| rows.iter().filter(|row| row.split(',').nth(2) == Some(amount)).count();
    assert_eq!(["1.5", "1.50", "42", "42.0", "42.00"].map(with), [6, 4, 2, 4, 4]);
}

#[test]
fn a_row_without_a_key_that_several_values_lead_to_is_given_once() {
    let manifest = "
      - name: person
        fields:
          - {name: email, data_categories: [user], fides_meta: {identity: email}}
          - {name: code, data_categories: [system], fides_meta: {primary_key: true}}
      - name: log
        fields:
          - {name: code, fides_meta: {references: [{dataset: shop, field: person.code, direction: from}]}}
          - {name: note, data_categories: [user]}
";
    let many = "('abc', 'one'), ('Abc', 'two'), ('abc', 'three'), ('Abc', 'two')";
    for (index, stored, given) in [
        ("", "('abc', 'one')", &["abc,one"][..]),
        ("CREATE INDEX i ON log (code);", "('abc', 'one')", &["abc,one"]),
        ("CREATE INDEX i ON log (code);", "('abc', 'one'), ('abc', 'one')", &["abc,one", "abc,one"]),
        ("CREATE INDEX i ON log (code);", many, &["Abc,two", "Abc,two", "abc,one", "abc,three"]),
    ] {
        let sql = format!(
            "CREATE TABLE person (email VARCHAR(50), code VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY);
             INSERT INTO person VALUES ('anna@x.org', 'abc'), ('anna@x.org', 'ABC'), ('bert@x.org', 'abd');
             CREATE TABLE log (code VARCHAR(9) COLLATE utf8mb4_general_ci, note VARCHAR(9)); {index}
             INSERT INTO log VALUES ('abd', 'other'), {stored};"
        );
        let mut rows = Entity::on(Engine::MariaDb, manifest, &sql).collect(Csv).rows("log");
        rows.sort();
        assert_eq!(rows, given, "{index}");
    }
}
