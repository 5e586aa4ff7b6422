//! What is hidden because it is about others: marked, counted, signed, counted again, and told to the person.

use tributary_archive::attestation::Attestation;
use tributary_archive::bag::Contribution;
use tributary_archive::preview::{self, Preview, PreviewCell};
use tributary_archive::redaction::{Redaction, RedactionReason};
use tributary_archive::table::Table;
use tributary_archive::verify::Verdict;
use tributary_model::disposition::Disposition;

use super::forge::Forgery;
use super::world::{Content, World, customer, errors};

const ENTITY: &str = "acme-fr";
const ROWS: &str = "id,name,born\n1,Zoë,[redacted:THIRD_PARTY]\n2,[redacted:ACTOR],[redacted:THIRD_PARTY]\n\
                    3,'[redacted:ACTOR],1990-01-01\n";

fn marked() -> Table {
    Table { marks: vec![RedactionReason::ThirdParty, RedactionReason::Actor], ..customer() }
}

fn hidden(field: &str, reason: RedactionReason, count: u64) -> Redaction {
    let (dataset, collection) = ("crm".parse().unwrap(), "customer".to_owned());
    Redaction { dataset, collection, field: Some(field.to_owned()), reason, count }
}

fn honest() -> Vec<Redaction> {
    vec![hidden("born", RedactionReason::ThirdParty, 2), hidden("name", RedactionReason::Actor, 1)]
}

/// An entity that hands `content` over and says that it hid `redactions`.
fn hides(world: &mut World, content: Content, table: Table, redactions: Vec<Redaction>) -> Contribution {
    let parts = world.stage(ENTITY, vec![content]);
    let text = |text: &str| PreviewCell::Text(text.to_owned());
    let cell = |redacted| PreviewCell::Redacted { redacted };
    let first = vec![text("1"), text("Zoë"), cell(RedactionReason::ThirdParty)];
    let second = vec![text("2"), cell(RedactionReason::Actor), cell(RedactionReason::ThirdParty)];
    let shown = Preview {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        total_rows: 3,
        rows: if table.marks.is_empty() { Vec::new() } else { vec![first, second] },
        overview: Vec::new(),
    };
    let tables = vec![table];
    let attestation = Attestation {
        redactions,
        previews_sha256: Some(preview::digest([&shown])),
        ..world.attestation(ENTITY, Disposition::Fulfilled, &parts, &tables)
    };
    Contribution { previews: vec![shown], ..world.contribution(&attestation, tables, parts) }
}

fn csv(rows: &str) -> Content {
    Content::csv("crm/customer-0001.csv", "customer", 3, rows.to_owned())
}

fn ndjson() -> Content {
    let rows = r#"{"id":1,"name":"Zoë","born":"[redacted:THIRD_PARTY]"}
{"id":2,"name":"[redacted:ACTOR]","born":"[redacted:THIRD_PARTY]"}
{"id":3,"name":"'[redacted:ACTOR]","born":"1990-01-01"}
"#;
    let media_type = "application/x-ndjson";
    Content { media_type, ..Content::csv("crm/customer-0001.ndjson", "customer", 3, rows.to_owned()) }
}

#[test]
fn an_archive_with_marks_is_authentic_and_says_what_is_hidden_and_why() {
    for content in [csv(ROWS), ndjson()] {
        let mut world = World::new(&[ENTITY]);
        let contribution = hides(&mut world, content, marked(), honest());
        let closed = world.close(&world.facts(), &[contribution]).unwrap();
        assert!(closed.bag.complete, "what is about others alone is not missing");
        let report = world.verify(&closed.bytes);
        assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
        let files = Forgery::of(&closed.bytes);
        let package = files.text("data/entities/acme-fr/datapackage.json");
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        let missing = &package["resources"][0]["schema"]["missingValues"];
        assert_eq!(*missing, serde_json::json!(["", "[redacted:THIRD_PARTY]", "[redacted:ACTOR]"]));
        let completeness: serde_json::Value = serde_json::from_str(&files.text("completeness.json")).unwrap();
        let counted = &completeness["entities"][0]["redactions"];
        assert_eq!(counted[0]["field"], "born");
        assert_eq!((&counted[0]["reason"], &counted[0]["count"]), (&"THIRD_PARTY".into(), &2.into()));
        let information: serde_json::Value = serde_json::from_str(&files.text("data/information.json")).unwrap();
        let restrictions = information["entities"][0]["restrictions"].as_array().unwrap();
        assert_eq!(restrictions.len(), 2);
        assert_eq!((&restrictions[0]["article"], &restrictions[0]["values"]), (&"15(4)".into(), &2.into()));
        let page = files.text("START-HERE.html");
        assert!(page.contains("2 values are hidden: data of other people."));
        assert!(page.contains("1 value is hidden: data of people whose matter you handled."));
        assert_eq!(page.matches("<td class=h>").count(), 3);
    }
}

