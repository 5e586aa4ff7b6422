//! Values on their way along references, cast as declared: from every kind of column into every other, in each engine.

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::Entity;

/// One reference: what stands in the column that feeds, what in the column that is fed, and which of those rows are found.
struct Case {
    what: &'static str,
    /// Types in SQLite, PostgreSQL and MariaDB; an empty one leaves the engine out.
    from: [&'static str; 3],
    value: &'static str,
    declared: &'static str,
    to: [&'static str; 3],
    stored: &'static [&'static str],
    found: &'static [usize],
}

const ID: &str = "'0e37df36-f698-11e6-8dd4-cb9ced3df976'";
const OTHER_ID: &str = "'1e37df36-f698-11e6-8dd4-cb9ced3df976'";

const CASES: &[Case] = &[
    Case {
        what: "an integer feeds a text",
        from: ["INTEGER", "INTEGER", "INTEGER"],
        value: "7",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20)"],
        stored: &["'7'", "'007'", "'70'", "' 7'"],
        found: &[0],
    },
    Case {
        what: "a text feeds an integer",
        from: ["TEXT", "TEXT", "VARCHAR(20)"],
        value: "'007'",
        declared: "integer",
        to: ["INTEGER", "INTEGER", "INTEGER"],
        stored: &["7", "70"],
        found: &[0],
    },
    Case {
        what: "a text feeds a text and keeps its zeros",
        from: ["TEXT", "TEXT", "VARCHAR(20)"],
        value: "'007'",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20)"],
        stored: &["'007'", "'7'"],
        found: &[0],
    },
    Case {
        what: "a text that is no number feeds no integer",
        from: ["TEXT", "TEXT", "VARCHAR(20)"],
        value: "'7x'",
        declared: "integer",
        to: ["INTEGER", "INTEGER", "INTEGER"],
        stored: &["7", "0"],
        found: &[],
    },
    Case {
        what: "a text that is no number feeds no integer, undeclared",
        from: ["TEXT", "TEXT", "VARCHAR(20)"],
        value: "'7x'",
        declared: "",
        to: ["INTEGER", "INTEGER", "INTEGER"],
        stored: &["7", "0"],
        found: &[],
    },
    Case {
        what: "an integer feeds a decimal, and a decimal an integer",
        from: ["NUMERIC", "NUMERIC(12, 2)", "DECIMAL(12, 2)"],
        value: "42.00",
        declared: "integer",
        to: ["NUMERIC", "NUMERIC(9, 3)", "DECIMAL(9, 3)"],
        stored: &["42", "42.5"],
        found: &[0],
    },
    Case {
        what: "a decimal feeds a text by its whole number",
        from: ["NUMERIC", "NUMERIC(12, 2)", "DECIMAL(12, 2)"],
        value: "42.00",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20)"],
        stored: &["'42'", "'42.00'"],
        found: &[0],
    },
    Case {
        what: "a double that is a whole number feeds an integer",
        from: ["REAL", "DOUBLE PRECISION", "DOUBLE"],
        value: "42",
        declared: "integer",
        to: ["INTEGER", "BIGINT", "BIGINT"],
        stored: &["42", "43"],
        found: &[0],
    },
    Case {
        what: "an integer feeds a double",
        from: ["INTEGER", "INTEGER", "INTEGER"],
        value: "42",
        declared: "float",
        to: ["REAL", "DOUBLE PRECISION", "DOUBLE"],
        stored: &["42", "42.5"],
        found: &[0],
    },
    Case {
        what: "a number beyond the column is in none of its rows",
        from: ["INTEGER", "BIGINT", "BIGINT"],
        value: "5000000000",
        declared: "integer",
        to: ["INTEGER", "INTEGER", "INTEGER"],
        stored: &["705032704", "2147483647"],
        found: &[],
    },
    Case {
        what: "a text feeds a UUID in any case",
        from: ["TEXT", "TEXT", "VARCHAR(40)"],
        value: "'0E37DF36-F698-11E6-8DD4-CB9CED3DF976'",
        declared: "string",
        to: ["", "UUID", "UUID"],
        stored: &[ID, OTHER_ID],
        found: &[0],
    },
    Case {
        what: "a UUID feeds a text",
        from: ["TEXT", "UUID", "UUID"],
        value: ID,
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(40)"],
        stored: &[ID, OTHER_ID],
        found: &[0],
    },
    Case {
        what: "a padded text feeds a text",
        from: ["", "CHAR(10)", "CHAR(10)"],
        value: "'ab'",
        declared: "string",
        to: ["", "TEXT", "VARCHAR(20) COLLATE utf8mb4_bin"],
        stored: &["'ab'", "'abc'", "'a'"],
        found: &[0],
    },
    Case {
        what: "a text feeds a padded text",
        from: ["", "TEXT", "VARCHAR(20)"],
        value: "'ab'",
        declared: "string",
        to: ["", "CHAR(10)", "CHAR(10) COLLATE utf8mb4_bin"],
        stored: &["'ab'", "'abc'", "'a'"],
        found: &[0],
    },
    Case {
        what: "a text feeds a text that tells no case apart, as that column compares",
        from: ["", "TEXT", "VARCHAR(20)"],
        value: "'Ab'",
        declared: "string",
        to: ["", "CITEXT", "VARCHAR(20) COLLATE utf8mb4_general_ci"],
        stored: &["'aB'", "'abc'", "'AB'"],
        found: &[0, 2],
    },
    Case {
        what: "a text that tells no case apart feeds one that does",
        from: ["", "CITEXT", "VARCHAR(20) COLLATE utf8mb4_general_ci"],
        value: "'Ab'",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20) COLLATE utf8mb4_bin"],
        stored: &["'ab'", "'Ab'"],
        found: &[1],
    },
    Case {
        what: "true feeds a boolean, and a boolean a number",
        from: ["INTEGER", "BOOLEAN", "BOOLEAN"],
        value: "TRUE",
        declared: "integer",
        to: ["INTEGER", "INTEGER", "INTEGER"],
        stored: &["1", "0"],
        found: &[0],
    },
    Case {
        what: "a text feeds a boolean",
        from: ["TEXT", "TEXT", "VARCHAR(9)"],
        value: "'true'",
        declared: "boolean",
        to: ["INTEGER", "BOOLEAN", "BOOLEAN"],
        stored: &["TRUE", "FALSE"],
        found: &[0],
    },
    Case {
        what: "a text feeds a day",
        from: ["TEXT", "TEXT", "VARCHAR(20)"],
        value: "'2024-02-29'",
        declared: "string",
        to: ["TEXT", "DATE", "DATE"],
        stored: &["'2024-02-29'", "'2024-03-01'"],
        found: &[0],
    },
    Case {
        what: "a day feeds a text",
        from: ["TEXT", "DATE", "DATE"],
        value: "'2024-02-29'",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20)"],
        stored: &["'2024-02-29'", "'2024-03-01'"],
        found: &[0],
    },
    Case {
        what: "a text of older days feeds one of today",
        from: ["TEXT", "TEXT", "VARCHAR(20) CHARACTER SET latin1"],
        value: "'Müller'",
        declared: "string",
        to: ["TEXT", "TEXT", "VARCHAR(20) COLLATE utf8mb4_bin"],
        stored: &["'Müller'", "'Muller'"],
        found: &[0],
    },
];

