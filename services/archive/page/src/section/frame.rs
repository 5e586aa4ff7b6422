//! What stands around the sections: the head with its policy, the title, the notice about the folder, contents, footer.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::html::{Fill, Html};
use crate::model::page::Page;
use crate::standing;

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("../style.css");
/// The one script: it looks whether the folder is there, and unfolds everything for print. The page works without it.
pub(crate) const SCRIPT: &str = include_str!("../script.js");

/// What the page may load: its own style and script by their digests, and the mark beside it. Nothing else, from nowhere.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src 'self'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// From the first byte to the title.
pub(crate) fn open(html: &mut Html, page: &Page<'_>) {
    let words = html.words;
    let asked = page.language.as_str();
    let language = if page.language.primary() == words.locale.tag { asked } else { words.locale.tag };
    html.raw("<!DOCTYPE html>\n<html lang=\"").attribute(language).raw("\">\n<head>\n<meta charset=utf-8>\n");
    html.raw("<meta http-equiv=Content-Security-Policy content=\"").attribute(&POLICY).raw("\">\n");
    html.raw("<meta name=viewport content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=referrer content=no-referrer>\n<meta name=robots content=noindex>\n");
    html.raw("<meta name=color-scheme content=\"light dark\">\n");
    html.raw("<meta name=format-detection content=\"telephone=no, date=no, address=no, email=no\">\n<title>");
    let (before, after) = words.frame.title_of.split_once("{group}").unwrap_or((words.frame.title, ""));
    html.text(before).attribute(page.group).text(after).raw("</title>\n<style>").raw(STYLE).raw("</style>\n</head>\n");
    html.raw("<body>\n<a class=skip href=\"#letter\">").text(words.frame.skip).raw("</a>\n<header>\n");
    html.raw("<img id=mark src=\"mark.svg\" alt=\"\">\n<p class=group>").name(page.group).raw("</p>\n<h1>");
    html.text(words.frame.title).raw("</h1>\n</header>\n");
    notice(html);
    html.raw("<script>").raw(SCRIPT).raw("</script>\n");
}

/// "Extract the folder first": said calmly, and aloud once the script knows.
fn notice(html: &mut Html) {
    let notice = &html.words.notice;
    html.raw("<aside id=notice>\n<p class=calm><strong>").text(notice.calm_title).raw("</strong> ").text(notice.calm);
    html.raw("</p>\n<p class=sure><strong>").text(notice.sure_title).raw("</strong> ").text(notice.sure);
    html.raw("</p>\n<p class=how>").text(notice.how).raw("</p>\n</aside>\n");
}

/// The list of sections.
pub(crate) fn contents(html: &mut Html, page: &Page<'_>) {
    let words = html.words;
    let with_data = page.entities.iter().any(|e| standing::has_data(e) || standing::elsewhere(e, page).is_some());
    html.raw("<nav aria-labelledby=contents>\n<p id=contents>").text(words.frame.contents).raw("</p>\n<ul>\n");
    html.raw("<li><a href=\"#missing\">");
    let complete = standing::is_complete(page);
    html.text(if complete { words.missing.nothing_title } else { words.missing.title }).raw("</a>\n");
    html.raw("<li><a href=\"#answers\">").text(words.answers.title).raw("</a>\n");
    if !page.overview.is_empty() {
        html.raw("<li><a href=\"#overview\">").text(words.overview.title).raw("</a>\n");
    }
    if with_data {
        html.raw("<li><a href=\"#data\">").text(words.data.title).raw("</a>\n");
    }
    if super::information::is_shown(page) {
        html.raw("<li><a href=\"#information\">").text(words.information.title).raw("</a>\n");
    }
    html.raw("<li><a href=\"#rights\">").text(words.rights.title).raw("</a>\n");
    html.raw("<li><a href=\"#chain\">").text(words.chain.title).raw("</a>\n");
    html.raw("<li><a href=\"#check\">").text(words.check.title).raw("</a>\n</ul>\n</nav>\n");
}

/// From the last section to the last byte.
pub(crate) fn close(html: &mut Html, page: &Page<'_>) {
    let frame = &html.words.frame;
    html.raw("<footer>\n<p>")
        .text(frame.utc)
        .raw("</p>\n<p>")
        .phrase(frame.made_by, &[("software", Fill::Name(page.software))]);
    html.raw(" ")
        .text(frame.group_file)
        .raw(" ")
        .text(&page.group_version.to_string())
        .raw(".</p>\n</footer>\n</body>\n</html>\n");
}
