//! Reading parts: bytes that are not as announced are never staged, and a cut costs the missing bytes only.

use std::io::Read;

use tonic::{Code, Status};
use tributary_gateway::entity::{EntityError, Fault, LocalError};
use tributary_gateway::stage::PartFault;
use tributary_model::group::Reach;

use super::{fault, fetch, part_fault, watch};
use crate::support::agent::{Agent, Call};
use crate::support::export::Export;
use crate::support::proxy::Proxy;
use crate::support::script::{Reading, Script};
use crate::support::world::{World, impatient, patient};

const FR: &str = "acme-fr";

/// What happens when the first part of the sample is read in this way.
async fn refused(reading: Reading) -> PartFault {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script::honest().reading(reading));
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let parts = watch(&client, &order).await.unwrap().parts;
    let found = part_fault(fetch(&client, &order, &parts[0], &destination).await, 1);
    assert_eq!(world.files(&order), 0, "something is left of a part that was refused");
    assert_eq!(agent.offsets(1), [0], "a fault is not asked for again");
    found
}

#[tokio::test]
async fn an_honest_export_is_staged_as_carried() {
    for size in [1000, 64 * 1024, 256 * 1024] {
        let world = World::new(&[FR]);
        let export = Export::sample();
        let _agent = Agent::start(&world, FR, Script::of(export.clone()).reading(Reading::Pieces(size)));
        let (client, order) = (world.client(FR), world.order());
        let destination = world.destination(&order);
        let announced = watch(&client, &order).await.unwrap();
        assert_eq!((&announced.parts, &announced.tables), (&export.parts, &export.tables));
        for (part, carried) in announced.parts.iter().zip(&export.carried) {
            let staged = fetch(&client, &order, part, &destination).await.unwrap();
            assert_eq!(staged.part, *part);
            let mut stored = Vec::new();
            let object = destination.objects.read(order.case, &destination.key, &staged.object);
            object.unwrap().read_to_end(&mut stored).unwrap();
            assert!(stored == *carried);
        }
        assert_eq!(world.files(&order), export.parts.len());
    }
}

#[tokio::test]
async fn parts_of_one_export_can_be_fetched_side_by_side() {
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, Script::honest());
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let parts = watch(&client, &order).await.unwrap().parts;
    let fetches = parts.iter().map(|part| fetch(&client, &order, part, &destination));
    let staged = futures::future::try_join_all(fetches).await.unwrap();
    assert_eq!(staged.len(), world.files(&order));
}

#[tokio::test]
async fn a_wrong_digest_is_found_out() {
    assert_eq!(refused(Reading::Flipped(0)).await, PartFault::Digest("SHA-256 as carried"));
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, Script::of(Export::document(300_000)).reading(Reading::Flipped(299_999)));
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let parts = watch(&client, &order).await.unwrap().parts;
    let found = part_fault(fetch(&client, &order, &parts[0], &destination).await, 1);
    assert_eq!(found, PartFault::Digest("SHA-256 as carried"));
    assert_eq!(world.files(&order), 0);
}

#[tokio::test]
async fn a_part_beyond_its_announced_size_is_stopped_there() {
    assert_eq!(refused(Reading::Beyond(vec![0])).await, PartFault::TooLong);
    assert_eq!(refused(Reading::Beyond(vec![0; 4_000_000])).await, PartFault::TooLong);
}

#[tokio::test]
async fn a_part_that_ends_too_early_is_refused() {
    assert_eq!(refused(Reading::EndsAt(1000)).await, PartFault::TooShort);
    assert_eq!(refused(Reading::EndsAt(0)).await, PartFault::TooShort);
}

#[tokio::test]
async fn bytes_from_another_place_and_odd_messages_are_refused() {
    assert_eq!(refused(Reading::Shifted).await, PartFault::Offset);
    assert_eq!(refused(Reading::Empty).await, PartFault::Message);
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, Script::of(Export::document(600_000)).reading(Reading::Pieces(300_000)));
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let parts = watch(&client, &order).await.unwrap().parts;
    assert_eq!(part_fault(fetch(&client, &order, &parts[0], &destination).await, 1), PartFault::Message);
}

#[tokio::test]
async fn a_message_beyond_every_limit_is_a_fault_and_not_a_broken_connection() {
    let world = World::new(&[FR]);
    let script = Script::of(Export::document(6_000_000)).reading(Reading::Pieces(5_000_000));
    let _agent = Agent::start(&world, FR, script);
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let parts = watch(&client, &order).await.unwrap().parts;
    assert_eq!(fault(fetch(&client, &order, &parts[0], &destination).await), Fault::Failed(Code::OutOfRange));
}

#[tokio::test]
async fn a_cut_costs_the_missing_bytes_only() {
    let world = World::new(&[FR]);
    let export = Export::document(3_000_000);
    let agent = Agent::start(&world, FR, Script::of(export.clone()));
    let proxy = Proxy::start(world.member(FR).address, 700_000);
    let mut entity = world.entity(FR);
    entity.agent.reach = Reach::At(proxy.address.to_string());
    let (client, order) = (world.client_with(entity, &patient()), world.order());
    let destination = world.destination(&order);

    let staged = fetch(&client, &order, &export.parts[0], &destination).await.unwrap();
    let mut stored = Vec::new();
    let object = destination.objects.read(order.case, &destination.key, &staged.object);
    object.unwrap().read_to_end(&mut stored).unwrap();
    assert!(stored == export.carried[0]);
    let offsets = agent.offsets(1);
    assert!(proxy.cuts() >= 4, "{} cuts", proxy.cuts());
    assert_eq!(offsets[0], 0);
    assert!(offsets.is_sorted() && offsets.last() > Some(&2_000_000), "{offsets:?}");
    assert_eq!(world.files(&order), 1);
}

