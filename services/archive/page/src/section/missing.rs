//! What is missing and why, before any data (GRP-6): each entity with its state, who says so, the reason, what was not
//! searched, what happens next, its contact and its authority (PRC-4, PRC-5).

use tributary_model::disposition::Source;

use crate::html::{Fill, Html};
use crate::model::entity::{Answer, Entity, Gap, Observed};
use crate::model::page::Page;
use crate::names;
use crate::standing;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.missing;
    html.raw("<section id=missing aria-labelledby=missing-title>\n<h2 id=missing-title>");
    if standing::is_complete(page) {
        html.text(words.nothing_title).raw("</h2>\n<p>").text(words.nothing).raw("</p>\n</section>\n");
        return;
    }
    html.text(words.title).raw("</h2>\n<p>").text(words.intro).raw("</p>\n<div class=cards>\n");
    let all = page.entities.iter().enumerate();
    let mut missing: Vec<_> = all.filter(|(_, entity)| standing::is_missing(entity)).collect();
    // Dispositions are ordered worst first.
    missing.sort_by_key(|(_, entity)| entity.disposition);
    for (index, entity) in missing {
        card(html, page, index, entity);
    }
    html.raw("</div>\n</section>\n");
}

fn card(html: &mut Html, page: &Page<'_>, index: usize, entity: &Entity<'_>) {
    let words = html.words;
    html.raw("<article class=card id=m").id(index + 1).raw(">\n<h3>").name(entity.legal_name).raw(" <small>");
    html.text(names::country(entity.country, words)).raw("</small></h3>\n<p>");
    standing::badge(html, entity.disposition);
    html.raw(" ").text(words.states.of(entity.disposition).sentence).raw("</p>\n<dl>\n");
    reasons(html, entity);
    gaps(html, &entity.not_searched);
    html.raw("<div><dt>").text(words.missing.said_by).raw("<dd>");
    said_by(html, page, entity);
    html.raw("</div>\n<div><dt>").text(words.missing.next).raw("<dd>").text(words.states.next(entity.disposition));
    if let Some(at) = entity.next_at {
        html.raw(" <strong>").phrase(words.missing.next_date, &[("date", Fill::Day(at))]).raw("</strong>");
    }
    html.raw("</div>\n");
    place(html, words.missing.contact, entity.contact);
    place(html, words.missing.authority, entity.authority);
    html.raw("</dl>\n</article>\n");
}

fn place(html: &mut Html, name: &'static str, text: Option<&str>) {
    html.raw("<div><dt>").text(name).raw("<dd>");
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => html.value(text),
        None => html.text(html.words.missing.not_recorded),
    };
    html.raw("</div>\n");
}

/// Reasons: the rule by which nobody asked, what was seen, or what the entity wrote with its answers.
fn reasons(html: &mut Html, entity: &Entity<'_>) {
    let words = html.words;
    let rule = entity.rule.and_then(|rule| words.states.rule(rule));
    let given: Vec<&Answer<'_>> = entity.answers.iter().filter(|answer| answer.reason.is_some()).collect();
    let seen = entity.observed.as_ref().map(|observed| observed.reason.as_ref()).filter(|reason| !reason.is_empty());
    if rule.is_none() && given.is_empty() && seen.is_none() {
        return;
    }
    html.raw("<div><dt>").text(words.missing.reason).raw("<dd><ul>\n");
    if let Some(rule) = rule {
        html.raw("<li>").text(rule).raw("\n");
    } else if let Some(seen) = seen {
        html.raw("<li lang=en dir=auto>").value_text(seen).raw("\n");
    }
    for answer in given {
        html.raw("<li>").name(answer.dataset);
        if let Some(controller) = answer.controller {
            html.raw(", ").phrase(words.missing.for_controller, &[("controller", Fill::Name(controller))]);
        }
        html.raw(": ").text(words.states.of(answer.disposition).name).raw(". ");
        html.value(answer.reason.unwrap_or_default()).raw("\n");
    }
    html.raw("</ul></div>\n");
}

/// What was not searched although personal data may lie there.
fn gaps(html: &mut Html, gaps: &[Gap<'_>]) {
    let words = html.words;
    let mut hidden = gaps.iter().filter(|gap| gap.reason.hides_personal_data()).peekable();
    if hidden.peek().is_none() {
        return;
    }
    html.raw("<div><dt>").text(words.missing.not_searched).raw("<dd><ul>\n");
    for gap in hidden {
        html.raw("<li>");
        match gap.collection {
            Some(collection) => html.name(gap.dataset).raw(" / ").name(collection),
            None => html.phrase(words.missing.whole_dataset, &[("dataset", Fill::Name(gap.dataset))]),
        };
        html.raw(": ").text(words.gaps.of(gap.reason)).raw(".");
        if !gap.detail.trim().is_empty() {
            html.raw(" <small>").value(gap.detail).raw("</small>");
        }
        html.raw("\n");
    }
    html.raw("</ul></div>\n");
}

fn said_by(html: &mut Html, page: &Page<'_>, entity: &Entity<'_>) {
    let words = html.words;
    let entity_name = ("entity", Fill::Name(entity.legal_name));
    let operator = ("operator", Fill::Name(page.operator));
    match (entity.disposition.source(), entity.attested_at, &entity.observed) {
        (Source::Entity, Some(at), _) => {
            html.phrase(words.missing.signed, &[entity_name, ("time", Fill::Time(at))]);
        }
        (Source::Entity, None, _) => {
            html.phrase(words.missing.signed_undated, &[entity_name]);
        }
        (Source::Decided, ..) => {
            html.text(words.missing.decided);
        }
        (Source::Observed, _, None) => {
            html.phrase(words.missing.observed_undated, &[operator]);
        }
        (Source::Observed, _, Some(observed)) => {
            html.phrase(words.missing.observed, &[operator, ("time", Fill::Time(observed.since))]);
            attempts(html, observed);
        }
    }
}

fn attempts(html: &mut Html, observed: &Observed<'_>) {
    if observed.attempts > 0 {
        let words = html.words;
        html.raw(" (").counted(&words.counts.attempts, observed.attempts.into());
        if let Some(at) = observed.last_attempt {
            html.raw(", ").phrase(words.missing.last_attempt, &[("time", Fill::Time(at))]);
        }
        html.raw(")");
    }
}