fn hold(at: usize, indexed: bool) {
    let (mut manifest, mut sql) = (String::new(), String::new());
    if at == 1 {
        sql += "CREATE EXTENSION citext;";
    }
    let cases = || CASES.iter().enumerate().filter(|(_, case)| !case.from[at].is_empty() && !case.to[at].is_empty());
    for (n, case) in cases() {
        let declared = if case.declared.is_empty() { String::new() } else { format!("data_type: {}, ", case.declared) };
        manifest += &format!(
            "      - name: a{n}\n        fields: [{{name: email, data_categories: [user], fides_meta: {{identity: email}}}}, {{name: v}}]\n      \
             - name: b{n}\n        fields:\n          - {{name: id, data_categories: [user], fides_meta: {{primary_key: true}}}}\n          \
             - {{name: w, fides_meta: {{{declared}references: [{{dataset: shop, field: a{n}.v, direction: from}}]}}}}\n"
        );
        sql += &format!(
            "CREATE TABLE a{n} (email VARCHAR(50), v {}); INSERT INTO a{n} VALUES ('anna@x.org', {});",
            case.from[at], case.value
        );
        sql += &format!("CREATE TABLE b{n} (id INTEGER PRIMARY KEY, w {});", case.to[at]);
        for (id, stored) in case.stored.iter().enumerate() {
            sql += &format!("INSERT INTO b{n} VALUES ({id}, {stored});");
        }
        if indexed {
            sql += &format!("CREATE INDEX i{n} ON b{n} (w);");
        }
    }
    let entity = match at {
        0 => Entity::sqlite(&manifest, &sql),
        1 => Entity::on(Engine::Postgres, &manifest, &sql),
        _ => Entity::on(Engine::MariaDb, &manifest, &sql),
    };
    let parts = entity.collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    for (n, case) in cases() {
        let rows = parts.rows(&format!("b{n}"));
        let found: Vec<usize> = rows.iter().map(|row| row.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(found, case.found, "{}: {} into {}", case.what, case.from[at], case.to[at]);
    }
}

#[test]
fn sqlite_compares_a_value_in_the_form_of_the_column_it_is_declared_to_have() {
    hold(0, true);
    hold(0, false);
}

#[test]
fn postgresql_compares_a_value_in_the_form_of_the_column_it_is_declared_to_have() {
    hold(1, true);
    hold(1, false);
}

#[test]
fn mariadb_compares_a_value_in_the_form_of_the_column_it_is_declared_to_have() {
    hold(2, true);
    hold(2, false);
}
