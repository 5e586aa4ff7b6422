//! Values that are hard to carry: large ones, those that are no number and no day, and those of odd columns.

use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, Parts, Place};

const FILES: &str = "
      - name: file
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: body}
          - {name: raw}
";

/// Characters of one to four bytes, so that no slice ends where a simple rule would have it.
const PATTERN: &str = "aé😀中-";

fn large(engine: Engine) -> Entity {
    // 4.2 MB, 900 kB, 300 kB and a few bytes of text; 3 MiB, nothing, 600 kB and a few bytes of bytes.
    let rows = "(1, 'anna@x.org', repeat('aé😀中-', 350000), R(3145728)), (2, 'anna@x.org', repeat('aé😀中-', 75000), NULL),
        (3, 'anna@x.org', repeat('aé😀中-', 25000), R(600000)), (4, 'anna@x.org', 'small', R(3)), (5, 'anna@x.org', NULL, NULL)";
    match engine {
        Engine::Postgres => {
            let rows = rows.replace("R(", "B(").replace("B(", "pg_temp.bytes(");
            let sql = format!(
                "CREATE FUNCTION pg_temp.bytes(n int) RETURNS bytea LANGUAGE sql AS $$ SELECT decode(repeat('00ff10', n / 3), 'hex') $$;
                 CREATE TABLE file (id INTEGER PRIMARY KEY, email TEXT, body TEXT, raw BYTEA); INSERT INTO file VALUES {rows};"
            );
            Entity::on(engine, FILES, &sql)
        }
        Engine::MariaDb => {
            let rows = rows.replace("R(3145728)", "repeat(x'00ff10', 1048576)");
            let rows = rows.replace("R(600000)", "repeat(x'00ff10', 200000)").replace("R(3)", "x'00ff10'");
            let sql = format!(
                "CREATE TABLE file (id INTEGER PRIMARY KEY, email TEXT, body LONGTEXT, raw LONGBLOB); INSERT INTO file VALUES {rows};"
            );
            Entity::on(engine, FILES, &sql)
        }
    }
}

fn check_large(parts: &Parts) {
    let plain = parts.plain();
    let bytes = |n: usize| [0x00, 0xff, 0x10].repeat(n / 3);
    let file = |suffix: &str| -> Vec<&Vec<u8>> {
        plain.iter().filter(|(path, _)| path.ends_with(suffix)).map(|(_, bytes)| bytes).collect()
    };
    assert!(file(".txt") == [PATTERN.repeat(350_000).as_bytes()], "the text file");
    assert!(file(".bin") == [&bytes(3_145_728)], "the file of bytes");
    let rows = parts.rows("file");
    assert_eq!(rows.len(), 5);
    let begins: Vec<&str> = rows.iter().map(|row| &row[..row.len().min(14)]).collect();
    assert_eq!(
        begins,
        ["1,anna@x.org,f", "2,anna@x.org,a", "3,anna@x.org,a", "4,anna@x.org,s", "5,anna@x.org,,"].map(|b| &b[..14])
    );
    assert!(rows[1] == format!("2,anna@x.org,{},", PATTERN.repeat(75_000)));
    assert!(rows[2].starts_with(&format!("3,anna@x.org,{},base64:AP8QAP8Q", PATTERN.repeat(25_000))));
    assert_eq!(rows[2].len(), "3,anna@x.org,,base64:".len() + PATTERN.len() * 25_000 + 800_000);
    assert_eq!(rows[3..], ["4,anna@x.org,small,base64:AP8Q", "5,anna@x.org,,"]);
}

#[test]
fn large_cells_become_files_and_the_rows_after_them_keep_their_order() {
    for engine in Engine::ALL {
        let entity = large(engine);
        check_large(&entity.collect(Csv));
        assert_eq!(std::fs::read_dir(&entity.limits.temp_dir).unwrap().count(), 0, "what waited has no name");
    }
}

