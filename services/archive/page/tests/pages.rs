//! The pages of the samples, read as bytes; what only a browser can tell is tested in one.

#[path = "../examples/samples/mod.rs"]
mod samples;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tributary_model::disposition::Disposition;
use tributary_page::{Page, render};

fn html(page: &Page<'_>) -> String {
    String::from_utf8(render(page)).expect("a page is UTF-8")
}

fn sample(name: &str) -> Page<'static> {
    samples::all().into_iter().find(|(known, _)| *known == name).expect("a sample by that name").1
}

/// What stands between `start` and `end`, the first time.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let rest = text.split_once(start).expect("the start").1;
    rest.split_once(end).expect("the end").0
}

#[test]
fn the_policy_allows_exactly_the_style_and_script_that_the_page_carries() {
    for (name, page) in samples::all() {
        let html = html(&page);
        let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
        let policy = between(&html, "Content-Security-Policy content=\"", "\"").replace("&#39;", "'");
        let style = hash(between(&html, "<style>", "</style>"));
        let script = hash(between(&html, "<script>", "</script>"));
        let expected = format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src 'self'; base-uri 'none'; \
             form-action 'none'"
        );
        assert_eq!(policy, expected, "{name}");
        assert_eq!(html.matches("<script").count(), 1, "{name}");
        assert_eq!(html.matches("<style").count(), 1, "{name}");
        assert!(html.find("<meta http-equiv").unwrap() < html.find("<style>").unwrap());
    }
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    for (name, page) in samples::all() {
        assert_eq!(render(&page), render(&page), "{name}");
    }
}

#[test]
fn nothing_on_the_page_points_outside_of_the_bag() {
    for (name, page) in samples::all() {
        let html = html(&page);
        for attribute in ["href=\"", "src=\""] {
            for rest in html.split(attribute).skip(1) {
                let address = rest.split_once('"').unwrap().0;
                assert!(
                    !address.contains(':') && !address.starts_with('/') && !address.contains(".."),
                    "{name}: {address}"
                );
            }
        }
    }
}

#[test]
fn every_disposition_is_told_in_every_language_with_who_says_so_and_what_comes_next() {
    for tag in ["en", "fr", "nl", "de", "es"] {
        let mut page = sample("normal-en");
        page.language = samples::language(tag);
        let model = page.entities[1].clone();
        page.entities = Disposition::ALL
            .map(|disposition| {
                let mut entity = model.clone();
                entity.disposition = disposition;
                entity.complete = disposition.is_complete();
                entity.legal_name = disposition.as_str();
                entity
            })
            .into();
        let html = html(&page);
        let missing = between(&html, "<section id=missing", "</section>");
        let answers = between(&html, "<section id=answers", "</section>");
        for disposition in Disposition::ALL {
            let name = format!(">{disposition}<");
            assert!(answers.contains(&name), "{tag} {disposition}");
            assert_eq!(missing.contains(&name), !disposition.is_complete(), "{tag} {disposition}");
        }
        let incomplete = Disposition::ALL.into_iter().filter(|disposition| !disposition.is_complete()).count();
        assert_eq!(missing.matches("<article").count(), incomplete);
        assert!(missing.find(">FAILED<").unwrap() < missing.find(">PARTLY_FULFILLED<").unwrap(), "worst first");
    }
}

#[test]
fn an_entity_that_hides_something_is_missing_even_when_it_is_called_complete() {
    let mut page = sample("complete");
    assert!(html(&page).contains("This is everything."));
    let gaps = sample("normal-en").entities[2].not_searched.clone();
    page.entities[0].not_searched = gaps;
    let html = html(&page);
    assert!(html.contains("This is not everything."));
    assert!(between(&html, "<section id=missing", "</section>").contains("paper-archive"));
}

#[test]
fn only_data_that_was_handed_over_is_said_to_be_in_the_archives() {
    let mut page = sample("normal-en");
    assert!(html(&page).contains("2 companies hold data about you, and the data is in the archives"));
    let french = &mut page.entities[2];
    french.disposition = Disposition::Refused;
    french.collections.clear();
    french.in_archive = None;
    assert!(html(&page).contains("1 company holds data about you, and the data is in the archives"));
}

