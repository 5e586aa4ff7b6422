//! A person with fifty thousand attachments: every one arrives once, as itself, and what there is of them is listed by the
//! archive, not held in anybody's memory.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use tributary_tests::client::{disposition, task};
use tributary_tests::command;
use tributary_tests::fixture::Fixture;
use tributary_tests::group::{EntityPlan, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB, mib};

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const FILES: u64 = 50_000;
/// A little more than what makes a cell a file here.
const BYTES: usize = 1100;
const PATIENCE: Duration = Duration::from_secs(270);

/// Photos of one person.
struct Photos;

impl Fixture for Photos {
    fn key(&self) -> String {
        "photos".to_owned()
    }

    fn manifest(&self) -> String {
        "dataset:
  - fides_key: photos
    name: Photos
    collections:
      - name: person
        fields:
          - { name: id, fides_meta: { primary_key: true, data_type: integer } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: photo
        fields:
          - { name: id, fides_meta: { primary_key: true, data_type: integer } }
          - name: person_id
            fides_meta: { references: [{ dataset: photos, field: person.id, direction: from }] }
          - { name: content, data_categories: [user.content] }
"
        .to_owned()
    }

    fn make(&self, path: &Path) -> Result<()> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.execute_batch(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT);
             CREATE TABLE photo (id INTEGER PRIMARY KEY, person_id INTEGER, content BLOB);
             CREATE INDEX photo_person ON photo (person_id);
             INSERT INTO person VALUES (1, 'anna@example.org'), (2, 'reader2@example.org');",
        )?;
        let tx = db.transaction()?;
        for id in 1..=FILES {
            // Each is different: its number, then its number's last byte.
            let mut content = id.to_be_bytes().to_vec();
            content.resize(BYTES, id.to_le_bytes()[0]);
            tx.prepare_cached("INSERT INTO photo VALUES (?1, 1, ?2)")?.execute(params![i64::try_from(id)?, content])?;
        }
        Ok(tx.commit()?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_attachments_of_one_person_arrive_whole_and_in_bounded_memory() -> Result<()> {
    let entity = EntityPlan::new(ENTITY, "BE").holds(Photos).agent_yaml("limits: { large_cell: 1KiB }\n");
    let group = Plan::new(vec![entity]).lay_out()?;
    let (agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    let portal = group.caller(PORTAL)?;
    let warm = portal.open_for(&[("email", "reader2@example.org")]).await?;
    portal.ready(&warm, PATIENCE).await?;
    let (agent_idle, gateway_idle) = (agent.memory()?.resident, gateway.memory()?.resident);

    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "FULFILLED");
    assert!(u64::from(task(&ready, ENTITY)?.parts) >= FILES + 2);
    let (agent_peak, gateway_peak) = (agent.memory()?.peak, gateway.memory()?.peak);
    let path = group.root().join("archive.zip");
    portal.download(&case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());
    let found = photos(&path)?;
    assert_eq!(found.len() as u64, FILES);
    println!("measured: {FILES} attachments: agent {} then {}", mib(agent_idle), mib(agent_peak));
    println!("measured: {FILES} attachments: gateway {} then {}", mib(gateway_idle), mib(gateway_peak));
    assert!(agent_peak < agent_idle + 48 * MIB, "agent: idle {}, peak {}", mib(agent_idle), mib(agent_peak));
    // Closing lists every part once: names, sizes and digests in the container's directory and the manifests.
    let most = gateway_idle + 16 * MIB + FILES * 8 * KIB;
    assert!(gateway_peak < most, "gateway: idle {}, peak {}", mib(gateway_idle), mib(gateway_peak));
    Ok(())
}

/// The numbers of all photos in the archive, each of which must be as it was stored.
fn photos(path: &Path) -> Result<HashSet<u64>> {
    let bytes = std::fs::read(path)?;
    let archive = rawzip::ZipArchive::from_slice(&bytes)?;
    let (mut entries, mut found) = (archive.entries(), HashSet::new());
    while let Some(record) = entries.next_entry()? {
        let name = record.file_path().try_normalize()?.as_ref().to_owned();
        if !name.ends_with(".bin") {
            continue;
        }
        assert_eq!(record.compression_method(), rawzip::CompressionMethod::STORE, "{name}");
        let content = archive.get_entry(record.wayfinder())?.data();
        let number = u64::from_be_bytes(*content.first_chunk().context("an empty photo")?);
        assert_eq!(content.len(), BYTES, "{name}");
        assert!(content[8..].iter().all(|byte| *byte == number.to_le_bytes()[0]), "{name}");
        assert!(found.insert(number), "photo {number} came twice");
    }
    Ok(found)
}