#[tokio::test]
async fn a_part_that_stops_coming_is_gone_on_with_later_where_it_stopped() {
    let world = World::new(&[FR]);
    let export = Export::document(1_000_000);
    let agent = Agent::start(&world, FR, Script::of(export.clone()).reading(Reading::HangsAt(300_000)));
    let (client, order) = (world.client_with(world.entity(FR), &impatient()), world.order());
    let destination = world.destination(&order);

    let receiver = destination.begin(export.parts[0].clone()).await.unwrap();
    let unfinished = client.fetch_part(&order, 1, receiver).await.unwrap_err();
    assert!(matches!(unfinished.error, EntityError::TimedOut { .. }), "{:?}", unfinished.error);
    assert!(!unfinished.error.counts_as_attempt(), "who is slow is waited for, like who is not there");
    // The first reading brought bytes, so it was gone on with; the second brought none.
    assert_eq!(agent.offsets(1), [0, 300_000]);

    let kept = unfinished.receiver.unwrap();
    assert_eq!((kept.received(), kept.missing()), (300_000, 700_000));
    agent.change(|script| script.reading = Reading::Pieces(64 * 1024));
    client.fetch_part(&order, 1, kept).await.unwrap();
    assert_eq!(agent.offsets(1), [0, 300_000, 300_000]);
    assert_eq!(world.files(&order), 1);
}

#[tokio::test]
async fn an_agent_that_says_it_is_busy_is_left_alone_for_as_long_as_it_asks() {
    let world = World::new(&[FR]);
    let export = Export::document(200_000);
    let hour = std::time::Duration::from_secs(3600);
    let busy = tributary_transport::status::retryable(Code::ResourceExhausted, "TOO_MUCH_WORK", "x", &[], hour);
    let agent = Agent::start(&world, FR, Script::of(export.clone()).reading(Reading::FailsAt(100_000, busy)));
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let receiver = destination.begin(export.parts[0].clone()).await.unwrap();
    let unfinished = client.fetch_part(&order, 1, receiver).await.unwrap_err();
    assert_eq!(unfinished.error.retry_after(), Some(hour));
    assert!(!unfinished.error.counts_as_attempt());
    assert_eq!(unfinished.receiver.map(|receiver| receiver.received()), Some(100_000));
    assert_eq!(agent.offsets(1), [0]);
}

#[tokio::test]
async fn a_failure_behind_the_last_byte_takes_nothing_away() {
    let world = World::new(&[FR]);
    let export = Export::document(100_000);
    let failing = Reading::FailsAt(100_000, Status::internal("too late"));
    let _agent = Agent::start(&world, FR, Script::of(export.clone()).reading(failing));
    let (client, order) = (world.client(FR), world.order());
    fetch(&client, &order, &export.parts[0], &world.destination(&order)).await.unwrap();
}

#[tokio::test]
async fn a_part_that_was_announced_and_is_not_there_is_a_fault() {
    let world = World::new(&[FR]);
    let export = Export::sample();
    let _agent = Agent::start(&world, FR, Script::of(Export::document(10)));
    let (client, order) = (world.client(FR), world.order());
    let outcome = fetch(&client, &order, &export.parts[1], &world.destination(&order)).await;
    assert_eq!(fault(outcome), Fault::NoPart { index: 2 });
    assert_eq!(world.files(&order), 0);
}

#[tokio::test]
async fn a_generation_that_was_replaced_is_told_apart_from_a_fault() {
    let world = World::new(&[FR]);
    let export = Export::document(10);
    let _agent = Agent::start(&world, FR, Script { generation: 2, ..Script::of(export.clone()) });
    let (client, order) = (world.client(FR), world.order());
    let outcome = fetch(&client, &order, &export.parts[0], &world.destination(&order)).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, EntityError::Replaced { generation: 2 }), "{error:?}");
    assert!(!error.counts_as_attempt());
}

#[tokio::test]
async fn a_part_for_which_there_is_no_room_is_not_asked_for() {
    let world = World::new(&[FR]);
    let export = Export::document(10);
    let agent = Agent::start(&world, FR, Script::of(export.clone()));
    let (client, order) = (world.client(FR), world.order());
    let mut part = export.parts[0].clone();
    part.encoded_bytes = 1 << 60;
    let error = fetch(&client, &order, &part, &world.destination(&order)).await.unwrap_err();
    assert!(matches!(error, EntityError::Local(LocalError::Full)), "{error:?}");
    assert_eq!((error.counts_as_attempt(), error.observed()), (false, None));
    assert!(!agent.calls().iter().any(|call| matches!(call, Call::ReadPart { .. })));
    assert_eq!(world.files(&order), 0);
}

#[tokio::test]
async fn a_fetch_that_is_given_up_leaves_nothing_behind() {
    let world = World::new(&[FR]);
    let export = Export::document(1_000_000);
    let agent = Agent::start(&world, FR, Script::of(export.clone()).reading(Reading::HangsAt(300_000)));
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let fetching = fetch(&client, &order, &export.parts[0], &destination);
    let asked = async {
        while agent.offsets(1).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = fetching => panic!("it hangs, and yet ended: {outcome:?}"),
        () = asked => {}
    }
    // What was handed to the blocking pool is dropped there.
    while world.files(&order) > 0 {
        tokio::task::yield_now().await;
    }
}
