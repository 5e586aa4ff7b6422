//! How to check the archive, and what its signatures do and do not cover (GRP-7).

use crate::html::{Fill, Html};
use crate::model::page::Page;

pub(crate) fn write(html: &mut Html, page: &Page<'_>) {
    let words = &html.words.check;
    html.raw("<section id=check aria-labelledby=check-title>\n<h2 id=check-title>").text(words.title).raw("</h2>\n<p>");
    html.text(words.what).raw("</p>\n<p><code>tributary archive verify ARCHIVE.zip --group-key ").text(words.key);
    html.raw("</code></p>\n<p>").text(words.command_intro).raw("</p>\n<h3>").text(words.page_title).raw("</h3>\n<p>");
    html.phrase(words.page, &[("operator", Fill::Name(page.operator))]);
    html.raw("</p>\n<h3>").text(words.files_title).raw("</h3>\n<dl class=signed>\n");
    html.raw("<div><dt><a href=\"completeness.json\">completeness.json</a><dd>").text(words.completeness);
    html.raw("</div>\n<div><dt><code>attestations/</code><dd>").text(words.attestations);
    html.raw("</div>\n<div><dt><a href=\"trust.json\">trust.json</a><dd>").text(words.trust);
    html.raw("</div>\n<div><dt><a href=\"manifest-sha256.txt\">manifest-sha256.txt</a><dd>").text(words.manifests);
    html.raw("</div>\n</dl>\n<h3>").text(words.bag_title).raw("</h3>\n<p>").text(words.bag).raw("</p>\n</section>\n");
}
