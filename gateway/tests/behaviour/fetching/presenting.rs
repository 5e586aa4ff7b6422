//! Previews, labels and records of processing: hostile text within limits is taken as it is, and all else is a fault.

use tributary_gateway::entity::{EntityError, Fault};
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::preview_cell::Content;
use tributary_proto::agent::v1::watch_export_response::Event;

use super::{Announced, fault, watch};
use crate::support::agent::Agent;
use crate::support::export::Export;
use crate::support::script::Script;
use crate::support::world::World;

const FR: &str = "acme-fr";

async fn watched(script: Script) -> Result<Announced, EntityError> {
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, script);
    watch(&world.client(FR), &world.order()).await
}

/// What an agent is charged with that changes what it tells.
async fn telling(alter: impl Fn(&mut Vec<Event>) + Send + Sync + 'static) -> Fault {
    fault(watched(Script::honest().telling(alter)).await)
}

/// What an agent is charged with that changes its preview.
async fn showing(alter: impl Fn(&mut v1::Preview) + Send + Sync + 'static) -> Fault {
    telling(move |events| alter(preview(events))).await
}

/// What an agent is charged with that changes its record of processing.
async fn recording(alter: impl Fn(&mut v1::Information) + Send + Sync + 'static) -> Fault {
    telling(move |events| {
        let found = events.iter_mut().find_map(|event| if let Event::Information(i) = event { Some(i) } else { None });
        alter(found.unwrap());
    })
    .await
}

/// What an agent is charged with that changes the form of its table.
async fn describing(alter: impl Fn(&mut v1::Table) + Send + Sync + 'static) -> Fault {
    telling(move |events| {
        let found =
            events.iter_mut().find_map(|event| if let Event::Table(table) = event { Some(table) } else { None });
        alter(found.unwrap());
    })
    .await
}

fn preview(events: &mut [Event]) -> &mut v1::Preview {
    let found =
        events.iter_mut().find_map(|event| if let Event::Preview(preview) = event { Some(preview) } else { None });
    found.unwrap()
}

fn text(text: impl Into<String>) -> v1::PreviewCell {
    v1::PreviewCell { content: Some(Content::Text(text.into())) }
}

/// The field of the contract whose rule a message breaks.
fn field(fault: Fault) -> &'static str {
    match fault {
        Fault::Message(error) => error.field,
        other => panic!("expected a message that is not valid, got {other:?}"),
    }
}

#[tokio::test]
async fn what_people_have_in_their_databases_arrives_unharmed() {
    let sample = Export::sample();
    let announced = watched(Script::honest()).await.unwrap();
    assert!(announced.previews == sample.previews, "markup, marks and all");
    assert_eq!(announced.information, sample.information);
    assert_eq!(announced.tables, sample.tables, "labels in every script, codes and units");
}

#[tokio::test]
async fn an_agent_may_send_no_previews() {
    let silent = Script::honest().telling(|events| {
        events.retain(|event| !matches!(event, Event::Preview(_) | Event::Information(_)));
    });
    let announced = watched(silent).await.unwrap();
    assert!(announced.previews.is_empty() && announced.information.is_none());
}

#[tokio::test]
async fn a_preview_counts_the_rows_that_were_handed_over() {
    for rows in [0, 5999, 6001, u64::MAX] {
        let miscounted = showing(move |preview| preview.total_rows = rows).await;
        assert!(matches!(miscounted, Fault::Preview(_)), "{rows}: {miscounted:?}");
    }
    let none = telling(|events| {
        events.retain(|event| !matches!(event, Event::Part(_)));
        preview(events).total_rows = 0;
    });
    assert_eq!(none.await, Fault::Preview("no part of its table came before it"));
    let more = telling(|events| {
        events.iter_mut().for_each(|event| {
            if let Event::Part(part) = event {
                part.rows = 0
            }
        });
        preview(events).total_rows = 0;
    });
    assert_eq!(more.await, Fault::Preview("it shows more rows than there are"));
}

