//! The data of each entity: its collections, its documents, and where the rest of a case's data is.

use tributary_model::disposition::Disposition;

use super::collection::{self, Look};
use super::{files, hidden};
use crate::html::{Fill, Html};
use crate::model::collection::Collection;
use crate::model::entity::Entity;
use crate::model::page::Page;
use crate::names;
use crate::standing;

/// Up to how many collections the page opens with all of them unfolded.
const FEW: usize = 12;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let shown = |entity: &&Entity<'_>| standing::has_data(entity) || standing::elsewhere(entity, page).is_some();
    if !page.entities.iter().any(|entity| shown(&entity)) {
        return;
    }
    let words = &html.words.data;
    html.raw("<section id=data aria-labelledby=data-title>\n<h2 id=data-title>").text(words.title).raw("</h2>\n<p>");
    html.text(words.intro).raw(" ").text(words.no_value).raw("</p>\n");
    let unfold = page.entities.iter().map(|entity| entity.collections.len()).sum::<usize>() <= FEW;
    for (index, entity) in page.entities.iter().enumerate().filter(|(_, entity)| shown(entity)) {
        write_entity(html, page, index, entity, unfold);
    }
    html.raw("</section>\n");
}

fn write_entity(html: &mut Html, page: &Page<'_>, index: usize, entity: &Entity<'_>, unfold: bool) {
    let words = html.words;
    html.raw("<div class=entity>\n<h3 id=e").id(index + 1).raw(">").name(entity.legal_name).raw(" <small>");
    html.text(names::country(entity.country, words)).raw("</small></h3>\n");
    if let Some(sequence) = standing::elsewhere(entity, page) {
        html.raw("<p>").phrase(words.data.in_archive, &[("number", Fill::Count(sequence.into()))]);
        html.raw("</p>\n</div>\n");
        return;
    }
    html.raw("<p class=sum>");
    if entity.disposition != Disposition::Fulfilled {
        standing::badge(html, entity.disposition);
        html.raw(" ");
    }
    if !entity.collections.is_empty() {
        html.counted(&words.counts.kinds, entity.collections.len() as u64).raw(". ");
    }
    if let Some(at) = entity.answers.iter().filter_map(|answer| answer.snapshot_at).min() {
        html.phrase(words.data.as_of, &[("time", Fill::Time(at))]);
    }
    html.raw("</p>\n");
    hidden::explained(html, &entity.hidden);
    // Where nobody named a system for people, its key would only be one more word to puzzle over.
    let grouped = entity.collections.iter().any(|collection| collection.dataset_title.is_some());
    let mut above = None;
    for (place, collection) in entity.collections.iter().enumerate() {
        if grouped && above.replace(collection.dataset) != Some(collection.dataset) {
            dataset(html, collection);
        }
        collection::write(html, page, entity, (index, place), collection, Look { unfold, grouped });
    }
    files::attachments(html, entity);
    html.raw("<p class=back><a href=\"#answers\">").text(words.data.jump_back).raw("</a></p>\n</div>\n");
}

/// The heading of the collections of one dataset; its key where it has no name.
fn dataset(html: &mut Html, first: &Collection<'_>) {
    html.raw("<h4 class=dataset>");
    match &first.dataset_title {
        Some(title) => html.named(title),
        None => html.name(first.dataset),
    };
    html.raw("</h4>\n");
    if let Some(description) = &first.dataset_description {
        html.raw("<p class=about>").said(description).raw("</p>\n");
    }
}
