//! Everything that the page itself says, as a struct of texts: a language that lacks one does not compile. `{names}` in
//! braces are filled in by `phrase`; a test compares them between languages. Neighbours: `locale` for dates and numbers.

mod de;
mod en;
mod es;
mod fr;
mod nl;
mod states;

use tributary_model::language::Language;

use crate::locale::Locale;
pub(crate) use states::{GapWords, Next, OthersWords, StateWords, States};

/// A text that depends on a number. Languages without a form of their own for whole millions leave `many` as `other`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plural {
    /// For one, and in French also for none.
    pub(crate) one: &'static str,
    /// For whole millions, where the language then says "of".
    pub(crate) many: &'static str,
    /// For every other number.
    pub(crate) other: &'static str,
}

impl Plural {
    const fn new(one: &'static str, other: &'static str) -> Self {
        Self { one, many: other, other }
    }

    const fn with_many(one: &'static str, many: &'static str, other: &'static str) -> Self {
        Self { one, many, other }
    }

    /// The form for `count` in `locale`.
    pub(crate) fn form(&self, count: u64, locale: &Locale) -> &'static str {
        match count {
            1 => self.one,
            0 if locale.none_is_one => self.one,
            0 => self.other,
            n if n % 1_000_000 == 0 => self.many,
            _ => self.other,
        }
    }
}

/// Declares a group of texts and a way to walk them, by name.
macro_rules! texts {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(crate) struct $name { $($(#[$doc])* pub(crate) $field: &'static str),+ }

        impl $name {
            /// All of them, by name.
            #[cfg(test)]
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((concat!(stringify!($name), ".", stringify!($field)), self.$field)),+]
            }
        }
    };
}
pub(crate) use texts;

/// The page in one language.
#[derive(Debug)]
pub(crate) struct Words {
    /// How it writes dates and numbers.
    pub(crate) locale: &'static Locale,
    pub(crate) frame: Frame,
    pub(crate) notice: Notice,
    pub(crate) letter: Letter,
    pub(crate) missing: Missing,
    pub(crate) answers: Answers,
    pub(crate) overview: Overview,
    pub(crate) data: Data,
    pub(crate) information: InformationWords,
    pub(crate) rights: Rights,
    pub(crate) chain: Chain,
    pub(crate) check: Check,
    pub(crate) states: States,
    pub(crate) gaps: GapWords,
    pub(crate) others: OthersWords,
    pub(crate) counts: Counts,
}

texts!(
    /// What frames the page.
    Frame { title, title_of, skip, contents, utc, made_by, case_number, reference, group_file }
);
texts!(
    /// "Extract the folder first."
    Notice { calm_title, calm, sure_title, sure, how }
);
texts!(
    /// The letter to the person.
    Letter {
        greeting, received, assembled, supplement, complete_title, complete_none_title, complete_none,
        incomplete_title, incomplete, later, look_below, closing, fact_received, fact_due, fact_assembled,
    }
);
texts!(
    /// What is missing and why.
    Missing {
        title, nothing_title, nothing, intro, said_by, signed, signed_undated, observed, observed_undated, last_attempt, decided,
        reason, not_searched, whole_dataset, next, next_date, contact, authority, not_recorded, for_controller,
    }
);
texts!(
    /// The table of every entity's answer.
    Answers { title, intro, company, answer, data, who, who_entity, who_observed, who_decided, here, elsewhere, not_here, none }
);
texts!(
    /// Values side by side.
    Overview { title, intro, differs, values, company, place, more }
);
texts!(
    /// The data themselves.
    Data {
        title, intro, in_archive, as_of, shown_part, shown_none, complete_in, columns, in_file, kind,
        no_value, sealed_title, sealed, sealed_command, attachments, attachments_more, open_file, cut, yes, no,
        jump_back,
    }
);
texts!(
    /// What is recorded about the processing.
    InformationWords {
        title, intro, purpose, categories, basis, special_basis, recipients, retention, sources, transfers,
        transfers_yes, transfers_no, safeguards, joint, automated, not_recorded, nothing,
    }
);
texts!(
    /// The person's rights.
    Rights {
        title, intro, rectification, rectification_text, erasure, erasure_text, restriction, restriction_text, objection,
        objection_text, portability, portability_text, consent, consent_text, automated, automated_text, how,
        complaint_title, complaint, court, company, authority, contact, no_authority,
    }
);
texts!(
    /// The archives of the case.
    Chain { title, only, several, number, this, complete, incomplete, unknown, undated, fingerprint, missing }
);
texts!(
    /// How to check the archive.
    Check { title, what, command_intro, key, bag_title, bag, page_title, page, files_title, completeness, attestations, trust, manifests }
);

/// Texts that depend on a number.
#[derive(Debug)]
pub(crate) struct Counts {
    /// "All n companies have answered in full."
    pub(crate) answered: Plural,
    /// "n companies hold data about you."
    pub(crate) holding: Plural,
    /// "n companies"
    pub(crate) companies: Plural,
    /// "n rows"
    pub(crate) rows: Plural,
    /// "All n rows are shown."
    pub(crate) all_shown: Plural,
    /// "n kinds of data"
    pub(crate) kinds: Plural,
    /// "n files"
    pub(crate) files: Plural,
    /// "n attempts"
    pub(crate) attempts: Plural,
    /// "n values are hidden"
    pub(crate) hidden: Plural,
    /// "n rows are left out"
    pub(crate) left_out: Plural,
}

impl Counts {
    #[cfg(test)]
    fn all(&self) -> Vec<(&'static str, Plural)> {
        vec![
            ("answered", self.answered),
            ("holding", self.holding),
            ("companies", self.companies),
            ("rows", self.rows),
            ("all_shown", self.all_shown),
            ("kinds", self.kinds),
            ("files", self.files),
            ("attempts", self.attempts),
            ("hidden", self.hidden),
            ("left_out", self.left_out),
        ]
    }
}

/// Every language that the page is written in, English first.
pub(crate) const ALL: [&Words; 5] = [&en::WORDS, &fr::WORDS, &nl::WORDS, &de::WORDS, &es::WORDS];

/// The words for a reader of `language`; English when it is not among them.
pub(crate) fn of(language: &Language) -> &'static Words {
    ALL.into_iter().find(|words| words.locale.tag == language.primary()).unwrap_or(&en::WORDS)
}

#[cfg(test)]
mod tests;
