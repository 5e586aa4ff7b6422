//! Parts: what spreadsheets, readers and verifiers get.

use std::collections::BTreeMap;

use flate2::read::DeflateDecoder;
use tributary_agent::collect::{CollectError, PartSink, SinkError, StopFlag};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Part, PartKind, PartListDigest};
use tributary_archive::table::{FieldKind, digest};
use tributary_model::right::TableFormat;

use super::support::{Entity, plain, request};

const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];
const CUSTOMER: &str = "
      - name: customer
        description: People who bought something
        data_categories: [user]
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: note}
";

fn customer(rows: &str) -> Entity {
    Entity::shop(CUSTOMER, &format!("CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, note);{rows}"))
}

#[test]
fn text_that_a_spreadsheet_would_run_is_made_inert_and_numbers_are_not_touched() {
    let entity = customer(
        "INSERT INTO customer VALUES (1, 'anna@x.org', '=1+1'), (2, 'anna@x.org', '@SUM(A1)'), (3, 'anna@x.org', -5),
         (4, 'anna@x.org', '-5+1'), (5, 'anna@x.org', 'a \"quoted\", text'), (6, 'anna@x.org', 'two' || char(13,10) || 'lines');",
    );
    // Several rows under one address: say that they are no people.
    let text = std::fs::read_to_string(&entity.sources.manifests[0]).unwrap();
    let text = text.replace("name: id,", "name: id, data_categories: [system.operations],");
    std::fs::write(&entity.sources.manifests[0], text).unwrap();
    let csv = entity.collect(ANNA).text("shop/customer-0001.csv");
    assert_eq!(
        csv,
        "id,email,note\r\n1,anna@x.org,'=1+1\r\n2,anna@x.org,'@SUM(A1)\r\n3,anna@x.org,-5\r\n4,anna@x.org,'-5+1\r\n\
         5,anna@x.org,\"a \"\"quoted\"\", text\"\r\n6,anna@x.org,\"two\r\nlines\"\r\n"
    );
    let mut ndjson = request(ANNA);
    ndjson.format = TableFormat::Ndjson;
    let parts = entity.try_collect(&ndjson).unwrap();
    assert!(
        parts
            .text("shop/customer-0001.ndjson")
            .starts_with("{\"id\":1,\"email\":\"anna@x.org\",\"note\":\"=1+1\"}\n{\"id\":2,")
    );
}

#[test]
fn descriptors_sums_and_digests_are_those_of_the_bytes() {
    let parts = customer("INSERT INTO customer VALUES (1, 'anna@x.org', NULL);").collect(ANNA);
    for (part, carried) in &parts.parts {
        let plain = plain(part, carried);
        assert_eq!((part.bytes, part.encoded_bytes), (plain.len() as u64, carried.len() as u64));
        assert_eq!((part.sha256, part.encoded_sha256), (Sha256Hex::of(&plain), Sha256Hex::of(carried)));
        assert_eq!(part.crc32, crc32fast::hash(&plain));
    }
    let summary = &parts.collected.parts;
    assert_eq!((summary.count, summary.rows), (1, 1));
    assert_eq!(summary.sha256, PartListDigest::of(parts.parts.iter().map(|(part, _)| part)));
    assert_eq!(parts.collected.tables_sha256, digest(&parts.tables));
}

#[test]
fn a_table_is_described_with_inherited_categories_and_types_that_hold() {
    let parts = customer("INSERT INTO customer VALUES (1, 'anna@x.org', NULL);").collect(ANNA);
    let table = &parts.tables[0];
    assert_eq!(table.primary_key, ["id"]);
    assert_eq!(table.description.as_deref(), Some("People who bought something"));
    let kinds: Vec<FieldKind> = table.fields.iter().map(|field| field.kind).collect();
    assert_eq!(kinds, [FieldKind::Integer, FieldKind::String, FieldKind::Any]);
    assert_eq!(table.fields[1].categories, ["user", "user.contact.email"]);
}

fn rows(count: usize) -> Entity {
    Entity::shop(
        "
      - name: visit
        fields:
          - {name: email, fides_meta: {identity: email}}
          - {name: n}
",
        &format!(
            "CREATE TABLE visit (email TEXT, n INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO visit SELECT 'anna@x.org', i FROM n;"
        ),
    )
}

#[test]
fn parts_are_cut_at_rows_and_never_larger_than_allowed() {
    let mut entity = rows(20_000);
    for limit in [20_000, 100_000] {
        entity.limits.part_bytes = limit;
        let parts = entity.collect(ANNA);
        assert!(parts.parts.len() > 2);
        for (part, carried) in &parts.parts {
            let text = String::from_utf8(plain(part, carried)).unwrap();
            assert!(part.bytes <= limit, "{} > {limit}", part.bytes);
            assert!(text.starts_with("email,n\r\n") && text.ends_with("\r\n"));
            assert_eq!(part.rows as usize, text.lines().count() - 1);
        }
        let numbers: Vec<String> = parts.rows("visit").iter().map(|row| row.replace("anna@x.org,", "")).collect();
        assert!(numbers.iter().zip(1..=20_000).all(|(n, i)| *n == i.to_string()) && numbers.len() == 20_000);
    }
}

