//! Values on their way along references that few programs have a form for: each finds its row, or the answer says that rows
//! may be missing.

use tributary_archive::attestation::NotSearchedReason;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, Parts};

/// People with a key of one type and what refers to it; `declared` stands within `fides_meta` of what refers.
fn manifest(declared: &str) -> String {
    format!(
        "      - name: person
        fields:
          - {{name: email, data_categories: [user], fides_meta: {{identity: email}}}}
          - {{name: v, data_categories: [system], fides_meta: {{primary_key: true}}}}
      - name: visit
        fields:
          - {{name: id, data_categories: [user], fides_meta: {{primary_key: true}}}}
          - {{name: w, fides_meta: {{{declared}references: [{{dataset: shop, field: person.v, direction: from}}]}}}}
"
    )
}

fn schema(of_person: &str, of_visit: &str, persons: &[&str], visits: &[&str]) -> String {
    let mut sql = format!(
        "CREATE TABLE person (email VARCHAR(50), v {of_person}); CREATE TABLE visit (id INTEGER PRIMARY KEY, w {of_visit});"
    );
    for value in persons {
        sql += &format!("INSERT INTO person VALUES ('anna@x.org', {value});");
    }
    for (id, value) in visits.iter().enumerate() {
        sql += &format!("INSERT INTO visit VALUES ({id}, {value});");
    }
    sql
}

fn found(parts: &Parts) -> Vec<String> {
    parts.rows("visit").iter().map(|row| row.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn a_number_that_needs_all_64_bits_finds_its_row_though_it_is_declared_as_an_integer() {
    let values = ["18446744073709551615", "42"];
    for index in ["", "CREATE INDEX i ON visit (w);"] {
        let rows = ["18446744073709551614", "18446744073709551615", "42", "9223372036854775807"];
        let sql = schema("BIGINT UNSIGNED", "BIGINT UNSIGNED", &values, &rows) + index;
        let parts = Entity::on(Engine::MariaDb, &manifest("data_type: integer, "), &sql).collect(Csv);
        let mut rows = found(&parts);
        rows.sort();
        assert_eq!(rows, ["1", "2"]);
        assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    }
}

#[test]
fn a_day_or_an_instant_in_any_year_finds_its_row_in_postgresql() {
    let instants =
        ["'infinity'", "'9999-12-31 23:59:59+00'", "'0044-03-15 10:00:00+00 BC'", "'12000-01-01 00:00:00.5+00'"];
    let days = ["'infinity'", "'9999-12-31'", "'0044-03-15 BC'", "'12000-01-01'"];
    for (kind, values, other) in [
        ("TIMESTAMPTZ", instants, ["'-infinity'", "'0044-03-15 10:00:00+00'"]),
        ("TIMESTAMP", instants, ["'-infinity'", "'0044-03-15 10:00:00'"]),
        ("DATE", days, ["'-infinity'", "'0044-03-15'"]),
    ] {
        for index in ["", "CREATE INDEX i ON visit (w);"] {
            let sql = schema(kind, kind, &values, &[&other[..], &values[..]].concat()) + index;
            let parts = Entity::on(Engine::Postgres, &manifest(""), &sql).collect(Csv);
            let mut rows = found(&parts);
            rows.sort();
            assert_eq!(rows, ["2", "3", "4", "5"], "{kind} {index}");
            assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
        }
    }
}

#[test]
fn a_number_that_a_float_would_round_finds_no_other_row_and_is_named_on_every_engine() {
    let sql = |float: &str| schema("BIGINT", float, &["12345678901234567", "7"], &["12345678901234568", "7"]);
    let manifest = manifest("data_type: float, ");
    for entity in [
        Entity::sqlite(&manifest, &sql("REAL")),
        Entity::on(Engine::Postgres, &manifest, &sql("DOUBLE PRECISION")),
        Entity::on(Engine::MariaDb, &manifest, &sql("DOUBLE")),
    ] {
        let parts = entity.collect(Csv);
        assert_eq!(found(&parts), ["1"], "what can be compared is found all the same");
        let [gap] = parts.collected.not_searched.as_slice() else { panic!("{:?}", parts.collected.not_searched) };
        assert_eq!((gap.collection.as_deref(), gap.reason), (Some("visit"), NotSearchedReason::NotReadable));
        assert!(gap.detail.contains("`w`") && gap.detail.contains("data_type"), "{}", gap.detail);
    }
}

#[test]
fn a_number_of_32_bits_finds_its_row_by_the_digits_in_which_it_is_read() {
    let values = ["0.1", "0.5", "16777216", "3.25e30", "1.1e-20", "-2.7"];
    let others = ["0.10000001", "0.2", "16777215"];
    for (engine, float, from) in [
        (Engine::Postgres, "REAL", "REAL"),
        (Engine::Postgres, "REAL", "DOUBLE PRECISION"),
        (Engine::MariaDb, "FLOAT", "FLOAT"),
        (Engine::MariaDb, "FLOAT", "DOUBLE"),
    ] {
        for (index, values) in [
            ("", &values[..]),
            ("CREATE INDEX i ON visit (w);", &values),
            ("", &values[..1]),
            ("CREATE INDEX i ON visit (w);", &values[..1]),
        ] {
            let sql = schema(from, float, values, &[&others[..], values].concat()) + index;
            let parts = Entity::on(engine, &manifest(""), &sql).collect(Csv);
            let mut rows = found(&parts);
            rows.sort();
            let expected: Vec<String> = (3..3 + values.len()).map(|id| id.to_string()).collect();
            assert_eq!(rows, expected, "{engine:?} {from} {index}");
            assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
        }
    }
}

#[test]
fn sqlite_that_holds_a_number_beyond_63_bits_as_a_rounded_one_finds_no_other_by_it() {
    let values = ["'18446744073709551614'", "'42'"];
    for (declared, index) in [("", ""), ("data_type: integer, ", ""), ("", "CREATE INDEX i ON visit (w);")] {
        let sql = schema("TEXT", "INTEGER", &values, &["18446744073709551615", "42"]) + index;
        let parts = Entity::sqlite(&manifest(declared), &sql).collect(Csv);
        assert_eq!(found(&parts), ["1"]);
        assert_eq!(parts.collected.not_searched.len(), 1, "{:?}", parts.collected.not_searched);
        // Text is compared as it is.
        let sql =
            schema("TEXT", "TEXT", &values, &["'18446744073709551615'", "'42'", "'18446744073709551614'"]) + index;
        let parts = Entity::sqlite(&manifest(""), &sql).collect(Csv);
        assert_eq!((found(&parts).len(), parts.collected.not_searched.len()), (2, 0));
    }
}

#[test]
fn a_value_that_a_column_has_no_known_form_for_is_named_and_hides_no_other() {
    // A time without zone is an instant, and nothing says which.
    let sql = schema(
        "TIMESTAMP",
        "TIMESTAMPTZ",
        &["'2024-05-01 10:00:00'", "'infinity'"],
        &["'2024-05-01 10:00:00+00'", "'infinity'"],
    );
    let parts = Entity::on(Engine::Postgres, &manifest(""), &sql).collect(Csv);
    assert_eq!(found(&parts), ["1"]);
    assert_eq!(parts.collected.not_searched.len(), 1);
}
