//! What is hidden because it is about others: how much, and why (Art. 15(4) GDPR).

use crate::html::Html;
use crate::model::hidden::Hidden;

/// Writes a sentence for each reason; nothing when nothing is hidden.
pub(crate) fn list(html: &mut Html, hidden: &[Hidden]) {
    let words = html.words;
    if hidden.is_empty() {
        return;
    }
    html.raw("<ul class=held>\n");
    for sum in hidden {
        let reason = words.others.of(sum.reason);
        for (count, plural) in [(sum.values, &words.counts.hidden), (sum.rows, &words.counts.left_out)] {
            if count > 0 {
                html.raw("<li>").counted(plural, count).raw(": ").text(reason).raw(".\n");
            }
        }
    }
    html.raw("</ul>\n");
}

/// Writes the same with what the law says of it.
pub(crate) fn explained(html: &mut Html, hidden: &[Hidden]) {
    let words = html.words;
    if !hidden.is_empty() {
        html.raw("<p class=about>").text(words.others.why).raw("</p>\n");
        list(html, hidden);
    }
}
