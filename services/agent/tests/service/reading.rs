//! Bytes of a part from any offset, and which part it is that they belong to.

use tonic::Code;
use tributary_archive::digest::Sha256Hex;
use tributary_model::mandate::Action;

use crate::world::{ANNA, LARGE, World, reason};

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_read_on_from_the_bytes_that_one_has() {
    let world = World::new();
    world.write_database(24_000);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    let part = export.parts.iter().max_by_key(|part| part.encoded_bytes).unwrap();
    assert!(part.encoded_bytes > 600 * 1024, "several pieces: {}", part.encoded_bytes);
    let whole = world.read(&agent, &order, (1, part.index, 0)).await.unwrap();
    assert_eq!(whole.len() as u64, part.encoded_bytes);
    for offset in [1, 65_535, 65_536, 262_144, 300_001, part.encoded_bytes - 1, part.encoded_bytes] {
        let rest = world.read(&agent, &order, (1, part.index, offset)).await.unwrap();
        assert!(rest == whole[usize::try_from(offset).unwrap()..], "from {offset}");
    }
    let status = world.read(&agent, &order, (1, part.index, part.encoded_bytes + 1)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "RANGE_BEYOND_END"));
    assert!(status.message().contains(&part.encoded_bytes.to_string()));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_exist_and_another_generation_are_told_apart() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    let beyond = u32::try_from(export.parts.len()).unwrap() + 1;
    for (place, code, expected) in [
        ((1, beyond, 0), Code::NotFound, "PART_NOT_FOUND"),
        ((1, 0, 0), Code::NotFound, "PART_NOT_FOUND"),
        ((2, 1, 0), Code::Aborted, "GENERATION_REPLACED"),
        ((0, 1, 0), Code::Aborted, "GENERATION_REPLACED"),
    ] {
        let status = world.read(&agent, &order, place).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{place:?}");
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_export_is_served_byte_for_byte_after_a_restart_without_its_database() {
    let world = World::new();
    world.write_database(2_000);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let before = world.export(&agent, &order).await;
    let mut bytes = Vec::new();
    for part in &before.parts {
        bytes.push(world.read(&agent, &order, (1, part.index, 0)).await.unwrap());
    }
    agent.stop().await;
    std::fs::remove_file(world.path("crm.sqlite")).unwrap();
    let agent = world.start().await;
    let after = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert_eq!((after.generation, &after.envelope, &after.parts), (1, &before.envelope, &before.parts));
    for (part, bytes) in after.parts.iter().zip(&bytes) {
        assert!(world.read(&agent, &order, (1, part.index, 0)).await.unwrap() == *bytes, "part {}", part.index);
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_parts_make_no_files_and_are_served_after_a_restart_from_any_offset() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let before = world.export(&agent, &order).await;
    assert_eq!(world.spooled(), 0);
    agent.stop().await;
    std::fs::remove_dir_all(world.path("data/spool")).unwrap();
    let agent = world.start().await;
    let after = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert_eq!((after.generation, &after.envelope), (1, &before.envelope));
    for part in &after.parts {
        let whole = world.read(&agent, &order, (1, part.index, 0)).await.unwrap();
        assert_eq!(Sha256Hex::of(&whole).as_bytes().as_slice(), part.encoded_sha256);
        let rest = world.read(&agent, &order, (1, part.index, 7)).await.unwrap();
        assert_eq!(rest, whole[7..]);
        assert!(world.read(&agent, &order, (1, part.index, part.encoded_bytes)).await.unwrap().is_empty());
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_the_limit_are_all_served() {
    let mut world = World::new();
    world.settings = "limits: {concurrent_reads: 1}\n".to_owned();
    world.write_database(3_000);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    let index = export.parts.last().unwrap().index;
    let reads = (0..8).map(|_| world.read(&agent, &order, (1, index, 0)));
    let all = futures::future::try_join_all(reads).await.unwrap();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]) && !all[0].is_empty());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attested_export_whose_files_are_gone_begins_anew() {
    let world = World::new();
    world.write_database(LARGE);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.export(&agent, &order).await;
    agent.stop().await;
    std::fs::remove_dir_all(world.path("data/spool")).unwrap();
    let agent = world.start().await;
    let export = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert_eq!(export.generation, 2);
    for part in &export.parts {
        assert!(!world.read(&agent, &order, (2, part.index, 0)).await.unwrap().is_empty());
    }
    agent.stop().await;
}
