//! One manifest, the same bytes from all three engines.

use tributary_archive::table::FieldKind;
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat;
use tributary_tests::servers::Engine;

use super::support::{Entity, Parts};

const MANIFEST: &str = "
      - name: customer
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: vip, fides_meta: {data_type: boolean}}
          - {name: balance}
          - {name: rate}
          - {name: big}
          - {name: born}
          - {name: wakes}
          - {name: joined}
          - {name: seen}
          - {name: token}
          - {name: photo}
          - {name: level}
          - {name: profile, fields: [{name: orders, fides_meta: {data_type: 'integer[]'}}]}
          - {name: tags, fides_meta: {data_type: 'string[]'}}
          - {name: note}
      - name: purchase
        fields:
          - {name: year, fides_meta: {primary_key: true}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: item
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: p_year, fides_meta: {references: [{dataset: shop, field: purchase.year, direction: from}]}}
          - {name: p_nr, fides_meta: {references: [{dataset: shop, field: purchase.nr, direction: from}]}}
          - {name: tag, fides_meta: {references: [{dataset: shop, field: customer.tags, direction: from}]}}
      - name: extra
        fields:
          - {name: code, fides_meta: {primary_key: true}}
          - {name: order_nr, fides_meta: {references: [{dataset: shop, field: customer.profile.orders, direction: from}]}}
          - {name: owner, fides_meta: {references: [{dataset: shop, field: customer.token, direction: from}]}}
";

