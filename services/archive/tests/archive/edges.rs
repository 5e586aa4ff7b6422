//! Cases at the edges: nobody holds anything, a thousand entities, tens of thousands of files, labels in any script.

use std::io::Cursor;

use tributary_archive::bag::{BuildError, Contribution};
use tributary_archive::information::{InformationFile, RecordState};
use tributary_archive::part::PartPath;
use tributary_archive::preview::{self, PreviewCell};
use tributary_archive::show::{Chain, LinkState, show};
use tributary_archive::table::{Code, FieldKind, Labels, Table};
use tributary_archive::verify::Verdict;
use tributary_model::disposition::Disposition;
use tributary_model::language::Texts;

use crate::forge::Forgery;
use crate::world::{Content, World, customer, errors, sample_contents, sample_previews};

fn authentic(world: &World, contributions: &[Contribution]) -> Forgery {
    let closed = world.close(&world.facts(), contributions).unwrap();
    let report = world.verify(&closed.bytes);
    assert_eq!((report.verdict, errors(&report).as_str()), (Verdict::Authentic, ""));
    Forgery::of(&closed.bytes)
}

#[test]
fn an_archive_of_nothing_still_says_who_was_asked_and_which_rights_there_are() {
    let world = World::new(&["acme-be", "acme-fr"]);
    let files = authentic(&world, &["acme-be", "acme-fr"].map(|id| world.says(id, Disposition::NoData)));
    let page = files.text("START-HERE.html");
    assert!(page.contains("acme-be société") && page.contains("acme-fr société"), "every entity is on the page");
    let information: InformationFile = serde_json::from_str(&files.text("data/information.json")).unwrap();
    assert!(information.rights.iter().any(|right| right.article == "77"));
    for entity in information.entities {
        assert_eq!((entity.state, entity.authority.as_str()), (RecordState::NotGiven, "CNIL"));
        assert!(entity.not_recorded.is_empty(), "nothing was processed that these facts would go with");
    }
}

#[test]
fn a_group_of_a_thousand_entities_closes_verifies_and_shows() {
    let ids: Vec<String> = (0..1_000).map(|number| format!("acme-{number:04}")).collect();
    let mut world = World::new(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut contributions = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        contributions.push(match number % 4 {
            0 => {
                let contents = sample_contents();
                world.presents(id, contents, sample_previews(), None)
            }
            1 => world.says(id, Disposition::NoData),
            2 => world.observed(id, Disposition::TimedOut),
            _ => world.says(id, Disposition::Refused),
        });
    }
    let closed = world.close(&world.facts(), &contributions).unwrap();
    assert_eq!(world.verify(&closed.bytes).verdict, Verdict::Authentic);
    let summary = show(&mut Cursor::new(&closed.bytes)).unwrap();
    assert_eq!(summary.entities.len(), 1_000);
    assert_eq!(summary.entities.iter().filter(|entity| !entity.collections.is_empty()).count(), 250);
}

#[test]
fn one_person_with_fifty_thousand_files_gets_them_all() {
    let mut world = World::new(&["acme-fr"]);
    let contents = (0..50_000).map(|number| Content {
        path: PartPath::encode(&["crm", "notes", &format!("{number:06}.txt")]),
        ..Content::attachment("x", "notes", "text/plain", b"a note")
    });
    let contribution = world.hands_over("acme-fr", contents.collect());
    let closed = world.close(&world.facts(), &[contribution]).unwrap();
    let report = world.verify(&closed.bytes);
    assert_eq!((report.verdict, errors(&report).as_str()), (Verdict::Authentic, ""));
    let files = Forgery::of(&closed.bytes);
    assert!(files.get("START-HERE.html").size < 2 << 20, "the page names some of them, and where the others are");
    let listed = files.text("data/ro-crate-metadata.json").matches("\"@type\": \"File\"").count();
    assert_eq!(listed, 50_000 + 4);
}

#[test]
fn labels_in_any_script_come_through_unchanged() {
    let texts = |text: &str| Texts([("he".parse().unwrap(), text.to_owned())].into());
    let mut table = Table {
        labels: Labels { titles: texts("לקוחות"), descriptions: texts("כל הלקוחות") },
        dataset_labels: Labels {
            titles: texts("מערכת הלקוחות"), descriptions: texts("מה שאנו יודעים")
        },
        ..customer()
    };
    table.fields[1].labels.titles = texts("שם ‏(פרטי)");
    table.fields[1].codes = vec![Code { value: "א".to_owned(), labels: texts("ראשון") }];
    let mut world = World::new(&["acme-fr"]);
    let contents = vec![Content::csv("c.csv", "customer", 2, "id,name,born\n1,א,\n2,ב,\n".to_owned())];
    let contribution = world.describes("acme-fr", contents, vec![table], sample_previews().split_off(1), None);
    let files = authentic(&world, &[contribution]);
    let package = files.text("data/entities/acme-fr/datapackage.json");
    assert!(package.contains("לקוחות") && package.contains("שם ‏(פרטי)") && package.contains("ראשון"));
    assert!(
        package.contains("מערכת הלקוחות") && package.contains("מה שאנו יודעים"),
        "read back, since it is authentic"
    );
    let page = files.text("START-HERE.html");
    let (heading, rest) = page.split_once("מערכת הלקוחות").unwrap();
    assert!(heading.trim_end().ends_with('>') && rest.contains("מה שאנו יודעים") && rest.contains("לקוחות"));
}

