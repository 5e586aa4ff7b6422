//! Large rows that have no key, so that they are held while they are handed on: one at a time, within the same budget.

use tributary_agent::collect::StopFlag;
use tributary_model::right::TableFormat;
use tributary_tests::servers::Engine;

use super::bounded::{ALONE, Count, memory};
use super::support::{ANNA, Entity, request};

const MAILS: u64 = 20;
const MAIL: u64 = 12 * 1024 * 1024;
/// The driver has such a row up to three times while it comes in, and as much again stays with the allocator.
const BUDGET: u64 = 10 * MAIL;

const MANIFEST: &str = "
      - name: mail
        fields:
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: subject}
          - {name: body}
";

#[test]
fn twenty_mails_of_12_megabytes_without_a_key_take_the_memory_of_one() {
    let _alone = ALONE.lock();
    for engine in Engine::ALL {
        let sql = match engine {
            Engine::Postgres => format!(
                "CREATE TABLE kept (email TEXT, subject TEXT, body TEXT);
                 INSERT INTO kept SELECT 'anna@x.org', 'mail ' || n, repeat('0123456789abcdef', {}) FROM generate_series(1, {MAILS}) AS s (n);
                 CREATE VIEW mail AS SELECT * FROM kept;",
                MAIL / 16
            ),
            Engine::MariaDb => format!(
                "CREATE TABLE mail (email VARCHAR(50), subject TEXT, body LONGTEXT);
                 INSERT INTO mail SELECT 'anna@x.org', concat('mail ', seq), repeat('0123456789abcdef', {}) FROM seq_1_to_{MAILS};",
                MAIL / 16
            ),
        };
        let entity = Entity::on(engine, MANIFEST, &sql);
        let catalog = entity.catalog();
        let idle = memory("VmRSS");
        // The mark of the most memory so far is set back to what is used now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let mut count = Count::default();
        let collected = catalog.collect(&request(ANNA, TableFormat::Csv), &mut count, &StopFlag::new()).unwrap();
        assert!(collected.not_searched.is_empty(), "{:?}", collected.not_searched);
        assert_eq!((count.largest, count.rows), (MAIL, MAILS));
        let most = memory("VmHWM").saturating_sub(idle);
        println!("{}: {} MiB above idle", engine.name(), most >> 20);
        assert!(most < BUDGET, "{engine:?}: {} MiB above idle", most >> 20);
    }
}