#[test]
fn the_first_parts_are_small_and_none_is_larger_than_all_before_it() {
    const MIB: u64 = 1 << 20;
    let entity = rows(500_000);
    let parts = entity.collect(ANNA);
    let mut given = 0;
    let (last, full) = parts.parts.split_last().unwrap();
    for (part, _) in full {
        let most = given.max(MIB);
        assert!((most - 100..=most).contains(&part.bytes), "{} after {given}", part.bytes);
        given += part.bytes;
    }
    assert!(full.len() >= 3 && last.0.bytes <= given);
    assert_eq!(parts.rows("visit").len(), 500_000);
}

/// Asks the walk to stop when a part is staged, and keeps what is.
struct StopAtFirst(super::support::Memory, StopFlag);

impl PartSink for StopAtFirst {
    fn table(&mut self, table: &tributary_archive::table::Table) -> Result<(), SinkError> {
        self.0.table(table)
    }
    fn begin(&mut self) -> Result<(), SinkError> {
        self.0.begin()
    }
    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.0.write(carried)
    }
    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.1.raise();
        self.0.finish(part)
    }
    fn preview(&mut self, preview: &tributary_archive::preview::Preview) -> Result<(), SinkError> {
        self.0.preview(preview)
    }
    fn information(&mut self, information: &tributary_archive::information::Information) -> Result<(), SinkError> {
        self.0.information(information)
    }
}

/// The parts that are staged before the walk learns that one is.
fn staged_first(entity: &Entity) -> Vec<Part> {
    let stop = StopFlag::new();
    let mut sink = StopAtFirst(super::support::Memory::default(), stop.clone());
    let outcome = entity.load().unwrap().collect(&request(ANNA), &mut sink, &stop);
    assert!(matches!(outcome, Err(CollectError::Stopped)), "the walk was over before its first part was staged");
    sink.0.parts.into_iter().map(|(part, _)| part).collect()
}

#[test]
fn the_first_part_is_staged_long_before_the_walk_ends() {
    let [part] = staged_first(&rows(500_000)).try_into().unwrap();
    assert!(part.bytes <= 1 << 20 && part.rows < 500_000 / 5, "{} rows of {} bytes", part.rows, part.bytes);
}

#[test]
fn a_small_collection_is_staged_when_the_walk_goes_on_to_the_next() {
    let entity = Entity::shop(
        &format!("{CUSTOMER}
      - name: visit
        fields:
          - {{name: customer_id, fides_meta: {{references: [{{dataset: shop, field: customer.id, direction: from}}]}}}}
"),
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, note); INSERT INTO customer VALUES (1, 'anna@x.org', NULL);
         CREATE TABLE visit (customer_id INTEGER); INSERT INTO visit VALUES (1), (1), (1);",
    );
    let [part] = staged_first(&entity).try_into().unwrap();
    assert_eq!((part.path.as_str(), part.rows), ("shop/customer-0001.csv", 1));
}

#[test]
fn a_collection_to_which_the_walk_comes_back_begins_few_parts() {
    // A ring through two collections, around which the walk goes once for each pair.
    const PAIRS: u32 = 500;
    let entity = Entity::shop(
        "
      - name: parcel
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: stop, fides_meta: {references: [{dataset: shop, field: stop.id, direction: to}]}}
      - name: stop
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: parcel, fides_meta: {references: [{dataset: shop, field: parcel.id, direction: to}]}}
",
        &format!(
            "CREATE TABLE parcel (id INTEGER PRIMARY KEY, email TEXT, stop INTEGER);
             CREATE TABLE stop (id INTEGER PRIMARY KEY, parcel INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PAIRS})
             INSERT INTO parcel SELECT i, iif(i = 1, 'anna@x.org', NULL), i FROM n;
             INSERT INTO stop SELECT id, id + 1 FROM parcel;"
        ),
    );
    let parts = entity.collect(ANNA);
    assert_eq!((parts.rows("parcel").len(), parts.rows("stop").len()), (PAIRS as usize, PAIRS as usize));
    assert_eq!(parts.parts.len(), 4, "{:?}", parts.paths());
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let entity = rows(5_000);
    let (first, second) = (entity.collect(ANNA), entity.collect(ANNA));
    assert!(first.parts == second.parts && first.collected == second.collected);
    let copy = entity.folder.path().join("copy.db");
    std::fs::copy(entity.path("shop"), &copy).unwrap();
    let mut other = rows(1);
    other.sources.databases.insert("shop".parse().unwrap(), tributary_agent::collect::Database::Sqlite(copy));
    assert!(first.parts == other.collect(ANNA).parts);
}

