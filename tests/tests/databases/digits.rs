//! Numbers with more digits than a floating-point number tells apart lead to their own rows in MariaDB, where texts are
//! compared with decimals as floating-point numbers.

use std::collections::BTreeSet;

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, collect, request};

const MANIFEST: &str = "
      - name: person
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user], fides_meta: {identity: email}}
      - name: contract
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: person_id, fides_meta: {references: [{dataset: shop, field: person.id, direction: from}]}}
      - name: orders
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: contract_id, fides_meta: {references: [{dataset: shop, field: contract.id, direction: from}]}}
";

/// The orders that a person with the email address `anna@x.org` is given, whose contracts are `own`; `others` are somebody
/// else's. Order `n` is of the `n`th contract in `orders`.
fn given(types: [&str; 2], index: &str, own: &[&str], others: &[&str], orders: &[&str]) -> BTreeSet<usize> {
    let [of_contract, of_order] = types;
    let mut sql = format!(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO person VALUES (1, 'anna@x.org'), (2, 'bob@x.org');
         CREATE TABLE contract (id {of_contract} PRIMARY KEY, person_id INTEGER);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, contract_id {of_order}); {index}"
    );
    for (person, contracts) in [(1, own), (2, others)] {
        for contract in contracts {
            sql += &format!("INSERT INTO contract VALUES ({contract}, {person});");
        }
    }
    for (id, contract) in orders.iter().enumerate() {
        sql += &format!("INSERT INTO orders VALUES ({id}, {contract});");
    }
    let parts = Entity::on(Engine::MariaDb, MANIFEST, &sql).collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    parts.rows("orders").iter().map(|row| row.split(',').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_decimal_key_of_many_digits_leads_to_its_own_rows_alone() {
    let [a, b, c] = ["123456789012345670", "123456789012345990", "123456789012345671"];
    for index in ["", "CREATE INDEX i ON orders (contract_id);"] {
        for kind in ["DECIMAL(20, 0)", "DECIMAL(20, 2)", "DECIMAL(38, 18) UNSIGNED"] {
            let found = given(["DECIMAL(20, 0)", kind], index, &[a, b], &[c], &[a, b, c, c]);
            assert_eq!(found, [0, 1].into(), "{kind} {index}");
            let found = given(["DECIMAL(20, 0)", kind], index, &[a], &[c], &[a, b, c]);
            assert_eq!(found, [0].into(), "{kind} {index}");
        }
        // More digits than a number with thirty decimals has room for.
        let [a, b, c] = [a, b, c].map(|digits| format!("{digits}0000000000000000000001"));
        let own = [a.as_str(), b.as_str()];
        let found = given(["DECIMAL(60, 0)"; 2], index, &own, &[&c], &[&a, &b, &c]);
        assert_eq!(found, [0, 1].into(), "{index}");
        let found = given(["DECIMAL(60, 0)"; 2], index, &own[..1], &[&c], &[&a, &b, &c]);
        assert_eq!(found, [0].into(), "{index}");
    }
}

#[test]
fn a_number_with_more_decimals_than_a_column_has_is_in_none_of_its_rows() {
    let most = "9".repeat(65);
    for index in ["", "CREATE INDEX i ON orders (contract_id);"] {
        let own = ["5.005", "6.010", "7.000"];
        let found = given(["DECIMAL(20, 3)", "DECIMAL(20, 2)"], index, &own, &["5.010"], &["5.01", "6.01", "7", "5"]);
        assert_eq!(found, [1, 2].into(), "{index}");
        // The largest number that there is stands for none that is larger than the column's.
        let found = given(
            ["DECIMAL(65, 0)", "DECIMAL(65, 2)"],
            index,
            &[&most, "7"],
            &[],
            &[&format!("{}.99", &most[2..]), "7"],
        );
        assert_eq!(found, [1].into(), "{index}");
    }
}

#[test]
fn parts_of_a_key_that_are_decimals_of_many_digits_lead_to_its_own_rows_alone() {
    let manifest = "
      - name: person
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user], fides_meta: {identity: email}}
      - name: contract
        fields:
          - {name: tenant, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: person_id, fides_meta: {references: [{dataset: shop, field: person.id, direction: from}]}}
      - name: orders
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: tenant, fides_meta: {references: [{dataset: shop, field: contract.tenant, direction: from}]}}
          - {name: contract_id, fides_meta: {references: [{dataset: shop, field: contract.id, direction: from}]}}
";
    for index in ["", "CREATE INDEX i ON orders (tenant, contract_id);"] {
        let sql = format!(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, email VARCHAR(50)); INSERT INTO person VALUES (1, 'anna@x.org'), (2, 'bob@x.org');
             CREATE TABLE contract (tenant INTEGER, id DECIMAL(20, 0), person_id INTEGER, PRIMARY KEY (tenant, id));
             CREATE TABLE orders (id INTEGER PRIMARY KEY, tenant INTEGER, contract_id DECIMAL(20, 0)); {index}
             INSERT INTO contract VALUES (1, 123456789012345670, 1), (2, 123456789012345990, 1),
                 (1, 123456789012345671, 2);
             INSERT INTO orders VALUES (1, 1, 123456789012345670), (2, 2, 123456789012345990), (3, 1, 123456789012345671),
                 (4, 2, 123456789012345670);"
        );
        let parts = Entity::on(Engine::MariaDb, manifest, &sql).collect(Csv);
        assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
        let mut rows = parts.rows("orders");
        rows.sort();
        assert_eq!(rows, ["1,1,123456789012345670", "2,2,123456789012345990"], "{index}");
    }
}

#[test]
fn an_identifier_of_many_digits_finds_its_own_rows_alone() {
    let manifest = "
      - name: t
        fields:
          - {name: id, data_categories: [system], fides_meta: {primary_key: true}}
          - {name: v, data_categories: [user], fides_meta: {identity: customer_number}}
";
    for column in ["DECIMAL(20, 0)", "DECIMAL(20, 0) UNIQUE"] {
        let sql = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v {column});
             INSERT INTO t VALUES (1, 123456789012345670), (2, 123456789012345671), (3, 123456789012345672);"
        );
        let entity = Entity::on(Engine::MariaDb, manifest, &sql);
        for more in ["0123456789012345671", "123456789012345990"] {
            let given = [("customer_number", "123456789012345671"), ("customer_number", more)];
            let rows = collect(&entity.catalog(), &request(&given, Csv), &mut |_| {}).unwrap().rows("t");
            assert_eq!(rows, ["2,123456789012345671"], "{column} {more}");
        }
    }
}