#[test]
fn a_case_in_which_nobody_holds_anything_says_so_and_shows_the_signed_answers() {
    let html = html(&sample("empty"));
    assert!(html.contains("No company holds personal data about you."));
    assert!(html.contains("Nothing is missing"));
    assert!(html.contains("Holds no data") && html.contains("the company, signed"));
    assert!(!html.contains("<section id=data"));
}

#[test]
fn an_addendum_tells_its_place_and_every_archive_that_is_missing_before_it() {
    let page = sample("addendum");
    let html = html(&page);
    let chain = between(&html, "<section id=chain", "</section>");
    assert!(chain.contains("No.\u{a0}2 is missing from this record"));
    assert_eq!(chain.matches("<li").count(), 4);
    assert!(html.contains("This is archive no.\u{a0}4 of your request"));
    assert!(html.contains("in archive no.\u{a0}1"), "whose data came before is told");
}

#[test]
fn a_record_of_the_chain_that_lies_about_its_length_makes_no_long_page() {
    let mut page = sample("addendum");
    page.sequence = u32::MAX;
    page.earlier.clear();
    assert!(render(&page).len() < 100_000);
}

#[test]
fn a_preview_says_how_much_of_how_much_it_shows_in_the_persons_language() {
    for (name, text) in [
        ("normal-en", "60 of 12,345 rows shown."),
        ("normal-fr", "60 sur 12\u{202f}345 lignes sont affichées."),
        ("normal-nl", "60 van 12.345 rijen getoond."),
        ("normal-de", "60 von 12.345 Zeilen werden gezeigt."),
        ("normal-es", "Se muestran 60 de 12.345 filas."),
    ] {
        assert!(html(&sample(name)).contains(text), "{name}");
    }
}

#[test]
fn a_label_in_another_language_than_the_page_says_which() {
    let mut page = sample("normal-en");
    page.language = samples::language("it");
    let label = samples::label(&[("nl", "Klantgegevens")], page.language);
    page.entities[0].collections[0].title = label;
    let html = html(&page);
    assert!(html.contains("<html lang=\"en\">"));
    assert!(html.contains("<bdi lang=\"nl\">Klantgegevens</bdi>"));
}

#[test]
fn what_an_entity_did_not_record_is_said_by_its_name() {
    let html = html(&sample("normal-en"));
    let information = between(&html, "<section id=information", "</section>");
    assert!(information.contains("not recorded by <bdi>Halden België NV</bdi>"));
    assert!(information.contains("<bdi>Halden France SAS</bdi> recorded nothing about why and how"));
}

#[test]
fn a_thousand_entities_each_have_their_line() {
    let page = sample("entities-1000");
    let html = html(&page);
    let answers = between(&html, "<section id=answers", "</section>");
    assert_eq!(answers.matches("<tr>").count(), 1_001);
    assert!(html.contains("Something is missing from 50 of 1,000 companies."));
}

#[test]
fn what_is_hidden_because_of_others_is_counted_with_its_reason_in_the_persons_language() {
    let said = [
        ("fr", "masqué", "1 valeur est masquée: texte qui peut", "2 lignes sont omises"),
        ("nl", "verborgen", "1 waarde is verborgen: tekst die", "2 rijen zijn weggelaten"),
        ("de", "ausgeblendet", "1 Wert ist ausgeblendet: Text, der", "2 Zeilen sind ausgelassen"),
        ("es", "oculto", "1 valor está oculto: texto que", "2 filas se han omitido"),
        ("en", "hidden", "1 value is hidden: text that", "2 rows are left out"),
    ];
    for (language, cell, values, rows) in said {
        let html = html(&sample(&format!("normal-{language}")));
        assert!(html.contains(&format!("<td class=h>{cell}")), "{language}");
        // Once for the company, and once for each of its tables that two companies have.
        assert_eq!((html.matches(values).count(), html.matches(rows).count()), (3, 3), "{language}");
        assert!(html.contains("Art. 15") || html.contains("art. 15"), "{language}");
    }
    assert!(!html(&sample("empty")).contains("class=held"));
}