#[test]
fn a_large_cell_becomes_a_file_of_its_own_that_the_row_names() {
    for (table, key) in [("", "INTEGER PRIMARY KEY"), ("WITHOUT ROWID", "INTEGER PRIMARY KEY")] {
        let entity = Entity::shop(
            CUSTOMER,
            &format!(
                "CREATE TABLE customer (id {key}, email TEXT, note) {table};
                 INSERT INTO customer VALUES (1, 'anna@x.org', CAST(zeroblob(3000000) AS TEXT));
                 UPDATE customer SET note = replace(hex(zeroblob(1500000)), '00', 'é ');"
            ),
        );
        let parts = entity.collect(ANNA);
        assert_eq!(parts.paths(), ["shop/customer-files/000001.txt", "shop/customer-0001.csv"]);
        assert_eq!(parts.text("shop/customer-files/000001.txt"), "é ".repeat(1_500_000));
        assert_eq!(parts.rows("customer"), ["1,anna@x.org,file:shop/customer-files/000001.txt"]);
        assert_eq!(parts.parts[0].0.kind, PartKind::Attachment);
    }
    let entity = customer("INSERT INTO customer VALUES (1, 'anna@x.org', zeroblob(2000000));");
    let parts = entity.collect(ANNA);
    assert_eq!(parts.paths()[0], "shop/customer-files/000001.bin");
    assert_eq!(parts.parts[0].1, vec![0; 2_000_000]);
}

#[test]
fn a_cell_far_above_any_buffer_streams() {
    struct Count(BTreeMap<String, (u64, Vec<u8>)>, u64, Vec<u8>);
    impl PartSink for Count {
        fn table(&mut self, _: &tributary_archive::table::Table) -> Result<(), SinkError> {
            Ok(())
        }
        fn begin(&mut self) -> Result<(), SinkError> {
            (self.1, self.2) = (0, Vec::new());
            Ok(())
        }
        fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
            assert!(carried.len() <= 64 * 1024, "slices stay small");
            self.1 += carried.len() as u64;
            if self.2.len() < 1000 {
                self.2.extend_from_slice(carried);
            }
            Ok(())
        }
        fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
            self.0.insert(part.path.to_string(), (self.1, std::mem::take(&mut self.2)));
            Ok(())
        }
        fn preview(&mut self, _: &tributary_archive::preview::Preview) -> Result<(), SinkError> {
            Ok(())
        }
        fn information(&mut self, _: &tributary_archive::information::Information) -> Result<(), SinkError> {
            Ok(())
        }
    }
    let entity = customer("INSERT INTO customer VALUES (1, 'anna@x.org', zeroblob(100000000));");
    let mut sink = Count(BTreeMap::new(), 0, Vec::new());
    entity.load().unwrap().collect(&request(ANNA), &mut sink, &StopFlag::new()).unwrap();
    assert_eq!(sink.0["shop/customer-files/000001.bin"].0, 100_000_000);
    let (_, table) = &sink.0["shop/customer-0001.csv"];
    assert!(std::io::read_to_string(DeflateDecoder::new(table.as_slice())).unwrap().contains("file:shop/"));
}

#[test]
fn collections_whose_names_differ_in_case_only_get_paths_that_differ_everywhere() {
    let manifest = "
dataset:
  - {fides_key: a, collections: [{name: Visit, fields: [{name: email, fides_meta: {identity: email}}]}]}
  - {fides_key: A, collections: [{name: visit, fields: [{name: email, fides_meta: {identity: email}}]}]}
";
    let sql = "CREATE TABLE visit (email TEXT); INSERT INTO visit VALUES ('anna@x.org')";
    let folder = tempfile::tempdir().unwrap();
    let mut entity = Entity::new(manifest).database("a", sql);
    let path = folder.path().join("b.db");
    std::fs::copy(entity.path("a"), &path).unwrap();
    entity.sources.databases.insert("A".parse().unwrap(), tributary_agent::collect::Database::Sqlite(path));
    let parts = entity.collect(ANNA);
    let mut folded: Vec<String> = parts.parts.iter().map(|(part, _)| part.path.folded()).collect();
    folded.dedup();
    assert_eq!(folded.len(), 2, "{:?}", parts.paths());
}

#[test]
fn a_sink_that_is_full_ends_the_walk() {
    struct Full;
    impl PartSink for Full {
        fn table(&mut self, _: &tributary_archive::table::Table) -> Result<(), SinkError> {
            Ok(())
        }
        fn begin(&mut self) -> Result<(), SinkError> {
            Ok(())
        }
        fn write(&mut self, _: &[u8]) -> Result<(), SinkError> {
            Err(SinkError::Full("no room".to_owned()))
        }
        fn finish(&mut self, _: &Part) -> Result<(), SinkError> {
            unreachable!("a part that was not written is not finished")
        }
        fn preview(&mut self, _: &tributary_archive::preview::Preview) -> Result<(), SinkError> {
            Ok(())
        }
        fn information(&mut self, _: &tributary_archive::information::Information) -> Result<(), SinkError> {
            Ok(())
        }
    }
    let outcome = rows(5_000).load().unwrap().collect(&request(ANNA), &mut Full, &StopFlag::new());
    assert!(matches!(outcome, Err(CollectError::Sink(SinkError::Full(_)))));
}
