//! Writing HTML so that nothing from outside can become markup: what is written raw is a literal of this program, and
//! everything else is escaped and, where it was not written by this page, isolated in its direction.

use jiff::Timestamp;

use crate::escape::{self, LONGEST, LONGEST_NAME, Marks};
use crate::model::text::Text;
use crate::words::{Plural, Words};

/// What fills a `{name}` of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill<'a> {
    /// A name from outside.
    Name(&'a str),
    /// A count.
    Count(u64),
    /// A size in bytes.
    Size(u64),
    /// The day of an instant.
    Day(Timestamp),
    /// An instant.
    Time(Timestamp),
    /// A count with its noun.
    Counted(&'static Plural, u64),
}

/// A page being written.
#[derive(Debug)]
pub(crate) struct Html {
    out: Vec<u8>,
    /// The language that it is written in.
    pub(crate) words: &'static Words,
}

impl Html {
    pub(crate) fn new(words: &'static Words) -> Self {
        Self { out: Vec::new(), words }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Markup of this program.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.extend_from_slice(markup.as_bytes());
        self
    }

    /// A number, in digits: for ids within the page.
    pub(crate) fn id(&mut self, number: usize) -> &mut Self {
        self.out.extend_from_slice(number.to_string().as_bytes());
        self
    }

    /// Text that this page is the author of.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        escape::push(&mut self.out, text, Marks::Element);
        self
    }

    /// Text within the quotes of an attribute.
    pub(crate) fn attribute(&mut self, text: &str) -> &mut Self {
        escape::push(&mut self.out, escape::bounded(text, LONGEST).0, Marks::Attribute);
        self
    }

    /// A text from outside as the whole content of a block, which isolates it. Bounded.
    pub(crate) fn value_text(&mut self, text: &str) -> &mut Self {
        self.at_most(text, LONGEST)
    }

    fn at_most(&mut self, text: &str, longest: usize) -> &mut Self {
        let (start, cut) = escape::bounded(text, longest);
        self.text(start);
        if cut {
            self.raw("<span class=c>…</span>");
        }
        self
    }

    /// A text from outside between other text.
    pub(crate) fn value(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").value_text(text).raw("</bdi>")
    }

    /// A name from outside between other text. Bounded more tightly.
    pub(crate) fn name(&mut self, text: &str) -> &mut Self {
        self.raw("<bdi>").at_most(text, LONGEST_NAME).raw("</bdi>")
    }

    /// A name from outside with its language.
    pub(crate) fn named(&mut self, text: &Text<'_>) -> &mut Self {
        self.in_its_language(text, LONGEST_NAME)
    }

    /// A text from outside with its language.
    pub(crate) fn said(&mut self, text: &Text<'_>) -> &mut Self {
        self.in_its_language(text, LONGEST)
    }

    fn in_its_language(&mut self, text: &Text<'_>, longest: usize) -> &mut Self {
        match text.language {
            Some(language) if language.primary() != self.words.locale.tag => {
                self.raw("<bdi lang=\"").attribute(language.as_str()).raw("\">")
            }
            _ => self.raw("<bdi>"),
        };
        self.at_most(text.text, longest).raw("</bdi>")
    }

    /// A text of this page with its `{names}` filled in.
    pub(crate) fn phrase(&mut self, text: &'static str, fills: &[(&str, Fill<'_>)]) -> &mut Self {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            self.text(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            if let Some((_, fill)) = fills.iter().find(|(known, _)| *known == name) {
                self.fill(*fill);
            }
            rest = after;
        }
        self.text(rest)
    }

    /// A text that depends on a count, which is its `{n}`.
    pub(crate) fn counted(&mut self, plural: &'static Plural, count: u64) -> &mut Self {
        self.phrase(plural.form(count, self.words.locale), &[("n", Fill::Count(count))])
    }

    fn fill(&mut self, fill: Fill<'_>) {
        let locale = self.words.locale;
        match fill {
            Fill::Name(text) => self.name(text),
            Fill::Count(count) => self.text(&locale.count(count)),
            Fill::Size(bytes) => self.text(&locale.size(bytes)),
            Fill::Day(at) => self.instant(at, &locale.day_of(at)),
            Fill::Time(at) => self.instant(at, &locale.time_of(at)),
            Fill::Counted(plural, count) => self.counted(plural, count),
        };
    }

    /// An instant for people and machines.
    fn instant(&mut self, at: Timestamp, shown: &str) -> &mut Self {
        self.raw("<time datetime=\"").attribute(&at.to_string()).raw("\">").text(shown).raw("</time>")
    }

    /// The day of an instant.
    pub(crate) fn day(&mut self, at: Timestamp) -> &mut Self {
        self.fill(Fill::Day(at));
        self
    }
}
