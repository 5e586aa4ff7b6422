//! An export from its start to its end, repeated at every step.

use std::io::Read;

use flate2::read::DeflateDecoder;
use jiff::SignedDuration;
use tributary_archive::attestation::NotSearchedReason;
use tributary_archive::digest::Sha256Hex;
use tributary_model::disposition::Disposition;
use tributary_model::mandate::Action;
use tributary_proto::agent::v1::{ExportState, LocateOutcome, LocateRequest, Part, PartEncoding, StartExportRequest};
use tributary_proto::types::v1::TableFormat;

use crate::world::{ANNA, LARGE, NOBODY, SHARED, World, files, identifier, reason};

fn plain(part: &Part, carried: &[u8]) -> Vec<u8> {
    assert_eq!(Sha256Hex::of(carried).as_bytes().as_slice(), part.encoded_sha256);
    assert_eq!(part.encoding(), PartEncoding::Deflate);
    let mut plain = Vec::new();
    DeflateDecoder::new(carried).read_to_end(&mut plain).unwrap();
    assert_eq!(Sha256Hex::of(&plain).as_bytes().as_slice(), part.sha256);
    assert_eq!((plain.len() as u64, crc32fast::hash(&plain)), (part.bytes, part.crc32));
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_delivers_what_the_entity_holds_and_signs_for_it() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let started = world.begin(&agent, &order).await.unwrap();
    assert_eq!((started.generation, started.state()), (0, ExportState::Pending));
    let export = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert_eq!(export.generation, 1);
    assert_eq!(export.tables, ["customer", "letter"]);
    let mut rows = Vec::new();
    for part in &export.parts {
        let carried = world.read(&agent, &order, (1, part.index, 0)).await.unwrap();
        rows.extend(String::from_utf8(plain(part, &carried)).unwrap().lines().map(str::to_owned));
    }
    assert_eq!(rows.len(), 21);
    assert!(rows.iter().all(|row| !row.contains("Bert")), "nobody else's");

    let attestation = world.open(&export.envelope);
    assert_eq!(attestation.disposition, Disposition::Fulfilled);
    assert_eq!((attestation.case, attestation.instruction), (order.mandate.case, order.mandate.instruction));
    assert_eq!((attestation.generation, attestation.parts.rows, attestation.group_version), (1, 21, 3));
    assert_eq!(attestation.parts.count as usize, export.parts.len());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_an_export_can_be_repeated() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let first = world.export(&agent, &order).await;
    let again = world.begin(&agent, &world.renewed(&order)).await.unwrap();
    assert_eq!((again.generation, again.state()), (1, ExportState::Attested));
    let second = world.watch(&agent, &order).await.unwrap().until_attested().await;
    assert_eq!((&second.envelope, &second.parts, &second.tables), (&first.envelope, &first.parts, &first.tables));
    assert_eq!(world.attestation(&agent, &order).await.unwrap(), first.envelope);

    world.finish(&agent, &order).await.unwrap();
    world.finish(&agent, &order).await.unwrap();
    assert_eq!(world.spooled(), 0);
    assert_eq!(world.attestation(&agent, &order).await.unwrap(), first.envelope);
    let after = world.begin(&agent, &order).await.unwrap();
    assert_eq!((after.generation, after.state()), (1, ExportState::Finished), "nothing is read anew");
    for status in
        [world.watch(&agent, &order).await.err().unwrap(), world.read(&agent, &order, (1, 1, 0)).await.unwrap_err()]
    {
        assert_eq!(reason(&status), "EXPORT_NOT_FOUND");
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_repeated_with_other_content_is_refused() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.begin(&agent, &order).await.unwrap();
    let csv = StartExportRequest { format: TableFormat::Csv.into(), ..world.start_request(&order) };
    assert_eq!(reason(&agent.client.clone().start_export(csv).await.unwrap_err()), "EXPORT_DIFFERS");
    let mut other = world.order(Action::Export, NOBODY);
    other.mandate.instruction = order.mandate.instruction;
    other.mandate.case = order.mandate.case;
    assert_eq!(reason(&world.begin(&agent, &other).await.unwrap_err()), "EXPORT_DIFFERS");
    let received = |hours| {
        let mut order = order.clone();
        order.mandate.received_at = Some(order.mandate.not_before - SignedDuration::from_hours(hours));
        order
    };
    world.begin(&agent, &received(72)).await.unwrap();
    world.begin(&agent, &order).await.unwrap();
    assert_eq!(reason(&world.begin(&agent, &received(71)).await.unwrap_err()), "EXPORT_DIFFERS");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_never_started_is_not_found_and_may_be_ended() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    for status in [
        world.watch(&agent, &order).await.err().unwrap(),
        world.read(&agent, &order, (1, 1, 0)).await.unwrap_err(),
        world.attestation(&agent, &order).await.unwrap_err(),
    ] {
        assert_eq!(reason(&status), "EXPORT_NOT_FOUND");
    }
    world.finish(&agent, &order).await.unwrap();
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identifiers_of_two_people_yield_no_data_and_an_answer_that_is_not_final() {
    let world = World::new();
    let agent = world.start().await;
    let export = world.export(&agent, &world.order(Action::Export, SHARED)).await;
    let attestation = world.open(&export.envelope);
    assert_eq!(attestation.disposition, Disposition::NeedsIdentity);
    assert!(!attestation.disposition.is_final() && export.parts.is_empty());
    let nobody = world.export(&agent, &world.order(Action::Export, NOBODY)).await;
    let attestation = world.open(&nobody.envelope);
    assert_eq!((attestation.disposition, nobody.parts.len()), (Disposition::NoData, 0));
    assert_eq!(world.spooled(), 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_says_whether_it_knows_somebody_without_exporting() {
    let world = World::new();
    let agent = world.start().await;
    for (email, expected) in
        [(ANNA, LocateOutcome::Found), (NOBODY, LocateOutcome::NotFound), (SHARED, LocateOutcome::NeedsIdentity)]
    {
        let order = world.order(Action::Locate, email);
        let request = LocateRequest {
            mandate: world.envelope(&order),
            instruction: order.mandate.instruction.to_string(),
            identifiers: vec![identifier(email)],
        };
        let answer = agent.client.clone().locate(request).await.unwrap().into_inner();
        assert_eq!(answer.outcome(), expected);
    }
    assert_eq!(world.spooled(), 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_and_not_connected_is_named_in_what_is_signed() {
    let world = World::new();
    let more = "  - fides_key: archive\n    collections:\n      - name: file\n        fields:\n          - \
                {name: owner, data_categories: [user], fides_meta: {identity: email}}\n";
    std::fs::write(world.path("crm.yml"), format!("{}{more}", crate::world::MANIFEST)).unwrap();
    let agent = world.start().await;
    let export = world.export(&agent, &world.order(Action::Export, NOBODY)).await;
    let attestation = world.open(&export.envelope);
    assert_eq!(attestation.disposition, Disposition::PartlyFulfilled, "NO_DATA cannot be said");
    assert_eq!(attestation.not_searched[0].reason, NotSearchedReason::NotConnected);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_data_directory_can_be_read_without_the_key() {
    let world = World::new();
    world.write_database(LARGE);
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    world.export(&agent, &order).await;
    assert!(world.spooled() > 0);
    let mut found = 0;
    let mut folders = vec![world.path("data")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Beside files there is only the socket for the entity's people.
            if !path.is_file() {
                assert!(path.ends_with("inbox.sock"), "{}", path.display());
                continue;
            }
            found += 1;
            let bytes = std::fs::read(&path).unwrap();
            for marker in ["anna@example.org", "marker-body", "Anna"] {
                let there = bytes.windows(marker.len()).any(|window| window.eq_ignore_ascii_case(marker.as_bytes()));
                assert!(!there, "{marker} in {}", path.display());
            }
        }
    }
    assert!(found >= files(&world.path("data/spool")) + 2, "the ledger and the spool were looked at");
    agent.stop().await;
}
