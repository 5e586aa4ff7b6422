//! Watching an export: what contradicts itself, or what was announced before it, is a fault named by its rule.

use tributary_gateway::entity::{EntityError, Fault};
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::watch_export_response::Event;

use super::{Announced, fault, watch};
use crate::support::agent::Agent;
use crate::support::export::Export;
use crate::support::script::Script;
use crate::support::world::{World, impatient};

const FR: &str = "acme-fr";

async fn watched(script: Script) -> Result<Announced, EntityError> {
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, script);
    watch(&world.client(FR), &world.order()).await
}

/// What an agent is charged with that changes one descriptor, counted from 0.
async fn announcing(which: usize, alter: impl Fn(&mut v1::Part) + Send + Sync + 'static) -> Fault {
    fault(watched(Script::honest().announcing(which, alter)).await)
}

/// What an agent is charged with that changes what it tells.
async fn telling(alter: impl Fn(&mut Vec<Event>) + Send + Sync + 'static) -> Fault {
    fault(watched(Script::honest().telling(alter)).await)
}

/// The rule that a message breaks, by its field.
fn field(fault: Fault) -> &'static str {
    match fault {
        Fault::Message(error) => error.field,
        other => panic!("expected a message that is not valid, got {other:?}"),
    }
}

fn place_of(events: &[Event], is: impl Fn(&Event) -> bool) -> usize {
    events.iter().position(is).unwrap()
}

fn is_part(event: &Event) -> bool {
    matches!(event, Event::Part(_))
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_refused() {
    for path in ["../x.csv", "crm/../../x", "/etc/passwd", "crm\\x", "crm/", "", "crm/CON", "datapackage.json"] {
        assert_eq!(field(announcing(1, move |part| part.path = path.to_owned()).await), "part.path", "{path}");
    }
}

#[tokio::test]
async fn a_part_comes_once() {
    let twice = |events: &mut Vec<Event>| {
        let at = place_of(events, is_part);
        events.insert(at, events[at].clone());
    };
    assert_eq!(telling(twice).await, Fault::Index { expected: 2, found: 1 });
    let gap = |events: &mut Vec<Event>| drop(events.remove(place_of(events, is_part)));
    assert_eq!(telling(gap).await, Fault::Index { expected: 1, found: 2 });
}

/// Each part of a table repeats the table's form in the archive: what is small on the wire may be gigabytes there.
#[tokio::test]
async fn descriptions_that_no_archive_could_hold_are_refused() {
    let fault = telling(|events| {
        let at = place_of(events, |event| matches!(event, Event::Table(_)));
        let Event::Table(table) = &mut events[at] else { unreachable!() };
        let column = v1::Field { r#type: "any".to_owned(), description: "x".repeat(4000), ..v1::Field::default() };
        table.fields.extend((0..250).map(|number| v1::Field { name: format!("c{number}"), ..column.clone() }));
        let first = place_of(events, is_part);
        let Event::Part(part) = events[first].clone() else { unreachable!() };
        let parts = (2..200).map(|index| v1::Part { index, path: format!("crm/x-{index}.csv"), ..part.clone() });
        events.splice(first + 1.., parts.map(Event::Part));
    });
    assert_eq!(fault.await, Fault::TooMuch("descriptions"));
    let endless = telling(|events| {
        events.insert(1, Event::GenerationStarted(v1::GenerationStarted { generation: u32::MAX }));
    });
    assert_eq!(endless.await, Fault::TooMuch("generations"));
}

#[tokio::test]
async fn no_two_parts_lie_in_one_place_on_any_system() {
    for path in ["crm/customer-0001.csv", "CRM/Customer-0001.CSV", "crm", "crm/customer-0001.csv/x"] {
        let same = announcing(1, move |part| part.path = path.to_owned()).await;
        assert_eq!(same, Fault::Path { index: 2 }, "{path}");
    }
}

#[tokio::test]
async fn parts_of_two_generations_are_told_apart() {
    let other = announcing(2, |part| part.generation = 2).await;
    assert_eq!(other, Fault::OtherGeneration { index: 3, expected: 1, found: 2 });
    let none = telling(|events| drop(events.remove(0))).await;
    assert_eq!(none, Fault::Generation);
    for generation in [0, 1] {
        let back = telling(move |events| {
            events.insert(2, Event::GenerationStarted(v1::GenerationStarted { generation }));
        });
        assert_eq!(back.await, Fault::Generation);
    }
}

#[tokio::test]
async fn a_generation_voids_the_one_before_it() {
    let script = Script { generation: 2, ..Script::honest() }.telling(|events| {
        // Generation 1 got as far as its second part.
        let mut before = Export::sample().events(1);
        before.truncate(4);
        events.splice(0..0, before);
    });
    let announced = watched(script).await.unwrap();
    let sample = Export::sample();
    assert_eq!((announced.generation, announced.parts, announced.tables), (2, sample.parts, sample.tables));
}

#[tokio::test]
async fn a_descriptor_that_contradicts_itself_is_refused() {
    let contradiction = announcing(3, |part| part.encoded_bytes += 1).await;
    assert!(matches!(contradiction, Fault::Descriptor { index: 4, .. }), "{contradiction:?}");
    let rows = announcing(3, |part| part.rows = 1).await;
    assert!(matches!(rows, Fault::Descriptor { index: 4, .. }), "{rows:?}");
    assert_eq!(field(announcing(0, |part| part.kind = 7).await), "part.kind");
    assert_eq!(field(announcing(0, |part| part.encoding = 0).await), "part.encoding");
    assert_eq!(field(announcing(0, |part| part.sha256.truncate(31)).await), "part.sha256");
    assert_eq!(field(announcing(0, |part| part.bytes = u64::MAX).await), "part.bytes");
    assert_eq!(field(announcing(0, |part| part.dataset = "a b".to_owned()).await), "part.dataset");
}

#[tokio::test]
async fn a_table_is_described_once_and_before_its_parts() {
    let is_table = |event: &Event| matches!(event, Event::Table(_));
    let without = telling(move |events| drop(events.remove(place_of(events, is_table))));
    assert_eq!(without.await, Fault::Undescribed { index: 1 });
    let twice = telling(move |events| {
        let at = place_of(events, is_table);
        events.insert(at, events[at].clone());
    });
    assert_eq!(twice.await, Fault::TableTwice);
    let keyed = telling(move |events| {
        let at = place_of(events, is_table);
        let Event::Table(table) = &mut events[at] else { unreachable!() };
        table.primary_key.push("no such column".to_owned());
    });
    assert!(matches!(keyed.await, Fault::Table(_)));
}

#[tokio::test]
async fn an_export_ends_with_its_attestation_and_with_nothing_behind_it() {
    let without = telling(|events| drop(events.pop())).await;
    assert!(matches!(without, Fault::Stream(_)), "{without:?}");
    let more = telling(|events| events.push(Event::Pending(v1::Pending::default()))).await;
    assert!(matches!(more, Fault::Stream(_)), "{more:?}");
    let miscounted = telling(|events| {
        let Some(Event::Attested(attested)) = events.last_mut() else { unreachable!() };
        attested.parts -= 1;
    });
    assert_eq!(miscounted.await, Fault::Count { announced: 4, said: 3 });
}

#[tokio::test]
async fn a_pause_is_passed_on_in_one_line() {
    let script = Script::honest().telling(|events| {
        let reason = format!("the database\nis {}", "very ".repeat(100));
        let retry_at = Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 });
        events.insert(0, Event::Pending(v1::Pending { reason, retry_at }));
    });
    let announced = watched(script).await.unwrap();
    assert!(announced.pauses[0].starts_with("the database is very"));
    assert_eq!(announced.pauses[0].chars().count(), 200);
    assert_eq!(announced.parts.len(), 4);
}