/// What is the same in every engine: Anna's rows, somebody else's, and all the ways not to be a value.
const ROWS: &str = "
    INSERT INTO customer (id, email, vip, balance, rate, big, born, wakes, joined, seen, token, level, profile, tags, note) VALUES
      (1, 'Anna@X.org', TRUE, '-12.50', 0.1, '9223372036854775807', '1990-02-28', '06:30:00', '2024-05-01T10:00:00', '2024-05-01T10:00:00Z',
       '0e37df36-f698-11e6-8dd4-cb9ced3df976', 'gold', '{\"orders\": [7, 9]}', '[\"a\", \"b\"]', 'Zoë 😀 \"quoted\", and
a line'),
      (2, 'bert@x.org', FALSE, '1.00', 1.5, '1', '1991-01-01', '07:00:00', '2024-05-01T10:00:00', '2024-05-01T10:00:00Z',
       '1e37df36-f698-11e6-8dd4-cb9ced3df976', 'none', '{\"orders\": [8]}', '[\"c\"]', ''),
      (3, 'anna@x.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'none', NULL, NULL, '');
    INSERT INTO purchase VALUES (2024, 1, 1), (2023, 2, 1), (2024, 2, 2), (2023, 1, 3), (2022, 1, 3);
    INSERT INTO item VALUES (1, 2024, 1, NULL), (2, 2023, 2, NULL), (3, 2024, 2, NULL), (4, NULL, NULL, 'b'), (5, NULL, NULL, 'c'), (6, 2022, 1, 'a');
    INSERT INTO extra VALUES ('b', 9, NULL), ('B', 7, NULL), ('a', 8, NULL), ('ä', NULL, '0e37df36-f698-11e6-8dd4-cb9ced3df976'), ('Z', 7, NULL);
";

const SQLITE: &str = "
    CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, vip INTEGER, balance TEXT, rate REAL, big INTEGER, born TEXT,
      wakes TEXT, joined TEXT, seen TEXT, token TEXT, photo BLOB, level TEXT, profile TEXT, tags TEXT, note TEXT);
    CREATE TABLE purchase (year INTEGER, nr INTEGER, customer_id INTEGER, PRIMARY KEY (year, nr)) WITHOUT ROWID;
    CREATE INDEX by_customer ON purchase (customer_id);
    CREATE TABLE item (id INTEGER PRIMARY KEY, p_year INTEGER, p_nr INTEGER, tag TEXT); CREATE INDEX by_tag ON item (tag);
    CREATE TABLE extra (code TEXT PRIMARY KEY, order_nr INTEGER, owner TEXT) WITHOUT ROWID;";

const POSTGRES: &str = "
    CREATE TYPE level AS ENUM ('none', 'gold');
    CREATE TABLE customer (id BIGINT PRIMARY KEY, email VARCHAR(200), vip BOOLEAN, balance NUMERIC(12, 2), rate DOUBLE PRECISION,
      big BIGINT, born DATE, wakes TIME, joined TIMESTAMP, seen TIMESTAMPTZ, token UUID, photo BYTEA, level level, profile JSONB,
      tags JSONB, note TEXT);
    CREATE TABLE purchase (year SMALLINT, nr INTEGER, customer_id BIGINT, PRIMARY KEY (year, nr));
    CREATE INDEX by_customer ON purchase (customer_id);
    CREATE TABLE item (id INTEGER PRIMARY KEY, p_year INTEGER, p_nr INTEGER, tag TEXT); CREATE INDEX by_tag ON item (tag);
    CREATE TABLE extra (code TEXT COLLATE \"und-x-icu\" PRIMARY KEY, order_nr INTEGER, owner UUID);";

const MARIADB: &str = "
    CREATE TABLE customer (id BIGINT UNSIGNED PRIMARY KEY, email VARCHAR(200), vip BOOLEAN, balance DECIMAL(12, 2), rate DOUBLE,
      big BIGINT UNSIGNED, born DATE, wakes TIME(3), joined DATETIME(6), seen TIMESTAMP NULL, token UUID, photo BLOB,
      level ENUM('none', 'gold'), profile JSON, tags JSON, note LONGTEXT);
    CREATE TABLE purchase (year SMALLINT, nr INTEGER, customer_id BIGINT UNSIGNED, PRIMARY KEY (year, nr));
    CREATE INDEX by_customer ON purchase (customer_id);
    CREATE TABLE item (id INTEGER PRIMARY KEY, p_year INTEGER, p_nr INTEGER, tag VARCHAR(20) CHARACTER SET latin1); CREATE INDEX by_tag ON item (tag);
    CREATE TABLE extra (code VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, order_nr INTEGER, owner VARCHAR(36));
    SET time_zone = '+00:00'; SET sql_mode = 'NO_BACKSLASH_ESCAPES';";

/// The same rows in each engine's own words.
fn entities() -> [Entity; 3] {
    let photo = |bytes: &str| format!("UPDATE customer SET photo = {bytes} WHERE id = 1;");
    // MariaDB's TIMESTAMP takes no zone.
    let plain = ROWS.replace("10:00:00Z", "10:00:00");
    [
        Entity::sqlite(MANIFEST, &format!("{SQLITE}{ROWS}{}", photo("x'00ff'"))),
        Entity::on(Engine::Postgres, MANIFEST, &format!("{POSTGRES}{ROWS}{}", photo("'\\x00ff'"))),
        Entity::on(Engine::MariaDb, MANIFEST, &format!("{MARIADB}{plain}{}", photo("x'00ff'"))),
    ]
}

fn text(parts: &Parts) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    parts.plain().into_iter().map(|(path, bytes)| (path, text(bytes))).collect()
}

#[test]
fn one_manifest_gives_the_same_bytes_from_all_three_engines() {
    for format in [TableFormat::Csv, TableFormat::Ndjson] {
        let [sqlite, postgres, mariadb] = entities().map(|entity| entity.collect(format));
        assert_eq!(text(&sqlite), text(&postgres), "SQLite and PostgreSQL");
        assert_eq!(text(&sqlite), text(&mariadb), "SQLite and MariaDB");
        assert_eq!(sqlite.collected.parts.sha256, postgres.collected.parts.sha256);
        assert_eq!(sqlite.collected.parts.sha256, mariadb.collected.parts.sha256);
        assert_eq!(sqlite.collected.answers[0].disposition, Disposition::Fulfilled);
    }
}

#[test]
fn the_bytes_are_the_values_in_full() {
    let [sqlite, ..] = entities();
    let parts = sqlite.collect(TableFormat::Csv);
    assert_eq!(
        parts.rows("customer").join("\n"),
        "1,Anna@X.org,true,-12.50,0.1,9223372036854775807,1990-02-28,06:30:00,2024-05-01T10:00:00,2024-05-01T10:00:00Z,\
         0e37df36-f698-11e6-8dd4-cb9ced3df976,base64:AP8=,gold,\"{\"\"orders\"\": [7, 9]}\",\"[\"\"a\"\", \"\"b\"\"]\",\
         \"Zoë 😀 \"\"quoted\"\", and\na line\"\n3,anna@x.org,,,,,,,,,,,none,,,\"\""
    );
    assert_eq!(parts.rows("purchase"), ["2023,2,1", "2024,1,1", "2022,1,3", "2023,1,3"]);
    assert_eq!(parts.rows("item"), ["6,2022,1,a", "4,,,b", "1,2024,1,", "2,2023,2,"]);
    assert_eq!(parts.rows("extra"), ["B,7,", "Z,7,", "b,9,", "ä,,0e37df36-f698-11e6-8dd4-cb9ced3df976"]);
}

#[test]
fn a_table_says_of_its_fields_what_the_server_guarantees() {
    let [_, postgres, mariadb] = entities();
    let kinds = |entity: &Entity| -> Vec<(FieldKind, Option<FieldKind>)> {
        let parts = entity.collect(TableFormat::Csv);
        let table = parts.tables.iter().find(|table| table.collection == "customer").unwrap();
        table.fields.iter().map(|field| (field.kind, field.shown_as)).collect()
    };
    use FieldKind::{Any, Boolean, Date, Datetime, Integer, String};
    // Neither server keeps what is no day out of such a column: the files promise none, and people are shown those.
    let common =
        [Some(Date), None, Some(Datetime), Some(Datetime)].map(|moment| (moment.map_or(String, |_| Any), moment));
    let expected = |first: [FieldKind; 6]| -> Vec<(FieldKind, Option<FieldKind>)> {
        let plain = |kind| (kind, None);
        first.into_iter().map(plain).chain(common).chain([String; 6].map(plain)).collect()
    };
    assert_eq!(kinds(&postgres), expected([Integer, String, Boolean, Any, Any, Integer]));
    assert_eq!(kinds(&mariadb), expected([Any, String, Any, Any, Any, Any]));
}
