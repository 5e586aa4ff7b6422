//! Every entity of the roster in one table, so that none can be overlooked and missing never reads as empty (GRP-6).

use tributary_model::disposition::Source;

use crate::html::{Fill, Html};
use crate::model::entity::Entity;
use crate::model::page::Page;
use crate::names;
use crate::standing;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.answers;
    html.raw("<section id=answers aria-labelledby=answers-title>\n<h2 id=answers-title>").text(words.title);
    html.raw("</h2>\n<p>")
        .text(words.intro)
        .raw("</p>\n<div class=scroll role=group tabindex=0 aria-labelledby=answers-table>\n");
    html.raw("<table class=list>\n<caption id=answers-table>").text(words.title).raw("</caption>\n<thead><tr>");
    for column in [words.company, words.answer, words.data, words.who] {
        html.raw("<th scope=col>").text(column);
    }
    html.raw("</thead>\n<tbody>\n");
    for (index, entity) in page.entities.iter().enumerate() {
        row(html, page, index, entity);
    }
    html.raw("</tbody>\n</table>\n</div>\n</section>\n");
}

fn row(html: &mut Html, page: &Page<'_>, index: usize, entity: &Entity<'_>) {
    let words = html.words;
    html.raw("<tr><th scope=row>");
    if standing::is_missing(entity) {
        html.raw("<a href=\"#m").id(index + 1).raw("\">").name(entity.legal_name).raw("</a>");
    } else {
        html.name(entity.legal_name);
    }
    html.raw(" <small>").text(names::country(entity.country, words)).raw("</small><td>");
    standing::badge(html, entity.disposition);
    html.raw("<td>");
    if standing::has_data(entity) {
        html.raw("<a href=\"#e").id(index + 1).raw("\">").text(words.answers.here).raw("</a>");
    } else if let Some(sequence) = standing::elsewhere(entity, page) {
        html.phrase(words.answers.elsewhere, &[("number", Fill::Count(sequence.into()))]);
    } else if standing::is_missing(entity) {
        html.text(words.answers.not_here);
    } else {
        html.text(words.answers.none);
    }
    html.raw("<td>").text(match entity.disposition.source() {
        Source::Entity => words.answers.who_entity,
        Source::Observed => words.answers.who_observed,
        Source::Decided => words.answers.who_decided,
    });
    html.raw("\n");
}