#[test]
fn large_cells_of_rows_without_a_key_come_too() {
    for engine in Engine::ALL {
        let entity = large(engine);
        entity.run("ALTER TABLE file RENAME TO kept; CREATE TABLE file AS SELECT * FROM kept ORDER BY id");
        let parts = entity.collect(Csv);
        assert_eq!(parts.collected.answers[0].rows, 5);
        let files: Vec<usize> =
            parts.plain().iter().filter(|(path, _)| !path.ends_with(".csv")).map(|(_, b)| b.len()).collect();
        assert_eq!(files.len(), 2);
        assert!(files.contains(&3_145_728) && files.contains(&(PATTERN.len() * 350_000)));
    }
}

#[test]
fn rows_that_are_alike_are_as_many_as_they_are() {
    for engine in Engine::ALL {
        let manifest = "
      - name: visit
        fields: [{name: email, data_categories: [user], fides_meta: {identity: email}}, {name: friend, fides_meta: {identity: email}}]
";
        let sql = "CREATE TABLE visit (email VARCHAR(50), friend VARCHAR(50));
            INSERT INTO visit VALUES ('anna@x.org', 'anna@x.org'), ('Anna@x.org', NULL), ('anna@x.org', 'anna@x.org'), ('anna@x.org', NULL);";
        let mut rows = Entity::on(engine, manifest, sql).collect(Csv).rows("visit");
        rows.sort();
        assert_eq!(
            rows,
            ["Anna@x.org,", "anna@x.org,", "anna@x.org,anna@x.org", "anna@x.org,anna@x.org"],
            "{engine:?}"
        );
    }
}

#[test]
fn a_server_whose_messages_are_small_gives_rows_and_cells_that_are_larger() {
    let server = std::sync::Arc::new(tributary_tests::servers::Server::private(Engine::MariaDb).unwrap());
    let sql = "CREATE TABLE file (id INTEGER PRIMARY KEY, email TEXT, body LONGTEXT, raw LONGBLOB);
        INSERT INTO file VALUES (1, 'anna@x.org', repeat('aé😀中-', 350000), repeat(x'00ff10', 1048576)), (2, 'anna@x.org', repeat('aé😀中-', 75000), NULL),
        (3, 'anna@x.org', repeat('aé😀中-', 25000), repeat(x'00ff10', 200000)), (4, 'anna@x.org', 'small', x'00ff10'), (5, 'anna@x.org', NULL, NULL)";
    let entity = Entity::at(server, FILES, sql);
    entity.run("SET GLOBAL max_allowed_packet = 65536");
    check_large(&entity.collect(Csv));
}

#[test]
fn text_that_is_no_utf_8_stands_with_all_its_bytes() {
    let manifest = "
      - name: customer
        fields: [{name: id, fides_meta: {primary_key: true}}, {name: email, data_categories: [user], fides_meta: {identity: email}}, {name: v}]
";
    let expected = "1,anna@x.org,M\u{fffd}ller [not UTF-8; base64:TfxsbGVy]";
    let sql = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(50), v TEXT);";
    let sqlite = format!("{sql} INSERT INTO customer VALUES (1, 'anna@x.org', CAST(x'4dfc6c6c6572' AS TEXT));");
    assert_eq!(Entity::sqlite(manifest, &sqlite).collect(Csv).rows("customer"), [expected]);
    // MariaDB checks what it takes. PostgreSQL does not where a database says that it holds any bytes.
    let entity = Entity::on(Engine::Postgres, manifest, sql);
    let Place::Server { server, database } = &entity.place else { panic!() };
    server.remove(database).unwrap();
    let any = format!("CREATE DATABASE {database} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    server.run("postgres", &any).unwrap();
    entity.run(&format!("{sql} INSERT INTO customer VALUES (1, 'Anna@x.org', E'M\\xfcller'), (2, E'\\xfc@x.org', '')"));
    let parts = entity.collect(Csv);
    assert_eq!(parts.rows("customer"), [expected.replace("anna", "Anna")], "{:?}", parts.collected.not_searched);
}

