//! The SQLite connector: exact values, one snapshot, nothing changed and nothing left behind.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tributary_agent::collect::{CollectError, Database, StopFlag};

use super::support::{Entity, Memory, Parts, request};

const CUSTOMER: &str = "
      - name: customer
        fields:
          - {name: email, fides_meta: {identity: email}}
          - {name: v}
";
const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Collects through a sink that does something in the middle of the walk.
fn collect_while(entity: &Entity, during: impl FnMut()) -> Result<Parts, CollectError> {
    struct During<F>(Memory, F);
    impl<F: FnMut()> tributary_agent::collect::PartSink for During<F> {
        fn table(
            &mut self,
            table: &tributary_archive::table::Table,
        ) -> Result<(), tributary_agent::collect::SinkError> {
            self.1();
            self.0.table(table)
        }
        fn begin(&mut self) -> Result<(), tributary_agent::collect::SinkError> {
            self.0.begin()
        }
        fn write(&mut self, carried: &[u8]) -> Result<(), tributary_agent::collect::SinkError> {
            self.0.write(carried)
        }
        fn finish(&mut self, part: &tributary_archive::part::Part) -> Result<(), tributary_agent::collect::SinkError> {
            self.0.finish(part)
        }
        fn preview(
            &mut self,
            preview: &tributary_archive::preview::Preview,
        ) -> Result<(), tributary_agent::collect::SinkError> {
            self.0.preview(preview)
        }
        fn information(
            &mut self,
            information: &tributary_archive::information::Information,
        ) -> Result<(), tributary_agent::collect::SinkError> {
            self.0.information(information)
        }
    }
    let mut sink = During(Memory::default(), during);
    let collected = entity.load().unwrap().collect(&request(ANNA), &mut sink, &StopFlag::new())?;
    Ok(sink.0.into_parts(collected))
}

/// A person with more rows than wait in memory, so that the sink is called in the middle of the walk.
fn busy(journal: &str) -> Entity {
    let sql = format!(
        "PRAGMA journal_mode = {journal}; CREATE TABLE customer (email TEXT, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO customer SELECT 'anna@x.org', 'before' FROM n;"
    );
    Entity::shop(CUSTOMER, &sql)
}

#[test]
fn values_come_back_exactly_in_their_own_types() {
    let entity = Entity::shop(
        CUSTOMER,
        "CREATE TABLE customer (email TEXT, v);
         INSERT INTO customer VALUES ('anna@x.org', 9223372036854775807), ('anna@x.org', -9007199254740993),
            ('anna@x.org', 0.1), ('anna@x.org', 1e300), ('anna@x.org', 9e999), ('anna@x.org', '007'),
            ('anna@x.org', ''), ('anna@x.org', NULL), ('anna@x.org', x'00ff'), ('anna@x.org', CAST(x'4dfc6c' AS TEXT));",
    );
    let rows: Vec<String> = entity.collect(ANNA).rows("customer");
    let values: Vec<&str> = rows.iter().map(|row| row.split_once(',').unwrap().1).collect();
    assert_eq!(
        values,
        [
            "9223372036854775807",
            "-9007199254740993",
            "0.1",
            "1e+300",
            "Infinity",
            "007",
            "\"\"",
            "",
            "base64:AP8=",
            "M\u{fffd}l [not UTF-8; base64:Tfxs]"
        ]
    );
}

#[test]
fn a_rollback_journal_file_keeps_its_mode_and_gets_no_neighbours() {
    let entity = busy("delete");
    let before = std::fs::read(entity.path("shop")).unwrap();
    let names_before = names(entity.folder.path());
    let parts = collect_while(&entity, || assert_eq!(names(entity.folder.path()), names_before)).unwrap();
    assert_eq!(parts.collected.parts.rows, 20_000);
    assert_eq!(std::fs::read(entity.path("shop")).unwrap(), before);
    assert_eq!(names(entity.folder.path()), names_before);
}

