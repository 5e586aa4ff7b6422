//! Purposes, bases, recipients, periods, sources and transfers as each entity recorded them (ACC-2 to ACC-6). What it did
//! not record is said, entity by entity.

use crate::html::{Fill, Html};
use crate::model::entity::Entity;
use crate::model::information::{Processing, System};
use crate::model::page::Page;
use crate::names;
use crate::standing;

/// Entities that hold data or recorded something.
fn entities<'p, 'a>(page: &'p Page<'a>) -> impl Iterator<Item = &'p Entity<'a>> {
    page.entities.iter().filter(|entity| recorded(entity).is_some() || standing::holds_data(entity, page))
}

fn recorded<'e, 'a>(entity: &'e Entity<'a>) -> Option<&'e [System<'a>]> {
    entity.information.as_ref().map(|information| information.systems.as_slice()).filter(|systems| !systems.is_empty())
}

/// Whether there is anyone of whom to say something.
pub(crate) fn is_shown(page: &Page<'_>) -> bool {
    entities(page).next().is_some()
}

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    if !is_shown(page) {
        return;
    }
    let words = &html.words.information;
    html.raw("<section id=information aria-labelledby=information-title>\n<h2 id=information-title>");
    html.text(words.title).raw("</h2>\n<p>").text(words.intro).raw("</p>\n");
    for entity in entities(page) {
        html.raw("<div class=entity>\n<h3>").name(entity.legal_name).raw("</h3>\n");
        match recorded(entity) {
            Some(systems) => {
                for system in systems {
                    write_system(html, entity, system);
                }
            }
            None => {
                html.raw("<p>").phrase(words.nothing, &[("entity", Fill::Name(entity.legal_name))]);
                if let Some(contact) = entity.contact {
                    html.raw(" ").value(contact);
                }
                html.raw("</p>\n");
            }
        }
        html.raw("</div>\n");
    }
    html.raw("</section>\n");
}

fn write_system(html: &mut Html, entity: &Entity<'_>, system: &System<'_>) {
    html.raw("<div class=system>\n<h4>")
        .value(system.name.filter(|name| !name.trim().is_empty()).unwrap_or(system.key))
        .raw("</h4>\n");
    if let Some(description) = system.description {
        html.raw("<p class=about>").value(description).raw("</p>\n");
    }
    for processing in &system.processing {
        write_processing(html, entity, processing);
    }
    if system.processing.is_empty() {
        write_processing(html, entity, &Processing::default());
    }
    transfers(html, entity, system);
    html.raw("</div>\n");
}

/// One processing: what is recorded, line by line, and in one line what is not.
fn write_processing(html: &mut Html, entity: &Entity<'_>, processing: &Processing<'_>) {
    let words = &html.words.information;
    let mut lacking = Vec::new();
    html.raw("<dl class=facts-of>\n");
    purpose(html, processing, &mut lacking);
    terms(html, words.categories, &processing.categories, &mut lacking);
    terms(html, words.basis, processing.legal_basis.as_slice(), &mut lacking);
    if let Some(basis) = processing.special_category_basis {
        html.raw("<div><dt>").text(words.basis).raw(" <small>").text(words.special_basis).raw("</small><dd>");
        html.value(basis).raw("</div>\n");
    }
    texts(html, words.recipients, &processing.recipients, &mut lacking);
    texts(html, words.retention, processing.retention_period.as_slice(), &mut lacking);
    texts(html, words.sources, &processing.sources, &mut lacking);
    not_recorded(html, entity, &lacking);
    html.raw("</dl>\n");
}

fn purpose(html: &mut Html, processing: &Processing<'_>, lacking: &mut Vec<&'static str>) {
    let words = &html.words.information;
    if processing.data_use.is_none() {
        lacking.push(words.purpose);
    }
    let Some(named) = processing.data_use.or(processing.name) else { return };
    html.raw("<div class=purpose><dt>").text(words.purpose).raw("<dd><strong>");
    term(html, named);
    html.raw("</strong>");
    if let (Some(_), Some(name)) = (processing.data_use, processing.name) {
        html.raw(" <small>").value(name).raw("</small>");
    }
    html.raw("</div>\n");
}

/// Transfers, joint controllers, automated decisions.
fn transfers(html: &mut Html, entity: &Entity<'_>, system: &System<'_>) {
    let words = &html.words.information;
    let mut lacking = Vec::new();
    html.raw("<dl class=facts-of>\n");
    match system.international_transfers {
        Some(true) => {
            html.raw("<div><dt>").text(words.transfers).raw("<dd>").text(words.transfers_yes).raw("</div>\n");
            texts(html, words.safeguards, &system.transfer_safeguards, &mut lacking);
        }
        Some(false) => {
            html.raw("<div><dt>").text(words.transfers).raw("<dd>").text(words.transfers_no).raw("</div>\n");
        }
        None => lacking.push(words.transfers),
    }
    texts(html, words.joint, system.joint_controller.as_slice(), &mut Vec::new());
    lacking.push(words.automated);
    not_recorded(html, entity, &lacking);
    html.raw("</dl>\n");
}

fn term(html: &mut Html, key: &str) {
    match names::term(key, html.words) {
        Some(name) => html.text(name),
        None => html.value(key),
    };
}

fn terms(html: &mut Html, name: &'static str, keys: &[&str], lacking: &mut Vec<&'static str>) {
    list(html, name, keys, lacking, term);
}

fn texts(html: &mut Html, name: &'static str, texts: &[&str], lacking: &mut Vec<&'static str>) {
    list(html, name, texts, lacking, |html, text| {
        html.value(text);
    });
}

fn list(
    html: &mut Html,
    name: &'static str,
    items: &[&str],
    lacking: &mut Vec<&'static str>,
    item: impl Fn(&mut Html, &str),
) {
    if items.is_empty() {
        lacking.push(name);
        return;
    }
    html.raw("<div><dt>").text(name).raw("<dd>");
    for (at, text) in items.iter().enumerate() {
        if at > 0 {
            html.raw(", ");
        }
        item(html, text);
    }
    html.raw("</div>\n");
}

fn not_recorded(html: &mut Html, entity: &Entity<'_>, lacking: &[&'static str]) {
    if lacking.is_empty() {
        return;
    }
    let words = &html.words.information;
    html.raw("<div class=lacking><dt>").phrase(words.not_recorded, &[("entity", Fill::Name(entity.legal_name))]);
    html.raw("<dd>");
    for (at, name) in lacking.iter().enumerate() {
        html.raw(if at > 0 { " · " } else { "" }).text(name);
    }
    html.raw("</div>\n");
}