#[test]
fn marks_that_were_not_attested_and_attested_ones_that_are_not_there_fail() {
    let lies = [
        Vec::new(),
        honest().split_off(1),
        vec![hidden("born", RedactionReason::ThirdParty, 1), hidden("name", RedactionReason::Actor, 1)],
        vec![hidden("born", RedactionReason::ThirdParty, 2), hidden("name", RedactionReason::Actor, 3)],
        vec![hidden("born", RedactionReason::ThirdParty, 2), hidden("id", RedactionReason::Actor, 1)],
    ];
    for mut said in lies {
        said.sort();
        let mut world = World::new(&[ENTITY]);
        let contribution = hides(&mut world, csv(ROWS), marked(), said.clone());
        let closed = world.close(&world.facts(), &[contribution]).unwrap();
        let report = world.verify(&closed.bytes);
        assert_eq!(report.verdict, Verdict::Failed, "{said:?}");
        assert!(errors(&report).contains("the marks of what is hidden"), "{}", errors(&report));
    }
}

#[test]
fn counts_that_cannot_be_true_close_no_archive() {
    let impossible = [
        // The table has no such field, has no mark of that reason, and fewer rows.
        (marked(), vec![hidden("other", RedactionReason::Actor, 1)]),
        (marked(), vec![hidden("name", RedactionReason::Shared, 1)]),
        (marked(), vec![hidden("name", RedactionReason::Actor, 4)]),
        (customer(), vec![hidden("name", RedactionReason::Actor, 1)]),
        // Nothing, the same twice, and out of order.
        (marked(), vec![hidden("name", RedactionReason::Actor, 0)]),
        (marked(), vec![hidden("name", RedactionReason::Actor, 1), hidden("name", RedactionReason::Actor, 1)]),
        (marked(), honest().into_iter().rev().collect()),
    ];
    for (table, said) in impossible {
        let mut world = World::new(&[ENTITY]);
        let contribution = hides(&mut world, csv(ROWS), table, said.clone());
        assert!(world.close(&world.facts(), &[contribution]).is_err(), "{said:?}");
    }
}

#[test]
fn an_answer_that_hides_what_may_be_the_persons_own_is_not_called_full() {
    let free_text = Table { marks: vec![RedactionReason::FreeText], ..customer() };
    let rows = ROWS.replace("THIRD_PARTY", "FREE_TEXT").replace("2,[redacted:ACTOR]", "2,Anna");
    let said = vec![hidden("born", RedactionReason::FreeText, 2)];
    let left_out = vec![Redaction { field: None, ..hidden("", RedactionReason::Actor, 5) }];
    for (table, rows, said) in [(free_text, rows.as_str(), said), (customer(), "1,a,\n2,b,\n3,c,\n", left_out)] {
        let mut world = World::new(&[ENTITY]);
        let parts = world.stage(ENTITY, vec![csv(rows)]);
        let tables = vec![table];
        let full =
            Attestation { redactions: said, ..world.attestation(ENTITY, Disposition::Fulfilled, &parts, &tables) };
        assert!(full.check().is_err());
        let mut partly = Attestation { disposition: Disposition::PartlyFulfilled, ..full };
        partly.answers[0].disposition = Disposition::PartlyFulfilled;
        assert!(partly.check().is_err(), "a partial answer says why");
        partly.answers[0].reason = Some("text that may speak of others is hidden".to_owned());
        let contribution = world.contribution(&partly, tables, parts);
        let closed = world.close(&world.facts(), &[contribution]).unwrap();
        assert!(!closed.bag.complete);
        let report = world.verify(&closed.bytes);
        assert_eq!(report.verdict, Verdict::Authentic, "{}", errors(&report));
    }
}