#[tokio::test]
async fn what_steers_or_hides_text_is_not_passed_on() {
    let reason = "\u{feff}\u{1b}[31ma\u{202e}b\u{e0041}\u{200b}\u{1f}refused\r\n مرحبا\u{2028}";
    let script = Script::honest().telling(|events| {
        events.insert(0, Event::Pending(v1::Pending { reason: reason.to_owned(), retry_at: None }));
        events.insert(1, Event::Pending(v1::Pending { reason: " ".repeat(500_000), retry_at: None }));
    });
    assert_eq!(watched(script).await.unwrap().pauses, ["[31ma b refused مرحبا", ""]);
}

#[tokio::test]
async fn an_agent_that_falls_silent_is_not_waited_for_for_ever() {
    let world = World::new(&[FR]);
    let script = Script::honest().telling(|events| drop(events.pop()));
    let _agent = Agent::start(&world, FR, Script { watch_hangs: true, ..script });
    let client = world.client_with(world.entity(FR), &impatient());
    let error = watch(&client, &world.order()).await.unwrap_err();
    assert!(matches!(error, EntityError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn what_an_agent_sends_is_not_repeated_in_the_fault() {
    for fault in [
        announcing(0, |part| part.path = "../anna".to_owned()).await,
        announcing(0, |part| part.dataset = "anna anna".to_owned()).await,
        announcing(0, |part| part.media_type = "anna\n".to_owned()).await,
        announcing(1, |part| part.path = "crm/customer-0001.csv/anna".to_owned()).await,
    ] {
        let error = EntityError::from(fault);
        assert!(!format!("{error} {error:?}").contains("anna"), "{error:?}");
    }
}
