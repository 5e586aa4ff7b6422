//! Lists of files, as links into the folder. Long lists are cut and name the folder instead.

use crate::html::{Fill, Html};
use crate::link;
use crate::model::collection::FileLink;
use crate::model::entity::Entity;

/// Most files of one list.
const LISTED: usize = 200;

/// Writes the documents of an entity.
pub(crate) fn attachments(html: &mut Html, entity: &Entity<'_>) {
    let attachments = &entity.attachments;
    let total = attachments.total.max(attachments.files.len() as u64);
    if total == 0 {
        return;
    }
    let words = html.words;
    html.raw("<details class=collection open>\n<summary><h4>").text(words.data.attachments);
    html.raw("</h4> <span class=count>").counted(&words.counts.files, total).raw(", ");
    html.text(&words.locale.size(attachments.bytes)).raw("</span></summary>\n");
    list(html, &entity.folder, &attachments.files, total);
    html.raw("</details>\n");
}

/// Writes up to [`LISTED`] of `total` files that lie below `folder`.
pub(crate) fn list(html: &mut Html, folder: &str, files: &[FileLink<'_>], total: u64) {
    let words = html.words;
    let shown = files.len().min(LISTED);
    html.raw("<ul class=files>\n");
    for file in files.iter().take(LISTED) {
        html.raw("<li>");
        match link::href(folder, &file.path) {
            Some(href) => html.raw("<a href=\"").attribute(&href).raw("\">").name(&file.path).raw("</a>"),
            None => html.name(&file.path),
        };
        html.raw(" <small>");
        if let Some(rows) = file.rows {
            html.counted(&words.counts.rows, rows).raw(", ");
        }
        html.text(&words.locale.size(file.bytes)).raw("</small>\n");
    }
    html.raw("</ul>\n");
    if total > shown as u64 {
        let fills =
            [("shown", Fill::Count(shown as u64)), ("total", Fill::Count(total)), ("folder", Fill::Name(folder))];
        html.raw("<p>").phrase(words.data.attachments_more, &fills).raw("</p>\n");
    }
}