#[test]
fn a_column_of_seconds_that_means_a_day_is_shown_as_one() {
    let mut table = customer();
    table.fields[2].kind = FieldKind::Integer;
    table.fields[2].shown_as = Some(FieldKind::Date);
    let mut world = World::new(&["acme-fr"]);
    let contents = vec![Content::csv("c.csv", "customer", 1, "id,name,born\n1,a,468547200\n".to_owned())];
    let mut preview = sample_previews().split_off(1);
    preview[0].rows = vec![["1", "a", "1984-11-06"].map(|text| PreviewCell::Text(text.to_owned())).into()];
    preview[0].total_rows = 1;
    let contribution = world.describes("acme-fr", contents, vec![table], preview, None);
    let files = authentic(&world, &[contribution]);
    assert!(files.text("data/entities/acme-fr/datapackage.json").contains(r#""shownAs": "date""#));
    assert!(files.text("START-HERE.html").contains("<td>6 Nov 1984"));
}

#[test]
fn an_agent_that_sent_no_previews_hides_nothing() {
    let mut world = World::new(&["acme-fr"]);
    let contribution = world.hands_over("acme-fr", sample_contents());
    let files = authentic(&world, &[contribution]);
    assert!(files.files.iter().all(|file| !file.path.ends_with("previews.ndjson")));
    assert!(files.text("START-HERE.html").contains("crm/customer-0001.csv"), "the files are named all the same");
    let information: InformationFile = serde_json::from_str(&files.text("data/information.json")).unwrap();
    assert_eq!(information.entities[0].state, RecordState::NothingRecorded);
    let articles: Vec<&str> = information.entities[0].not_recorded.iter().map(|gap| gap.article.as_str()).collect();
    assert_eq!(articles, ["15(1)(a)", "15(1)(b)", "15(1)(c)", "15(1)(d)", "15(1)(g)", "15(2)", "15(1)(h)"]);
}

#[test]
fn previews_that_lie_are_not_built_even_when_they_are_attested() {
    let lie = |change: &dyn Fn(&mut Vec<preview::Preview>), why: &str| {
        let mut world = World::new(&["acme-fr"]);
        let mut previews = sample_previews();
        change(&mut previews);
        let contribution = world.presents("acme-fr", sample_contents(), previews, None);
        let error = world.close(&world.facts(), &[contribution]).err().unwrap_or_else(|| panic!("built: {why}"));
        assert!(matches!(error, BuildError::Previews { .. }) && error.to_string().contains(why), "{error}");
    };
    lie(&|p| p[0].total_rows = 3, "its rows are not those");
    lie(&|p| p[1].rows[0].truncate(2), "its cells are not those");
    lie(&|p| p[1].collection = "nothing".to_owned(), "without table parts");
    lie(&|p| p.push(p[0].clone()), "one for each");
    lie(&|p| p[0].rows[0][1] = preview::PreviewCell::File { file: "elsewhere".to_owned() }, "names a file");
    lie(&|p| p[0].overview[0].field = "none".to_owned(), "a field that the table lacks");
    lie(&|p| p[0].overview[0].values = vec!["x".repeat(257)], "more overview");
    lie(&|p| p[0].rows[0][0] = preview::PreviewCell::Text("x".repeat(preview::MAX_BYTES)), "more bytes");
    let mut world = World::new(&["acme-fr"]);
    let mut contribution = world.presents("acme-fr", sample_contents(), sample_previews(), None);
    contribution.previews.pop();
    let error = world.close(&world.facts(), &[contribution]).err().unwrap().to_string();
    assert!(error.contains("not the attested ones"), "{error}");
}

#[test]
fn a_chain_tells_which_link_is_missing() {
    let (world, contributions) = World::sample();
    let first = show(&mut Cursor::new(world.close(&world.facts(), &contributions).unwrap().bytes)).unwrap();
    let mut second = first.clone();
    second.sequence = 3;
    let earlier = |sequence, digest| tributary_archive::bag::EarlierArchive {
        sequence,
        tagmanifest_sha256: digest,
        assembled_at: first.assembled_at,
        complete: false,
    };
    let digest = first.tagmanifest_sha256.unwrap();
    second.earlier = vec![earlier(1, digest), earlier(2, digest)];
    let states = |archives: &[(String, tributary_archive::show::Summary)]| {
        let chain = Chain::of(archives).unwrap();
        (chain.links.iter().map(|link| link.state).collect::<Vec<_>>(), chain.is_whole())
    };
    let given = |summary: &tributary_archive::show::Summary| ("x.zip".to_owned(), summary.clone());
    let expected = vec![LinkState::Given, LinkState::Missing, LinkState::Given];
    assert_eq!(states(&[given(&second), given(&first)]), (expected, false));
    assert_eq!(states(&[given(&first)]), (vec![LinkState::Given], true));
    second.earlier[0] = earlier(1, tributary_archive::digest::Sha256Hex::of(b"other"));
    assert_eq!(states(&[given(&first), given(&second)]).0[0], LinkState::Other);
    assert!(Chain::of(&[given(&first), given(&first)]).is_err() && Chain::of(&[]).is_err());
}
