//! Values of one category side by side across entities, each with its source. Disagreements are marked; nothing is merged.

use crate::html::Html;
use crate::model::overview::Category;
use crate::model::page::Page;
use crate::names;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    if page.overview.is_empty() {
        return;
    }
    let words = &html.words.overview;
    html.raw("<section id=overview aria-labelledby=overview-title>\n<h2 id=overview-title>").text(words.title);
    html.raw("</h2>\n<p>").text(words.intro).raw("</p>\n");
    for (index, category) in page.overview.iter().enumerate() {
        write_category(html, index, category);
    }
    html.raw("</section>\n");
}

fn write_category(html: &mut Html, index: usize, category: &Category<'_>) {
    let words = html.words;
    html.raw("<div class=category>\n<h3 id=o").id(index + 1).raw(">");
    match names::term(category.key, words) {
        Some(name) => html.text(name).raw(" <small>").name(category.key).raw("</small>"),
        None => html.name(category.key),
    };
    html.raw("</h3>\n");
    if category.differs {
        html.raw("<p class=differs><span aria-hidden=true>≠</span> ").text(words.overview.differs).raw("</p>\n");
    }
    html.raw("<div class=scroll role=group tabindex=0 aria-labelledby=o")
        .id(index + 1)
        .raw(">\n<table class=list>\n<thead><tr>");
    for column in [words.overview.values, words.overview.company, words.overview.place] {
        html.raw("<th scope=col>").text(column);
    }
    html.raw("</thead>\n<tbody>\n");
    for value in &category.values {
        html.raw("<tr><td>");
        for text in &value.values {
            html.raw("<p dir=auto>").value_text(text).raw("</p>");
        }
        if value.more {
            html.raw("<p><small>").text(words.overview.more).raw("</small></p>");
        }
        html.raw("<td>")
            .name(value.entity)
            .raw("<td>")
            .named(&value.collection)
            .raw(", ")
            .named(&value.column)
            .raw("\n");
    }
    html.raw("</tbody>\n</table>\n</div>\n</div>\n");
}