#[tokio::test]
async fn a_preview_has_the_form_of_its_table() {
    for alter in [
        |preview: &mut v1::Preview| drop(preview.rows[0].cells.pop()),
        |preview: &mut v1::Preview| preview.rows[1].cells.push(v1::PreviewCell::default()),
        |preview: &mut v1::Preview| preview.overview[0].field = "no such column".to_owned(),
        |preview: &mut v1::Preview| preview.overview.push(preview.overview[0].clone()),
        |preview: &mut v1::Preview| preview.collection = "no such table".to_owned(),
    ] {
        let unfit = showing(alter).await;
        assert!(matches!(unfit, Fault::Preview(_)), "{unfit:?}");
    }
}

#[tokio::test]
async fn a_preview_points_at_files_of_its_collection_only() {
    for path in ["crm/documents/0005.bin", "crm/customer-0001.csv"] {
        let elsewhere = showing(move |preview| preview.rows[2].cells[1].content = Some(Content::File(path.to_owned())));
        assert_eq!(elsewhere.await, Fault::Preview("it points at a file that is no part of the collection"), "{path}");
    }
    for path in ["../x", "javascript:alert(1)", "/etc/passwd", ""] {
        let invalid = showing(move |preview| preview.rows[2].cells[1].content = Some(Content::File(path.to_owned())));
        assert_eq!(field(invalid.await), "preview.rows.cells.file", "{path}");
    }
}

#[tokio::test]
async fn a_preview_comes_once_and_after_the_last_part_of_its_collection() {
    let twice = telling(|events| {
        let again = preview(events).clone();
        events.insert(events.len() - 1, Event::Preview(again));
    });
    assert_eq!(twice.await, Fault::Preview("the collection has one already"));
    let early = telling(|events| {
        let part = events.iter().rposition(|event| matches!(event, Event::Part(_))).unwrap();
        let at = events.iter().position(|event| matches!(event, Event::Preview(_))).unwrap();
        preview(events).rows.remove(2);
        events.swap(part, at);
    });
    assert_eq!(early.await, Fault::AfterPreview { index: 4 });
    let undescribed = telling(|events| {
        let shown = preview(events).clone();
        events.insert(1, Event::Preview(shown));
    });
    assert_eq!(undescribed.await, Fault::Preview("its table was not described before it"));
    let outside = telling(|events| {
        let shown = preview(events).clone();
        events.insert(0, Event::Preview(shown));
    });
    assert_eq!(outside.await, Fault::Generation);
}

#[tokio::test]
async fn a_preview_keeps_its_limits() {
    let rows = showing(|preview| preview.rows = vec![preview.rows[0].clone(); 201]).await;
    assert_eq!(field(rows), "preview.rows");
    let cell = showing(|preview| preview.rows[0].cells[1] = text("x".repeat(2049))).await;
    assert_eq!(field(cell), "preview.rows.cells.text");
    let cut = showing(|preview| {
        let short = v1::CutText { text: "whole".to_owned(), bytes: 5 };
        preview.rows[0].cells[1].content = Some(Content::Cut(short));
    });
    assert_eq!(field(cut.await), "preview.rows.cells.cut");
    let values = showing(|preview| preview.overview[0].values = (0..9).map(|v| v.to_string()).collect()).await;
    assert_eq!(field(values), "preview.overview.values");
    let long = showing(|preview| preview.overview[0].values = vec!["x".repeat(257)]).await;
    assert_eq!(field(long), "preview.overview.values");
    let same = showing(|preview| preview.overview[0].values = vec!["x".to_owned(), "x".to_owned()]).await;
    assert_eq!(field(same), "preview.overview.values");
    // Within every other limit, and larger than a line may be.
    let large = showing(|preview| {
        let cells = vec![text("x".repeat(1000)), text("\u{1}".repeat(300))];
        preview.rows = vec![v1::PreviewRow { cells }; 200];
    });
    assert_eq!(large.await, Fault::TooMuch("bytes in a preview"));
}