#[test]
fn a_wal_file_is_one_snapshot_while_its_application_goes_on_writing() {
    let entity = busy("wal");
    let application = Connection::open(entity.path("shop")).unwrap();
    application.execute("INSERT INTO customer VALUES ('other@x.org', '')", []).unwrap();
    let names_before = names(entity.folder.path());
    let mut writes = 0;
    let parts = collect_while(&entity, || {
        writes += application.execute("UPDATE customer SET v = 'after'", []).unwrap();
    })
    .unwrap();
    assert!(writes > 0);
    let rows = parts.rows("customer");
    assert_eq!(rows.len(), 20_000);
    assert!(rows.iter().all(|row| row.ends_with("before")));
    let mode: String = application.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    assert_eq!(names(entity.folder.path()), names_before);
}

#[test]
fn a_snapshot_keeps_writers_of_a_rollback_journal_file_waiting_for_a_bounded_time_only() {
    let mut entity = busy("delete");
    entity.limits.snapshot_max = Duration::from_millis(700);
    let writer = Connection::open(entity.path("shop")).unwrap();
    writer.busy_timeout(Duration::ZERO).unwrap();
    let mut refused = 0;
    let outcome = collect_while(&entity, || {
        refused += usize::from(writer.execute("DELETE FROM customer", []).is_err());
        // Longer than the snapshot may be held: as if the disk of the spool were slow.
        std::thread::sleep(Duration::from_millis(800));
    });
    assert_eq!(refused, 1);
    assert!(matches!(outcome, Err(CollectError::SnapshotTooLong { dataset }) if dataset.as_str() == "shop"));
    assert_eq!(writer.execute("DELETE FROM customer", []).unwrap(), 20_000, "the writer goes on at once");
}

#[test]
fn a_snapshot_of_a_wal_file_is_held_for_longer_and_for_a_bounded_time_as_well() {
    let mut entity = busy("wal");
    entity.limits.snapshot_max = Duration::from_millis(20);
    // Past what a file that blocks its writers may be held for, and not yet thirty times that.
    let outcome = collect_while(&entity, || std::thread::sleep(Duration::from_millis(30)));
    assert_eq!(outcome.unwrap().rows("customer").len(), 20_000);
    entity.limits.snapshot_max = Duration::from_millis(10);
    let outcome = collect_while(&entity, || std::thread::sleep(Duration::from_millis(400)));
    assert!(matches!(outcome, Err(CollectError::SnapshotTooLong { dataset }) if dataset.as_str() == "shop"));
}

#[test]
fn a_walk_that_nobody_wants_any_more_ends() {
    let entity = busy("wal");
    let (stop, catalog) = (StopFlag::new(), entity.load().unwrap());
    stop.raise();
    let outcome = catalog.collect(&request(ANNA), &mut Memory::default(), &stop);
    assert!(matches!(outcome, Err(CollectError::Stopped)));
}

#[test]
fn a_database_that_is_not_there_is_unavailable_and_not_created() {
    let mut entity = Entity::shop(CUSTOMER, "CREATE TABLE customer (email TEXT, v)");
    let gone = entity.folder.path().join("gone.db");
    entity.sources.databases.insert("shop".parse().unwrap(), Database::Sqlite(gone.clone()));
    let catalog = entity.load().unwrap();
    assert_eq!(catalog.unavailable().len(), 1);
    let outcome = catalog.collect(&request(ANNA), &mut Memory::default(), &StopFlag::new());
    assert!(matches!(outcome, Err(CollectError::Unavailable { dataset, .. }) if dataset.as_str() == "shop"));
    assert!(!gone.exists());
}

#[test]
fn a_damaged_page_makes_the_answer_partial_and_is_named() {
    let entity = Entity::shop(
        &format!("{CUSTOMER}
      - name: visit
        fields: [{{name: who, fides_meta: {{identity: email}}}}]
"),
        "CREATE TABLE visit (who TEXT); INSERT INTO visit VALUES ('anna@x.org'); CREATE TABLE customer (email TEXT, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO customer SELECT 'anna@x.org', 'value' FROM n;",
    );
    let mut bytes = std::fs::read(entity.path("shop")).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xAA);
    std::fs::write(entity.path("shop"), bytes).unwrap();
    let parts = entity.collect(ANNA);
    let gap = &parts.collected.not_searched[0];
    assert_eq!(gap.collection.as_deref(), Some("customer"));
    assert_eq!(gap.reason, tributary_archive::attestation::NotSearchedReason::NotReadable);
    assert_eq!(parts.rows("visit").len(), 1);
}

