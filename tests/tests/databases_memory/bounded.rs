//! A cell of 200 MB and a million rows, within the budget of 48 MiB above idle.

use std::sync::Mutex;

use tributary_agent::collect::{PartSink, SinkError, StopFlag};
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::right::TableFormat;
use tributary_tests::servers::Engine;

use super::support::{ANNA, Entity, PLACES, request, series};

/// Held by the test that measures the process.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());
pub(crate) const BUDGET: u64 = 48 * 1024 * 1024;
const CELL: u64 = 200 * 1024 * 1024;
const ROWS: u64 = 1_000_000;

const MANIFEST: &str = "
      - name: file
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: body}
      - name: event
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: file_id, fides_meta: {references: [{dataset: shop, field: file.id, direction: from}]}}
          - {name: what}
";

/// Counts, and keeps nothing.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) largest: u64,
    pub(crate) rows: u64,
}

impl PartSink for Count {
    fn table(&mut self, _: &Table) -> Result<(), SinkError> {
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }

    fn finish(&mut self, part: &Part) -> Result<(), SinkError> {
        self.rows += part.rows;
        if part.rows == 0 {
            self.largest = self.largest.max(part.bytes);
        }
        Ok(())
    }

    fn preview(&mut self, _: &Preview) -> Result<(), SinkError> {
        Ok(())
    }

    fn information(&mut self, _: &Information) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Bytes of this process in memory: now, or at most since the last reset.
pub(crate) fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_cell_of_200_megabytes_and_a_million_rows_take_no_more_memory_than_others() {
    let _alone = ALONE.lock();
    for place in PLACES {
        let (text, cell) = match place {
            None => ("TEXT", format!("hex(zeroblob({}))", CELL / 2)),
            Some(Engine::Postgres) => ("TEXT", format!("repeat('0123456789abcdef', {})", CELL / 16)),
            Some(Engine::MariaDb) => ("LONGTEXT", format!("repeat('0123456789abcdef', {})", CELL / 16)),
        };
        let sql = format!(
            "CREATE TABLE file (id INTEGER PRIMARY KEY, email VARCHAR(50), body {text});
             INSERT INTO file VALUES (1, 'anna@x.org', {cell}), (2, 'bert@x.org', '');
             CREATE TABLE event (id INTEGER PRIMARY KEY, file_id INTEGER, what VARCHAR(50));
             INSERT INTO event SELECT n, 1, concat('event ', n) FROM {}; CREATE INDEX e ON event (file_id);",
            series(place, ROWS)
        );
        let entity = Entity::in_place(place, MANIFEST, &sql);
        let catalog = entity.catalog();
        let idle = memory("VmRSS");
        // The mark of the most memory so far is set back to what is used now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let mut count = Count::default();
        catalog.collect(&request(ANNA, TableFormat::Csv), &mut count, &StopFlag::new()).unwrap();
        assert_eq!((count.largest, count.rows), (CELL, 1 + ROWS));
        let most = memory("VmHWM").saturating_sub(idle);
        println!("{}: {} MiB above idle", place.map_or("sqlite", Engine::name), most >> 20);
        assert!(most < BUDGET, "{place:?}: {} MiB above idle", most >> 20);
    }
}
