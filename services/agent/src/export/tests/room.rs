//! Promises about a spool that is full.

use super::*;

/// One part of so many bytes.
fn large(sink: &mut dyn PartSink, bytes: usize) -> Result<Collected, CollectError> {
    let content = vec![7; bytes];
    let digest = Sha256Hex::of(&content);
    sink.begin()?;
    content.chunks(64 * 1024).try_for_each(|chunk| sink.write(chunk))?;
    let part = Part {
        index: 1,
        path: "crm/film.bin".parse().unwrap(),
        dataset: "crm".parse().unwrap(),
        collection: "film".to_owned(),
        kind: PartKind::Attachment,
        media_type: "video/mp4".to_owned(),
        encoding: Encoding::Identity,
        rows: 0,
        bytes: bytes as u64,
        encoded_bytes: bytes as u64,
        crc32: crc32fast::hash(&content),
        sha256: digest,
        encoded_sha256: digest,
    };
    sink.finish(&part)?;
    let mut collected = found(&[part]);
    collected.tables_sha256 = table::digest([]);
    Ok(collected)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_without_room_walks_again_only_once_there_is_more_and_says_that_it_does_not_know_when() {
    let world = World::new();
    // The first takes most of the quota of 16 MiB; the second does not fit beside it.
    let exports = world.start(|walk, _, sink, _| large(sink, if walk == 1 { 14 << 20 } else { 4 << 20 })).await;
    let (first, second) = (world.mandate(), world.mandate());
    exports.begin(&first, requested()).await.unwrap();
    attested(&mut pin!(exports.watch(first.instruction, first.case).await.unwrap())).await;
    exports.begin(&second, requested()).await.unwrap();
    let mut events = pin!(exports.watch(second.instruction, second.case).await.unwrap());
    let told = |event| match event {
        Event::Pending { reason, retry_at } if reason.contains("spool.quota") => Some(retry_at.is_some()),
        Event::GenerationStarted(generation) => {
            assert_eq!(generation, 1, "no walk while there is no room");
            None
        }
        _ => None,
    };
    while told(next(&mut events).await.unwrap()) != Some(true) {}
    world.later(10);
    while told(next(&mut events).await.unwrap()) != Some(false) {}
    exports.finish(first.instruction, first.case).await.unwrap();
    assert_eq!(attested(&mut events).await.0, 2, "one walk more, and no more than that");
    exports.stop(PATIENCE).await;
}