#[test]
fn tables_without_rowid_views_and_odd_names_are_read() {
    let entity = Entity::shop(
        "
      - name: person
        fields:
          - {name: email, fides_meta: {identity: email}}
          - {name: 'a \"b'}
      - name: seen
        fields:
          - {name: who, fides_meta: {primary_key: true, identity: email}}
          - {name: n}
      - name: own rowid
        fields:
          - {name: rowid, fides_meta: {identity: email}}
",
        "CREATE TABLE person (email TEXT PRIMARY KEY, \"a \"\"b\" TEXT) WITHOUT ROWID;
         INSERT INTO person VALUES ('anna@x.org', 'x');
         CREATE TABLE base (who TEXT, n INTEGER); INSERT INTO base VALUES ('anna@x.org', 1), ('anna@x.org', 2);
         CREATE VIEW seen AS SELECT who, sum(n) AS n FROM base GROUP BY who;
         CREATE TABLE \"own rowid\" (rowid TEXT); INSERT INTO \"own rowid\" VALUES ('anna@x.org');",
    );
    let parts = entity.collect(ANNA);
    assert_eq!(parts.rows("person"), ["anna@x.org,x"]);
    assert_eq!(parts.rows("seen"), ["anna@x.org,3"]);
    assert_eq!(parts.rows("own rowid"), ["anna@x.org"]);
}

#[test]
fn a_view_that_names_a_column_that_is_gone_is_named_and_gives_no_made_up_text() {
    let seen = "
      - name: seen
        fields: [{name: who, fides_meta: {identity: email}}, {name: note}]
";
    let entity = Entity::shop(
        &format!("{CUSTOMER}{seen}"),
        "CREATE TABLE customer (email TEXT, v TEXT); INSERT INTO customer VALUES ('anna@x.org', 'x');
         CREATE TABLE base (who TEXT); INSERT INTO base VALUES ('anna@x.org');
         CREATE VIEW seen AS SELECT who, \"note\" AS note FROM base;",
    );
    let parts = entity.collect(ANNA);
    assert_eq!((parts.rows("customer").len(), parts.rows("seen").len()), (1, 0));
    let gap = &parts.collected.not_searched[0];
    assert_eq!(gap.collection.as_deref(), Some("seen"));
    assert!(gap.detail.contains("no such column"), "{}", gap.detail);
}

#[test]
fn alike_rows_without_a_key_come_each_and_each_once_however_they_are_found() {
    let large = "replace(hex(zeroblob(700000)), '00', 'é ')";
    // A view, and a table whose columns take all names of the rowid: found by two identifiers, and by a reference.
    let manifest = |table: &str, columns: [&str; 3]| {
        let [who, also, customer] = columns;
        format!(
            "
      - name: customer
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, fides_meta: {{identity: email}}}}
          - {{name: phone, data_categories: [system.operations], fides_meta: {{identity: phone_number}}}}
      - name: {table}
        data_categories: [system.operations]
        fields:
          - {{name: {who}, fides_meta: {{identity: email}}}}
          - {{name: {also}, fides_meta: {{identity: phone_number}}}}
          - {{name: {customer}, fides_meta: {{references: [{{dataset: shop, field: customer.id, direction: from}}]}}}}
          - {{name: what}}
"
        )
    };
    let rows = "('anna@x.org', '+32470123456', 1, 'a'), ('anna@x.org', '+32470123456', 1, 'a'),
        ('anna@x.org', NULL, NULL, 'a'), (NULL, NULL, 1, 'b'), (NULL, NULL, 1, 'b'), (NULL, '+32470123456', NULL, NULL),
        (NULL, NULL, 2, 'a')";
    let customers = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, phone TEXT);
        INSERT INTO customer VALUES (1, 'anna@x.org', '+32470123456'), (2, 'bert@x.org', NULL);";
    let kinds = [
        (
            "seen",
            ["who", "also", "customer"],
            "CREATE TABLE base (who, also, customer, what); INSERT INTO base VALUES ROWS; CREATE VIEW seen AS SELECT * FROM base;",
        ),
        (
            "odd",
            ["rowid", "_rowid_", "oid"],
            "CREATE TABLE odd (rowid, _rowid_, oid, what); INSERT INTO odd VALUES ROWS;",
        ),
    ];
    for (table, columns, sql) in kinds {
        let large = format!(
            "INSERT INTO {} VALUES (NULL, NULL, 1, {large}), (NULL, NULL, 1, {large});",
            if table == "seen" { "base" } else { table }
        );
        let sql = format!("{customers}{}{large}", sql.replace("ROWS", rows));
        let entity = Entity::shop(&manifest(table, columns), &sql);
        let both = &[("email", "anna@x.org"), ("phone_number", "+32470123456")];
        let parts = entity.collect(both);
        let mut found = parts.rows(table);
        found.sort();
        let whole = "anna@x.org,'+32470123456,1,a";
        let files = [1, 2].map(|n| format!(",,1,file:shop/{table}-files/00000{n}.txt"));
        let expected = [",'+32470123456,,", ",,1,b", ",,1,b", &files[0], &files[1], whole, whole, "anna@x.org,,,a"];
        assert_eq!(found, expected, "{table}");
        let file = format!("shop/{table}-files/000002.txt");
        assert!(parts.text(&file) == "é ".repeat(700_000), "{table}: the file is not the cell");
    }
}

