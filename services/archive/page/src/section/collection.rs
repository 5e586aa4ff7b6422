//! One kind of data as a table with the rows of its preview, the files that hold all of it, and what its columns mean.

use super::files;
use crate::cell;
use crate::html::{Fill, Html};
use crate::model::collection::{Collection, Column};
use crate::model::entity::Entity;
use crate::model::page::Page;
use crate::names;

/// Rows up to which a table shows unfolded on a page with few collections.
const SHORT: usize = 40;

/// Writes the collection; `place` numbers it within the page.
pub(crate) fn write(
    html: &mut Html,
    page: &Page<'_>,
    entity: &Entity<'_>,
    place: (usize, usize),
    collection: &Collection<'_>,
    unfold: bool,
) {
    let words = html.words;
    html.raw("<details class=collection");
    if unfold && (collection.rows.len() <= SHORT || place.1 == 0) {
        html.raw(" open");
    }
    html.raw(">\n<summary><h4>");
    title(html, collection);
    html.raw("</h4> <span class=count>").counted(&words.counts.rows, collection.total_rows).raw("</span></summary>\n");
    if let Some(description) = &collection.description {
        html.raw("<p class=about>").said(description).raw("</p>\n");
    }
    if collection.sealed {
        sealed(html, page);
    } else {
        table(html, &entity.folder, place, collection);
    }
    if !collection.files.is_empty() {
        html.raw("<p class=files>").text(words.data.complete_in).raw("</p>\n");
        files::list(html, &entity.folder, &collection.files, collection.files.len() as u64);
    }
    columns(html, collection);
    html.raw("</details>\n");
}

fn title(html: &mut Html, collection: &Collection<'_>) {
    match &collection.title {
        Some(title) => html.said(title),
        None => html.value(collection.name),
    };
}

fn table(html: &mut Html, folder: &str, place: (usize, usize), collection: &Collection<'_>) {
    let words = html.words;
    let shown = collection.rows.len() as u64;
    if shown == 0 {
        html.raw("<p>").text(words.data.shown_none).raw("</p>\n");
        return;
    }
    html.raw("<div class=scroll role=group tabindex=0 aria-labelledby=c").id(place.0 + 1).raw("-").id(place.1 + 1);
    html.raw(">\n<table class=rows>\n<caption id=c")
        .id(place.0 + 1)
        .raw("-")
        .id(place.1 + 1)
        .raw("><span class=hidden>");
    title(html, collection);
    html.raw(". </span>");
    if shown >= collection.total_rows {
        html.counted(&words.counts.all_shown, shown);
    } else {
        let fills =
            [("shown", Fill::Count(shown)), ("total", Fill::Counted(&words.counts.rows, collection.total_rows))];
        html.phrase(words.data.shown_part, &fills);
    }
    html.raw("</caption>\n<thead><tr>");
    for column in &collection.columns {
        html.raw("<th scope=col>");
        column_title(html, column);
        if let Some(unit) = column.unit {
            html.raw(" <small>").value(unit).raw("</small>");
        }
    }
    html.raw("</thead>\n<tbody>\n");
    for row in &collection.rows {
        html.raw("<tr>");
        for (at, value) in row.iter().enumerate() {
            cell::write(html, collection.columns.get(at), value, folder);
        }
        html.raw("\n");
    }
    html.raw("</tbody>\n</table>\n</div>\n");
}

fn column_title(html: &mut Html, column: &Column<'_>) {
    match &column.title {
        Some(title) => html.said(title),
        None => html.value(column.name),
    };
}

/// How to open what only the person can open.
fn sealed(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.data;
    html.raw("<div class=sealed>\n<p><strong>").text(words.sealed_title).raw("</strong> ");
    html.phrase(words.sealed, &[("operator", Fill::Value(page.operator))]);
    html.raw("</p>\n<p><code>").text(words.sealed_command).raw("</code></p>\n</div>\n");
}

/// What the columns mean: title, name in the files, description, category, codes.
fn columns(html: &mut Html, collection: &Collection<'_>) {
    if collection.columns.is_empty() {
        return;
    }
    let words = html.words;
    html.raw("<details class=columns>\n<summary>").text(words.data.columns).raw("</summary>\n<dl>\n");
    for column in &collection.columns {
        html.raw("<div><dt>");
        column_title(html, column);
        html.raw("<dd>");
        if let Some(description) = &column.description {
            html.said(description).raw(" ");
        }
        html.raw("<small>").text(words.data.in_file).raw("\u{a0}<code>").value(column.name).raw("</code>");
        for (at, key) in column.categories.iter().enumerate() {
            html.raw(if at == 0 { " · " } else { ", " });
            if at == 0 {
                html.text(words.data.kind).raw("\u{a0}");
            }
            match names::term(key, words) {
                Some(name) => html.text(name),
                None => html.value(key),
            };
        }
        html.raw("</small>");
        if !column.codes.is_empty() {
            html.raw("<ul>");
            for code in &column.codes {
                html.raw("<li><code>").value(code.value).raw("</code> ").said(&code.label).raw("\n");
            }
            html.raw("</ul>");
        }
        html.raw("</div>\n");
    }
    html.raw("</dl>\n</details>\n");
}