fn one(engine: Engine, columns: &str, values: &str) -> String {
    let names: Vec<String> = (1..=values.split(", ").count()).map(|n| format!("{{name: v{n}}}")).collect();
    let manifest = format!(
        "\n      - name: odd\n        fields: [{{name: email, data_categories: [user], fides_meta: {{identity: email}}}}, {}]\n",
        names.join(", ")
    );
    let sql = format!(
        "SET sql_mode = ''; CREATE TABLE odd (email VARCHAR(50), {columns}); INSERT INTO odd VALUES ('anna@x.org', {values});"
    );
    let sql = if engine == Engine::Postgres { sql.replace("SET sql_mode = '';", "") } else { sql };
    let parts = Entity::on(engine, &manifest, &sql).collect(Csv);
    assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    let rows = parts.rows("odd");
    rows[0].strip_prefix("anna@x.org,").unwrap().to_owned()
}

#[test]
fn what_is_no_number_and_no_day_to_postgresql_is_written_in_its_words() {
    let columns = "v1 date, v2 timestamptz, v3 timestamp, v4 numeric, v5 float8, v6 float4, v7 date, v8 interval, v9 inet, v10 time";
    let values = "'infinity', '-infinity', '294276-12-31 23:59:59.999999', 'NaN', '-Infinity', 0.1, '0044-03-15 BC', '1 day 2 hours', '10.0.0.1/8', '24:00'";
    assert_eq!(
        one(Engine::Postgres, columns, values),
        "infinity,-infinity,294276-12-31T23:59:59.999999,NaN,'-Infinity,0.1,0044-03-15 BC,P1DT2H,10.0.0.1/8,24:00:00"
            .replace(",-infinity,", ",'-infinity,")
    );
    let columns = "v1 text[], v2 numeric(40, 20), v3 json, v4 int4range, v5 bit(3), v6 numeric";
    let values = "'{a,NULL}', 12345678901234567890.12345678901234567890, '{\"a\":  1}', '[1:5)', '101', -0.00001";
    assert_eq!(
        one(Engine::Postgres, columns, &values.replace("[1:5)", "[1,5)")),
        "\"[\"\"a\"\", null]\",12345678901234567890.12345678901234567890,\"{\"\"a\"\":  1}\",\"[1,5)\",101,-0.00001"
    );
}

#[test]
fn what_is_no_day_to_mariadb_and_text_of_older_days_is_written_faithfully() {
    let columns = "v1 date, v2 datetime, v3 time, v4 bigint unsigned, v5 decimal(30, 10), v6 float, v7 year, v8 bit(9), v9 varchar(9) CHARACTER SET latin1, v10 varbinary(9)";
    let values = "'0000-00-00', '0000-00-00 00:00:00', '-838:59:59', 18446744073709551615, -1.5, 0.1, 2024, 257, 'Müller', x'ff41'";
    assert_eq!(
        one(Engine::MariaDb, columns, values),
        "0000-00-00,0000-00-00T00:00:00,'-838:59:59,18446744073709551615,-1.5000000000,0.1,2024,257,Müller,base64:/0E="
    );
}

#[test]
fn an_address_that_only_the_servers_collation_takes_for_annas_is_not_hers() {
    for engine in Engine::ALL {
        let manifest = "
      - name: customer
        fields: [{name: email, data_categories: [system], fides_meta: {identity: email}}]
";
        let sql = "CREATE TABLE customer (email VARCHAR(50)); CREATE INDEX e ON customer (email);
            INSERT INTO customer VALUES ('anna@x.org'), ('ánna@x.org'), ('ANNA@X.ORG'), ('anna@x.org2');";
        let mut rows = Entity::on(engine, manifest, sql).collect(Csv).rows("customer");
        rows.sort();
        assert_eq!(rows, ["ANNA@X.ORG", "anna@x.org"], "{engine:?}");
    }
}