#[test]
fn rows_around_a_large_cell_come_once_each_and_in_their_order() {
    const MANIFEST: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: purchase
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
      - name: line
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: purchase, fides_meta: {references: [{dataset: shop, field: purchase.id, direction: from}]}}
          - {name: body}
          - {name: weight}
";
    // Found by an index, by reading the whole table, and in a table that has no rowid to find large cells by.
    for (kind, index) in [("", "(purchase)"), ("", "(body)"), ("WITHOUT ROWID", "(purchase)")] {
        let entity = Entity::shop(
            MANIFEST,
            &format!(
                "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO customer VALUES (1, 'anna@x.org');
                 CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER);
                 INSERT INTO purchase VALUES (1, 1), (2, 1), (3, 1);
                 CREATE TABLE line (id INTEGER PRIMARY KEY, purchase INTEGER, body TEXT, weight NUMERIC) {kind};
                 INSERT INTO line VALUES (1, 1, 'a', 1), (2, 1, 'b', 2), (3, 2, 'c', 3), (4, 2, hex(zeroblob(600000)), 4),
                                         (5, 2, 'd', zeroblob(2000000)), (6, 2, hex(zeroblob(700000)), 6), (7, 3, 'e', 7);
                 CREATE INDEX line_by ON line {index};"
            ),
        );
        let parts = entity.collect(ANNA);
        let rows = [
            "1,1,a,1",
            "2,1,b,2",
            "3,2,c,3",
            "4,2,file:shop/line-files/000001.txt,4",
            "5,2,d,file:shop/line-files/000002.bin",
            "6,2,file:shop/line-files/000003.txt,6",
            "7,3,e,7",
        ];
        assert_eq!(parts.rows("line"), rows, "{kind} {index}");
        assert_eq!(parts.text("shop/line-files/000003.txt"), "00".repeat(700_000));
    }
}

#[test]
fn an_identifier_in_more_digits_than_its_column_holds_finds_nobody_else_and_is_named() {
    let account = "
      - name: account
        fields:
          - {name: number, fides_meta: {identity: account_no}}
          - {name: holder}
";
    let entity = Entity::shop(
        account,
        "CREATE TABLE account (number NUMERIC, holder TEXT);
         INSERT INTO account VALUES ('12345678901234567891', 'somebody else'), (123456, 'Anna');",
    );
    let parts = entity.collect(&[("account_no", "12345678901234567890")]);
    assert!(parts.rows("account").is_empty());
    let [gap] = parts.collected.not_searched.as_slice() else { panic!("{:?}", parts.collected.not_searched) };
    assert_eq!(gap.collection.as_deref(), Some("account"));
    assert_eq!(entity.collect(&[("account_no", "123456")]).rows("account"), ["123456,Anna"]);
}
