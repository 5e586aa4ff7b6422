//! The letter: what was asked, when, who answers, and whether this is everything (ACC-1, PRC-2).

use tributary_model::disposition::Disposition;

use crate::html::{Fill, Html};
use crate::model::entity::Entity;
use crate::model::page::Page;
use crate::standing;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = html.words;
    let letter = &words.letter;
    html.raw("<section id=letter tabindex=-1 aria-labelledby=verdict>\n<div class=text>\n<p>").text(letter.greeting);
    html.raw("</p>\n<p>");
    html.phrase(letter.received, &[("date", Fill::Day(page.received_at)), ("group", Fill::Name(page.group))]);
    html.raw("</p>\n");
    if page.sequence > 1 {
        html.raw("<p>").phrase(letter.supplement, &[("number", Fill::Count(page.sequence.into()))]).raw("</p>\n");
    }
    verdict(html, page);
    html.raw("<p>");
    html.phrase(letter.assembled, &[("operator", Fill::Name(page.operator)), ("date", Fill::Day(page.assembled_at))]);
    let handed = |entity: &&Entity<'_>| standing::has_data(entity) || standing::elsewhere(entity, page).is_some();
    let handed_over = page.entities.iter().filter(handed).count() as u64;
    if handed_over > 0 {
        html.raw(" ").counted(&words.counts.holding, handed_over);
    }
    html.raw("</p>\n<p>").text(letter.closing).raw("</p>\n</div>\n");
    facts(html, page);
    html.raw("</section>\n");
}

/// Whether this is everything, in large letters.
fn verdict(html: &mut Html, page: &Page<'_>) {
    let words = html.words;
    let letter = &words.letter;
    let total = page.entities.len() as u64;
    let all_empty = page.entities.iter().all(|entity| entity.disposition == Disposition::NoData);
    if !standing::is_complete(page) {
        let missing = page.entities.iter().filter(|entity| standing::is_missing(entity)).count() as u64;
        html.raw("<div class=\"verdict gap\">\n<h2 id=verdict>").text(letter.incomplete_title).raw("</h2>\n<p>");
        let fills = [("missing", Fill::Count(missing)), ("companies", Fill::Counted(&words.counts.companies, total))];
        html.phrase(letter.incomplete, &fills).raw("</p>\n<p>").text(letter.look_below);
        if page.entities.iter().any(|entity| standing::is_missing(entity) && standing::may_answer_later(entity)) {
            html.raw(" ").text(letter.later);
        }
    } else if all_empty {
        html.raw("<div class=\"verdict none\">\n<h2 id=verdict>").text(letter.complete_none_title).raw("</h2>\n<p>");
        html.text(letter.complete_none);
    } else {
        html.raw("<div class=\"verdict full\">\n<h2 id=verdict>").text(letter.complete_title).raw("</h2>\n<p>");
        html.counted(&words.counts.answered, total);
    }
    html.raw("</p>\n</div>\n");
}

/// Dates and numbers of the case.
fn facts(html: &mut Html, page: &Page<'_>) {
    let words = html.words;
    html.raw("<dl class=facts>\n<div><dt>").text(words.letter.fact_received).raw("<dd>").day(page.received_at);
    html.raw("</div>\n<div><dt>").text(words.letter.fact_due).raw("<dd>").day(page.delivery_date);
    html.raw("</div>\n<div><dt>").text(words.letter.fact_assembled).raw("<dd>").day(page.assembled_at);
    html.raw("</div>\n<div><dt>").text(words.frame.case_number).raw("<dd>").name(&page.case).raw("</div>\n");
    if let Some(reference) = page.request_ref {
        html.raw("<div><dt>").text(words.frame.reference).raw("<dd>").name(reference).raw("</div>\n");
    }
    html.raw("</dl>\n");
}
