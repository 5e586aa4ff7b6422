//! One kind of data as a table with the rows of its preview, the files that hold all of it, and what its columns mean.

use super::{files, hidden, table};
use crate::html::{Fill, Html};
use crate::model::collection::Collection;
use crate::model::entity::Entity;
use crate::model::page::Page;
use crate::names;

/// How a collection stands on its page.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Whether it is open from the start.
    pub(crate) unfold: bool,
    /// Whether it stands below the heading of its dataset.
    pub(crate) grouped: bool,
}

/// Writes the collection; `place` numbers it within the page.
pub(crate) fn write(
    html: &mut Html,
    page: &Page<'_>,
    entity: &Entity<'_>,
    place: (usize, usize),
    collection: &Collection<'_>,
    look: Look,
) {
    let words = html.words;
    html.raw("<details class=collection");
    if look.unfold {
        html.raw(" open");
    }
    html.raw(if look.grouped { ">\n<summary><h5>" } else { ">\n<summary><h4>" });
    table::title(html, collection);
    html.raw(if look.grouped { "</h5> <span class=count>" } else { "</h4> <span class=count>" })
        .counted(&words.counts.rows, collection.total_rows.max(collection.rows.len() as u64))
        .raw("</span></summary>\n");
    if let Some(description) = &collection.description {
        html.raw("<p class=about>").said(description).raw("</p>\n");
    }
    if collection.sealed {
        sealed(html, page);
    } else {
        table::write(html, &entity.folder, place, collection);
    }
    hidden::list(html, &collection.hidden);
    if !collection.files.is_empty() {
        html.raw("<p class=files>").text(words.data.complete_in).raw("</p>\n");
        files::list(html, &entity.folder, &collection.files, collection.files.len() as u64);
    }
    columns(html, collection);
    html.raw("</details>\n");
}

/// How to open what only the person can open.
fn sealed(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.data;
    html.raw("<div class=sealed>\n<p><strong>").text(words.sealed_title).raw("</strong> ");
    html.phrase(words.sealed, &[("operator", Fill::Name(page.operator))]);
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
        table::column_title(html, column);
        html.raw("<dd>");
        if let Some(description) = &column.description {
            html.said(description).raw(" ");
        }
        html.raw("<small>").text(words.data.in_file).raw("\u{a0}<code>").name(column.name).raw("</code>");
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