#[tokio::test]
async fn all_previews_of_an_entity_together_keep_their_limit() {
    let many = telling(|events| {
        let Some(Event::Table(table)) = events.iter().find(|event| matches!(event, Event::Table(_))).cloned() else {
            unreachable!()
        };
        let Some(Event::Part(part)) = events.iter().find(|event| matches!(event, Event::Part(_))).cloned() else {
            unreachable!()
        };
        let cells = vec![text("x".repeat(600)), text("y".repeat(600))];
        let rows = vec![v1::PreviewRow { cells }; 200];
        events.truncate(1);
        for index in 1..=20 {
            let collection = format!("customer {index}");
            events.push(Event::Table(v1::Table { collection: collection.clone(), ..table.clone() }));
            let (path, collection_of_part) = (format!("crm/{index}.csv"), collection.clone());
            events.push(Event::Part(v1::Part { index, path, collection: collection_of_part, ..part.clone() }));
            let preview = v1::Preview {
                dataset: "crm".to_owned(),
                collection,
                total_rows: part.rows,
                rows: rows.clone(),
                overview: Vec::new(),
            };
            events.push(Event::Preview(preview));
        }
    });
    assert_eq!(many.await, Fault::TooMuch("bytes of previews"));
}

#[tokio::test]
async fn a_record_of_processing_comes_once_and_keeps_its_limits() {
    let twice = telling(|events| {
        let at = events.iter().position(|event| matches!(event, Event::Information(_))).unwrap();
        events.insert(at, events[at].clone());
    });
    assert!(matches!(twice.await, Fault::Stream(_)));
    let long = recording(|information| information.systems[0].name = Some("x".repeat(4097))).await;
    assert_eq!(field(long), "information.systems.name");
    let control =
        recording(|information| information.systems[0].processing[0].sources = vec!["\u{7}".to_owned()]).await;
    assert_eq!(field(control), "information.systems.processing.sources");
    let key = recording(|information| information.systems[0].system = "not a key".to_owned()).await;
    assert_eq!(field(key), "information.systems.system");
    let many = recording(|information| information.systems = vec![information.systems[0].clone(); 257]).await;
    assert_eq!(field(many), "information.systems");
    let large = recording(|information| information.systems[0].transfer_safeguards = vec!["x".repeat(4000); 80]).await;
    assert_eq!(field(large), "information");
}

#[tokio::test]
async fn labels_codes_and_units_keep_their_limits() {
    let titles =
        |tag: &str, text: String| Some(v1::Labels { titles: [(tag.to_owned(), text)].into(), ..Default::default() });
    let tag = describing(move |table| table.labels = titles("fr_BE", "x".to_owned())).await;
    assert_eq!(field(tag), "table.labels");
    let long = describing(move |table| table.fields[0].labels = titles("fr", "x".repeat(4097))).await;
    assert_eq!(field(long), "table.fields.labels");
    let control = describing(move |table| table.labels = titles("fr", "\u{1b}[2J".to_owned())).await;
    assert_eq!(field(control), "table.labels");
    let both = describing(|table| {
        let texts = [("pt-br".to_owned(), "a".to_owned()), ("pt-BR".to_owned(), "b".to_owned())];
        table.labels = Some(v1::Labels { titles: texts.into(), ..Default::default() });
    });
    assert_eq!(field(both.await), "table.labels", "one language has one text");
    let many = describing(|table| {
        let texts = (0..65).map(|n| (format!("en-x{n}"), String::new()));
        table.labels = Some(v1::Labels { titles: texts.collect(), ..Default::default() });
    });
    assert_eq!(field(many.await), "table.labels");
    let codes = describing(|table| table.fields[0].codes = vec![v1::Code::default(); 4097]).await;
    assert_eq!(field(codes), "table.fields.codes");
    let value = describing(|table| table.fields[0].codes[0].value = "x".repeat(501)).await;
    assert_eq!(field(value), "table.fields.codes.value");
    let unit = describing(|table| table.fields[0].unit = "x".repeat(65)).await;
    assert_eq!(field(unit), "table.fields.unit");
}

#[tokio::test]
async fn nothing_of_a_preview_is_repeated_in_a_fault() {
    for fault in [
        showing(|preview| preview.overview[0].field = "anna".to_owned()).await,
        showing(|preview| preview.collection = "anna".to_owned()).await,
        showing(|preview| preview.rows[2].cells[1].content = Some(Content::File("anna/../x".to_owned()))).await,
        showing(|preview| preview.rows[0].cells[1] = text("anna".repeat(1000))).await,
        recording(|information| information.systems[0].system = "anna anna".to_owned()).await,
    ] {
        let error = EntityError::from(fault);
        assert!(!format!("{error} {error:?}").contains("anna"), "{error:?}");
    }
}
