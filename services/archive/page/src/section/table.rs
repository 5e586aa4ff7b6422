//! The rows of a preview as a table: a row a line, or, where there are one or two wide ones, a column a line, which a
//! person can read without scrolling sideways.

use crate::cell;
use crate::html::{Fill, Html};
use crate::model::collection::{Collection, Column};

/// Most rows that are shown upright.
const UPRIGHT_ROWS: usize = 2;
/// Fewest columns from which that is better.
const UPRIGHT_COLUMNS: usize = 5;

/// Writes the rows of `collection`; `place` numbers it within the page.
pub(crate) fn write(html: &mut Html, folder: &str, place: (usize, usize), collection: &Collection<'_>) {
    if collection.rows.is_empty() {
        let words = html.words;
        html.raw("<p>").text(words.data.shown_none).raw("</p>\n");
        return;
    }
    html.raw("<div class=scroll role=group tabindex=0 aria-labelledby=c").id(place.0 + 1).raw("-").id(place.1 + 1);
    html.raw(">\n");
    let upright = collection.rows.len() <= UPRIGHT_ROWS
        && collection.columns.len() >= UPRIGHT_COLUMNS
        && collection.rows.iter().all(|row| row.len() <= collection.columns.len());
    if upright {
        html.raw("<table class=\"rows upright\">\n");
        caption(html, place, collection);
        lines_of_columns(html, folder, collection);
    } else {
        html.raw("<table class=rows>\n");
        caption(html, place, collection);
        lines_of_rows(html, folder, collection);
    }
    html.raw("</table>\n</div>\n");
}

fn caption(html: &mut Html, place: (usize, usize), collection: &Collection<'_>) {
    let words = html.words;
    let shown = collection.rows.len() as u64;
    html.raw("<caption id=c").id(place.0 + 1).raw("-").id(place.1 + 1).raw("><span class=hidden>");
    title(html, collection);
    html.raw(". </span>");
    if shown >= collection.total_rows {
        html.counted(&words.counts.all_shown, shown);
    } else {
        let total = Fill::Counted(&words.counts.rows, collection.total_rows);
        html.phrase(words.data.shown_part, &[("shown", Fill::Count(shown)), ("total", total)]);
    }
    html.raw("</caption>\n");
}

/// Line ends stand within tags, since those between cells would belong to the cell before.
fn lines_of_rows(html: &mut Html, folder: &str, collection: &Collection<'_>) {
    html.raw("<thead><tr>");
    for column in &collection.columns {
        html.raw(if column.unit.is_some() { "<th scope=col class=r>" } else { "<th scope=col>" });
        heading(html, column);
    }
    html.raw("</thead>\n<tbody>");
    for row in &collection.rows {
        html.raw("<tr\n>");
        for (at, value) in row.iter().enumerate() {
            cell::write(html, collection.columns.get(at), value, folder);
        }
    }
}

fn lines_of_columns(html: &mut Html, folder: &str, collection: &Collection<'_>) {
    html.raw("<tbody>");
    for (at, column) in collection.columns.iter().enumerate() {
        html.raw("<tr\n><th scope=row>");
        heading(html, column);
        for row in &collection.rows {
            match row.get(at) {
                Some(value) => cell::write(html, Some(column), value, folder),
                None => {
                    html.raw("<td class=n>");
                }
            }
        }
    }
}

fn heading(html: &mut Html, column: &Column<'_>) {
    column_title(html, column);
    if let Some(unit) = column.unit {
        html.raw(" <small>").name(unit).raw("</small>");
    }
}

/// The name of a collection for people.
pub(crate) fn title(html: &mut Html, collection: &Collection<'_>) {
    match &collection.title {
        Some(title) => html.named(title),
        None => html.name(collection.name),
    };
}

/// The name of a column for people.
pub(crate) fn column_title(html: &mut Html, column: &Column<'_>) {
    match &column.title {
        Some(title) => html.named(title),
        None => html.name(column.name),
    };
}
