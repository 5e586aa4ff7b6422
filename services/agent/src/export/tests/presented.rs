//! Promises about what comes after the parts, and about very many of them.

use tributary_archive::information::{self, Information};
use tributary_archive::preview::{self, Preview, PreviewCell};

use super::*;

pub(super) fn preview(collection: &str, rows: usize) -> Preview {
    Preview {
        dataset: "crm".parse().unwrap(),
        collection: collection.to_owned(),
        total_rows: 2,
        rows: vec![vec![PreviewCell::Text("x".repeat(1000)), PreviewCell::Null]; rows],
        overview: Vec::new(),
    }
}

pub(super) fn record() -> Information {
    let system = serde_json::json!({"system": "sales", "processing": [{"data_use": "essential.service"}]});
    Information { systems: vec![serde_json::from_value(system).unwrap()] }
}

/// As an honest walk says it.
pub(super) fn presented(sink: &mut dyn PartSink, previews: &[Preview]) -> Result<Collected, CollectError> {
    let mut collected = whole(sink)?;
    for preview in previews {
        sink.preview(preview)?;
    }
    sink.information(&record())?;
    collected.previews_sha256 = Some(preview::digest(previews));
    collected.information_sha256 = Some(information::digest(&record()));
    Ok(collected)
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_and_the_record_of_processing_follow_the_parts_and_are_attested() {
    let world = World::new();
    // More than a watcher may hold at once.
    let previews: Vec<Preview> = (0..9).map(|n| preview(&format!("c{n}"), 200)).collect();
    let given = previews.clone();
    let exports = world.start(move |_, _, sink, _| presented(sink, &given)).await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    let (mut seen, mut told) = (Vec::new(), None);
    let envelope = loop {
        match next(&mut events).await.unwrap() {
            Event::Preview(preview) => seen.push(preview),
            Event::Information(information) => told = Some(information),
            Event::Part(..) => assert!(seen.is_empty() && told.is_none(), "parts come first"),
            Event::Attested { envelope, .. } => break envelope,
            Event::GenerationStarted(_) | Event::Table(_) | Event::Pending { .. } => {}
        }
    };
    assert!(seen == previews && told == Some(record()));
    let keys = [exports.0.setup.signer.published.clone()];
    let attestation = Attestation::open(&envelope, &keys, world.clock.now()).unwrap();
    assert_eq!(attestation.previews_sha256, Some(preview::digest(&previews)));
    assert_eq!(attestation.information_sha256, Some(information::digest(&record())));
    exports.stop(PATIENCE).await;
    let ledger = std::fs::read(world.data().join("ledger.sqlite")).unwrap();
    let clear = "x".repeat(100);
    assert!(!ledger.windows(100).any(|window| window == clear.as_bytes()), "previews are sealed in the ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_lies_about_its_previews_is_never_attested() {
    let world = World::new();
    let exports = world
        .start(|walk, _, sink, _| {
            let two = [preview("a", 1), preview("b", 1)];
            match walk {
                1 => presented(sink, &[preview("b", 1), preview("a", 1)]),
                2 => {
                    let mut collected = presented(sink, &two)?;
                    collected.previews_sha256 = Some(preview::digest(&two[..1]));
                    Ok(collected)
                }
                3 => {
                    let mut collected = presented(sink, &two)?;
                    collected.information_sha256 = None;
                    Ok(collected)
                }
                _ => presented(sink, &two),
            }
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    for _ in 0..3 {
        pause(&mut events, "an internal error; the cause is in the agent's log").await;
        world.later(2);
    }
    assert_eq!(attested(&mut events).await.0, 4);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_attachments_go_through_spool_watch_and_finish() {
    const MANY: u32 = 2_000;
    let world = World::new();
    let exports = world
        .start(|_, _, sink, _| {
            let parts: Result<Vec<Part>, CollectError> = (1..=MANY).map(|index| attachment(sink, index)).collect();
            let mut collected = found(&parts?);
            collected.tables_sha256 = table::digest([]);
            Ok(collected)
        })
        .await;
    let mandate = world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    let mut seen = 0;
    loop {
        match next(&mut events).await.unwrap() {
            Event::Part(_, part) => {
                seen += 1;
                assert_eq!(part.index, seen);
            }
            Event::Attested { parts, .. } => {
                assert_eq!((parts, seen), (MANY, MANY));
                break;
            }
            _ => {}
        }
    }
    assert_eq!(bytes(&exports, &mandate, 1, MANY).await, format!("scan {MANY}").into_bytes());
    exports.finish(mandate.instruction, mandate.case).await.unwrap();
    assert!(files(&world.data().join("spool")).is_empty());
    exports.stop(PATIENCE).await;
}

fn attachment(sink: &mut dyn PartSink, index: u32) -> Result<Part, CollectError> {
    let bytes = format!("scan {index}");
    let digest = Sha256Hex::of(bytes.as_bytes());
    let part = Part {
        index,
        path: format!("crm/scan-files/{index:06}.bin").parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "scan".to_owned(),
        kind: PartKind::Attachment,
        media_type: "application/octet-stream".to_owned(),
        encoding: Encoding::Identity,
        rows: 0,
        bytes: bytes.len() as u64,
        encoded_bytes: bytes.len() as u64,
        crc32: crc32fast::hash(bytes.as_bytes()),
        sha256: digest,
        encoded_sha256: digest,
    };
    sink.begin()?;
    sink.write(bytes.as_bytes())?;
    sink.finish(&part)?;
    Ok(part)
}
