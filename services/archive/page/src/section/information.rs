//! Purposes, bases, recipients, periods, sources and transfers as each entity recorded them (ACC-2 to ACC-6). What it did
//! not record is said, entity by entity.

use crate::html::{Fill, Html};
use crate::model::entity::Entity;
use crate::model::information::{Processing, System};
use crate::model::page::Page;
use crate::names;
use crate::standing;

/// Entities that hold data or recorded something.
fn entities<'p, 'a>(page: &'p Page<'a>) -> impl Iterator<Item = (usize, &'p Entity<'a>)> {
    let all = page.entities.iter().enumerate();
    all.filter(|(_, entity)| recorded(entity).is_some() || standing::holds_data(entity, page))
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
    for (index, entity) in entities(page) {
        html.raw("<div class=entity>\n<h3>").value(entity.legal_name).raw("</h3>\n");
        match recorded(entity) {
            Some(systems) => {
                for (place, system) in systems.iter().enumerate() {
                    write_system(html, entity, (index, place), system);
                }
            }
            None => {
                html.raw("<p>").phrase(words.nothing, &[("entity", Fill::Value(entity.legal_name))]);
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

fn write_system(html: &mut Html, entity: &Entity<'_>, place: (usize, usize), system: &System<'_>) {
    let words = &html.words.information;
    html.raw("<div class=system>\n<h4 id=s").id(place.0 + 1).raw("-").id(place.1 + 1).raw(">");
    html.value(system.name.filter(|name| !name.trim().is_empty()).unwrap_or(system.key)).raw("</h4>\n");
    if let Some(description) = system.description {
        html.raw("<p class=about>").value(description).raw("</p>\n");
    }
    html.raw("<div class=scroll role=group tabindex=0 aria-labelledby=s").id(place.0 + 1).raw("-").id(place.1 + 1);
    html.raw(">\n<table class=list>\n<thead><tr>");
    for column in [words.purpose, words.categories, words.basis, words.recipients, words.retention, words.sources] {
        html.raw("<th scope=col>").text(column);
    }
    html.raw("</thead>\n<tbody>\n");
    for processing in &system.processing {
        row(html, entity, processing);
    }
    if system.processing.is_empty() {
        row(html, entity, &Processing::default());
    }
    html.raw("</tbody>\n</table>\n</div>\n");
    rest(html, entity, system);
    html.raw("</div>\n");
}

fn row(html: &mut Html, entity: &Entity<'_>, processing: &Processing<'_>) {
    let words = &html.words.information;
    html.raw("<tr><th scope=row>");
    match processing.data_use {
        Some(purpose) => {
            term(html, purpose);
            if let Some(name) = processing.name {
                html.raw(" <small>").value(name).raw("</small>");
            }
        }
        None => match processing.name {
            Some(name) => {
                html.value(name);
            }
            None => not_recorded(html, entity),
        },
    }
    html.raw("<td>");
    terms(html, entity, &processing.categories);
    html.raw("<td>");
    terms(html, entity, processing.legal_basis.as_slice());
    if let Some(basis) = processing.special_category_basis {
        html.raw("<p><small>").text(words.special_basis).raw(":</small> ").value(basis).raw("</p>");
    }
    html.raw("<td>");
    texts(html, entity, &processing.recipients);
    html.raw("<td>");
    texts(html, entity, processing.retention_period.as_slice());
    html.raw("<td>");
    texts(html, entity, &processing.sources);
    html.raw("\n");
}

/// Transfers, joint controllers, automated decisions.
fn rest(html: &mut Html, entity: &Entity<'_>, system: &System<'_>) {
    let words = &html.words.information;
    html.raw("<dl class=rest>\n<div><dt>").text(words.transfers).raw("<dd>");
    match system.international_transfers {
        Some(true) => {
            html.text(words.transfers_yes).raw(". ").text(words.safeguards).raw(": ");
            texts(html, entity, &system.transfer_safeguards);
        }
        Some(false) => {
            html.text(words.transfers_no);
        }
        None => not_recorded(html, entity),
    }
    html.raw("</div>\n");
    if let Some(joint) = system.joint_controller {
        html.raw("<div><dt>").text(words.joint).raw("<dd>").value(joint).raw("</div>\n");
    }
    html.raw("<div><dt>").text(words.automated).raw("<dd>");
    not_recorded(html, entity);
    html.raw("</div>\n</dl>\n");
}

fn term(html: &mut Html, key: &str) {
    match names::term(key, html.words) {
        Some(name) => html.text(name),
        None => html.value(key),
    };
}

fn terms(html: &mut Html, entity: &Entity<'_>, keys: &[&str]) {
    if keys.is_empty() {
        return not_recorded(html, entity);
    }
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            html.raw(", ");
        }
        term(html, key);
    }
}

fn texts(html: &mut Html, entity: &Entity<'_>, texts: &[&str]) {
    if texts.is_empty() {
        return not_recorded(html, entity);
    }
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            html.raw(", ");
        }
        html.value(text);
    }
}

fn not_recorded(html: &mut Html, entity: &Entity<'_>) {
    let words = &html.words.information;
    html.raw("<em>").phrase(words.not_recorded, &[("entity", Fill::Value(entity.legal_name))]).raw("</em>");
}
