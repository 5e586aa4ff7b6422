//! The archives of the case, in order, with every one that is missing from the record.

use std::ops::Range;

use crate::html::{Fill, Html};
use crate::model::page::{Link, Page};
use crate::standing;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.chain;
    html.raw("<section id=chain aria-labelledby=chain-title>\n<h2 id=chain-title>").text(words.title).raw("</h2>\n<p>");
    html.text(if page.sequence <= 1 { words.only } else { words.several }).raw("</p>\n<ol class=chain>\n");
    let mut expected = 1;
    for link in &page.earlier {
        gaps(html, page, expected..link.sequence);
        expected = link.sequence.saturating_add(1);
        earlier(html, link);
    }
    gaps(html, page, expected..page.sequence);
    html.raw("<li class=this>").phrase(words.number, &[("number", Fill::Count(page.sequence.into()))]);
    html.raw(", ").day(page.assembled_at).raw(": ").raw("<strong>").text(words.this).raw("</strong>, ");
    html.text(if standing::is_complete(page) { words.complete } else { words.incomplete })
        .raw(".\n</ol>\n</section>\n");
}

fn earlier(html: &mut Html, link: &Link<'_>) {
    let words = &html.words.chain;
    html.raw("<li>").phrase(words.number, &[("number", Fill::Count(link.sequence.into()))]).raw(", ");
    match link.assembled_at {
        Some(at) => html.day(at),
        None => html.text(words.undated),
    };
    html.raw(": ").text(match link.complete {
        Some(true) => words.complete,
        Some(false) => words.incomplete,
        None => words.unknown,
    });
    html.raw(". <small>")
        .text(words.fingerprint)
        .raw(" <code>")
        .name(&link.tagmanifest_sha256)
        .raw("</code></small>\n");
}

/// Reports up to a handful of missing archives one by one; a record that lies about thousands gets no longer page.
fn gaps(html: &mut Html, page: &Page<'_>, missing: Range<u32>) {
    let words = &html.words.chain;
    for number in missing.take(20) {
        let fills = [("number", Fill::Count(number.into())), ("operator", Fill::Name(page.operator))];
        html.raw("<li class=missing><span aria-hidden=true>✕</span> <strong>")
            .phrase(words.missing, &fills)
            .raw("</strong>\n");
    }
}
