//! No order without a mandate that holds: signed by the gateway, for this agent, person, instruction and time.

use jiff::SignedDuration;
use tonic::{Code, Status};
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::key::SigningKey;
use tributary_model::mandate::{Action, Mandate};
use tributary_proto::agent::v1::{LocateRequest, StartExportRequest};

use crate::world::{ANNA, NOBODY, Order, Running, World, identifier, reason};

fn refused(status: &Status) -> String {
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    assert_eq!(reason(status), "MANDATE_INVALID");
    assert!(!status.message().contains('@'), "no personal data: {}", status.message());
    status.message().to_owned()
}

async fn start(agent: &Running, request: StartExportRequest) -> String {
    refused(&agent.client.clone().start_export(request).await.unwrap_err())
}

fn with(order: &Order, change: impl FnOnce(&mut Mandate)) -> Order {
    let mut order = order.clone();
    change(&mut order.mandate);
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_does_not_hold_starts_nothing() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let now = order.mandate.not_before;
    let minutes = SignedDuration::from_mins;

    let request = world.start_request(&order);
    let missing = StartExportRequest { mandate: Vec::new(), ..request.clone() };
    assert!(start(&agent, missing).await.contains("not a DSSE envelope"));

    let foreign = order.mandate.sign(&SigningKey::generate().unwrap()).to_json();
    assert!(start(&agent, StartExportRequest { mandate: foreign, ..request.clone() }).await.contains("not signed"));
    let entity = order.mandate.sign(&world.entity_key).to_json();
    assert!(start(&agent, StartExportRequest { mandate: entity, ..request.clone() }).await.contains("not signed"));

    let text = String::from_utf8(request.mandate.clone()).unwrap();
    let at = text.find("\"payload\":\"").unwrap() + 40;
    let mut altered = text.into_bytes();
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    assert!(start(&agent, StartExportRequest { mandate: altered, ..request.clone() }).await.contains("mandate"));

    for (what, said, bad) in [
        ("a later one", "not valid before", with(&order, |m| m.not_before = now + minutes(2))),
        ("an expired one", "expired", with(&order, |m| m.expires_at = now - minutes(2))),
        ("another entity's", "another entity", with(&order, |m| m.entity = "other".parse().unwrap())),
        ("another action's", "another action", with(&order, |m| m.action = Action::Locate)),
    ] {
        let message = start(&agent, world.start_request(&bad)).await;
        assert!(message.contains(said), "{what}: {message}");
    }

    // The mandate is sound, but the request names another instruction, or other people.
    let instruction = InstructionId::new(now).to_string();
    let message = start(&agent, StartExportRequest { instruction, ..request.clone() }).await;
    assert!(message.contains("another instruction"), "{message}");
    for identifiers in [vec![identifier(NOBODY)], vec![identifier(ANNA), identifier(NOBODY)]] {
        let message = start(&agent, StartExportRequest { identifiers, ..request.clone() }).await;
        assert!(message.contains("identifiers differ"), "{message}");
    }
    // The mandate says when the request was received, or does not, and the request says otherwise.
    let received = with(&order, |m| m.received_at = Some(now - minutes(60 * 24 * 3)));
    let sound = world.start_request(&received);
    let later = sound.received_at.map(|at| prost_types::Timestamp { seconds: at.seconds + 1, ..at });
    for (mandate, received_at) in
        [(sound.mandate.clone(), None), (sound.mandate.clone(), later), (request.mandate.clone(), sound.received_at)]
    {
        let message = start(&agent, StartExportRequest { mandate, received_at, ..request.clone() }).await;
        assert!(message.contains("another time of reception"), "{message}");
    }
    // Both say the same, and it cannot be.
    for seconds in [now.as_second() + 61, i64::MAX] {
        let impossible = with(&order, |m| m.received_at = jiff::Timestamp::from_second(seconds).ok());
        let received_at = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let request = StartExportRequest { received_at, ..world.start_request(&impossible) };
        let status = agent.client.clone().start_export(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{status:?}");
    }
    assert_eq!(world.spooled(), 0);

    // The same order with what it says is served: nothing else was wrong with it.
    assert_eq!(agent.client.clone().start_export(request).await.unwrap().into_inner().generation, 0);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_expires_while_an_export_goes_on_and_the_next_one_serves() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    world.later(std::time::Duration::from_secs(12 * 60));
    let status = world.read(&agent, &order, (export.generation, 1, 0)).await.unwrap_err();
    assert!(refused(&status).contains("expired"));
    refused(&world.begin(&agent, &order).await.unwrap_err());
    refused(&world.watch(&agent, &order).await.err().unwrap());
    refused(&world.attestation(&agent, &order).await.unwrap_err());
    refused(&world.finish(&agent, &order).await.unwrap_err());
    let renewed = world.renewed(&order);
    assert!(!world.read(&agent, &renewed, (export.generation, 1, 0)).await.unwrap().is_empty());
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_answers_to_the_case_that_started_it_only() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    let other = with(&order, |mandate| mandate.case = CaseId::new(mandate.not_before));
    for status in [
        world.watch(&agent, &other).await.err().unwrap(),
        world.read(&agent, &other, (export.generation, 1, 0)).await.unwrap_err(),
        world.attestation(&agent, &other).await.unwrap_err(),
        world.finish(&agent, &other).await.unwrap_err(),
    ] {
        assert!(refused(&status).contains("another case"));
    }
    assert_eq!(reason(&world.begin(&agent, &other).await.unwrap_err()), "EXPORT_DIFFERS");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_group_file_of_the_same_version_is_not_worked_under() {
    let world = World::new();
    let agent = world.start().await;
    let order = with(&world.order(Action::Export, ANNA), |mandate| mandate.group_sha256 = "0".repeat(64));
    let status = world.begin(&agent, &order).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "GROUP_FILE_DIFFERS"));
    // Another version is on its way to one of the two.
    let order = with(&world.order(Action::Export, ANNA), |mandate| {
        mandate.group_version += 1;
        mandate.group_sha256 = "0".repeat(64);
    });
    world.begin(&agent, &order).await.unwrap();
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_valid_is_named_once_the_mandate_holds() {
    let world = World::new();
    let agent = world.start().await;
    let order = world.order(Action::Locate, ANNA);
    let instruction = order.mandate.instruction.to_string();
    let ask = |identifiers, instruction| {
        let mut client = agent.client.clone();
        let request = LocateRequest { mandate: world.envelope(&order), instruction, identifiers };
        async move { client.locate(request).await.unwrap_err() }
    };
    let empty = ask(vec![identifier("  ")], instruction.clone()).await;
    assert_eq!((empty.code(), reason(&empty).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert!(empty.message().contains("identifiers[0].value"), "{}", empty.message());
    assert_eq!(reason(&ask(Vec::new(), instruction).await), "INVALID_FIELD");
    assert_eq!(reason(&ask(vec![identifier(ANNA)], "x".to_owned()).await), "INVALID_FIELD");
    agent.stop().await;
}
