//! The person's other rights, and the authorities to complain to, of which the choice is theirs (ACC-5, PRC-4, PRC-5).

use crate::html::Html;
use crate::model::page::Page;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.rights;
    html.raw("<section id=rights aria-labelledby=rights-title>\n<h2 id=rights-title>").text(words.title);
    html.raw("</h2>\n<p>").text(words.intro).raw("</p>\n<dl class=rights>\n");
    for (name, text) in [
        (words.rectification, words.rectification_text),
        (words.erasure, words.erasure_text),
        (words.restriction, words.restriction_text),
        (words.objection, words.objection_text),
        (words.portability, words.portability_text),
        (words.consent, words.consent_text),
        (words.automated, words.automated_text),
    ] {
        html.raw("<div><dt>").text(name).raw("<dd>").text(text).raw("</div>\n");
    }
    html.raw("</dl>\n<p>")
        .text(words.how)
        .raw("</p>\n<h3 id=authorities>")
        .text(words.complaint_title)
        .raw("</h3>\n<p>");
    html.text(words.complaint).raw(" ").text(words.court).raw("</p>\n");
    authorities(html, page);
    html.raw("</section>\n");
}

fn authorities(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.rights;
    html.raw("<div class=scroll role=group tabindex=0 aria-labelledby=authorities>\n<table class=list>\n<thead><tr>");
    for column in [words.company, words.authority, words.contact] {
        html.raw("<th scope=col>").text(column);
    }
    html.raw("</thead>\n<tbody>\n");
    for entity in &page.entities {
        html.raw("<tr><th scope=row>").name(entity.legal_name).raw("<td>");
        cell(html, entity.authority, words.no_authority);
        html.raw("<td>");
        cell(html, entity.contact, html.words.missing.not_recorded);
        html.raw("\n");
    }
    html.raw("</tbody>\n</table>\n</div>\n");
}

fn cell(html: &mut Html, text: Option<&str>, otherwise: &'static str) {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => html.value(text),
        None => html.text(otherwise),
    };
}
