//! Reads what is said to people: our own key `tributary:` at each level, whose unknown keys are errors, and `redact`.

use std::collections::BTreeMap;

use super::{File, Flag};
use crate::identifier::Folding;
use crate::language::{Language, Texts};
use crate::manifest::{Code, CollectionOthers, Controller, FieldOthers, PeopleWork, Represents, Wording};
use crate::yaml::{Fields, Node, Value};

/// A name for people or a code.
const LABEL: Bound = Bound { bytes: 500, lines: false };
/// A description.
pub(super) const PROSE: Bound = Bound { bytes: 4000, lines: true };
/// A unit.
const UNIT: Bound = Bound { bytes: 64, lines: false };
/// Most codes of a field.
const MAX_CODES: usize = 1000;
/// Most languages of one text.
const MAX_LANGUAGES: usize = 64;

/// What a text may be: an archive takes no longer one.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    bytes: usize,
    /// Whether it may have several lines.
    lines: bool,
}

/// What `tributary:` says of a field.
#[derive(Default)]
pub(super) struct FieldWords {
    pub(super) wording: Wording,
    pub(super) codes: Vec<Code>,
    pub(super) unit: Option<String>,
    pub(super) represents: Option<Represents>,
    pub(super) normal: Option<Folding>,
    pub(super) others: FieldOthers,
}

/// What `tributary:` says of a dataset.
#[derive(Default)]
pub(super) struct DatasetWords {
    pub(super) wording: Wording,
    pub(super) controller: Option<Controller>,
    pub(super) people: PeopleWork,
    pub(super) not_personal: Vec<String>,
}

/// What `tributary:` says of a collection.
#[derive(Default)]
pub(super) struct CollectionWords {
    pub(super) wording: Wording,
    pub(super) controller: Option<Controller>,
    pub(super) others: CollectionOthers,
    pub(super) people: PeopleWork,
}

impl File<'_> {
    /// `tributary:` of a dataset.
    pub(super) fn dataset_words(&mut self, f: &mut Fields<'_>) -> DatasetWords {
        let Some(mut ours) = self.ours(f, "`tributary` of a dataset") else { return DatasetWords::default() };
        let wording = self.labels(&mut ours);
        let controller = self.controller(&mut ours);
        let people = self.people_work(&mut ours);
        let not_personal = self.parsed(&mut ours, "not_personal");
        ours.deny_unknown(self.r);
        DatasetWords { wording, controller, people, not_personal }
    }

    /// `tributary:` of a collection.
    pub(super) fn collection_words(&mut self, f: &mut Fields<'_>) -> CollectionWords {
        let Some(mut ours) = self.ours(f, "`tributary` of a collection") else { return CollectionWords::default() };
        let wording = self.labels(&mut ours);
        let controller = self.controller(&mut ours);
        let others = self.collection_others(&mut ours);
        let people = self.people_work(&mut ours);
        ours.deny_unknown(self.r);
        CollectionWords { wording, controller, others, people }
    }

    /// `tributary:` of a field.
    pub(super) fn field_words(&mut self, f: &mut Fields<'_>) -> FieldWords {
        let Some(mut ours) = self.ours(f, "`tributary` of a field") else { return FieldWords::default() };
        let wording = self.labels(&mut ours);
        let codes = self.codes(&mut ours);
        let unit = ours.node("unit").and_then(|node| self.text(node, "unit", UNIT));
        let represents = self.represents(&mut ours);
        let normal = ours.optional(self.r, "normal");
        let others = self.field_others(&mut ours);
        ours.deny_unknown(self.r);
        FieldWords { wording, codes, unit, represents, normal, others }
    }

    /// `tributary:` of a reference: the key of which it is a part.
    pub(super) fn reference_words(&mut self, f: &mut Fields<'_>) -> Option<String> {
        let mut ours = self.ours(f, "`tributary` of a reference")?;
        let foreign_key = ours.node("foreign_key").and_then(|node| self.text(node, "foreign_key", LABEL));
        ours.deny_unknown(self.r);
        foreign_key
    }

    /// Whether `fides_meta.redact` hides the name.
    pub(super) fn redact(&mut self, meta: &mut Fields<'_>) -> bool {
        let Some(node) = meta.node("redact") else { return false };
        let is_name = node.text() == Some("name");
        if !is_name {
            self.r.problem(node.place, "`redact` can only be `name`: it hides the name in what people see");
        }
        is_name
    }

    fn ours<'n>(&mut self, f: &mut Fields<'n>, what: &str) -> Option<Fields<'n>> {
        let node = f.node("tributary")?;
        self.r.fields(node, what)
    }

    fn labels(&mut self, ours: &mut Fields<'_>) -> Wording {
        let labels = ours.node("label").map(|node| self.languages(node, "label", LABEL));
        let descriptions = ours.node("description").map(|node| self.languages(node, "description", PROSE));
        Wording { labels: labels.unwrap_or_default(), descriptions: descriptions.unwrap_or_default() }
    }

    fn codes(&mut self, ours: &mut Fields<'_>) -> Vec<Code> {
        let Some(node) = ours.node("codes") else { return Vec::new() };
        let Value::Map(entries) = &node.value else {
            self.r.problem(node.place, "`codes` must be a map from values to what they mean");
            return Vec::new();
        };
        if entries.len() > MAX_CODES {
            self.r.problem(node.place, format!("`codes` must have at most {MAX_CODES} entries"));
        }
        let mut codes = Vec::with_capacity(entries.len());
        for (value, place, meaning) in entries {
            if !fits(value, LABEL) {
                self.r.problem(*place, format!("a code {}", rule(LABEL)));
            }
            codes.push(Code { value: value.clone(), labels: self.languages(meaning, "codes", LABEL) });
        }
        codes
    }

    fn represents(&mut self, ours: &mut Fields<'_>) -> Option<Represents> {
        let (what, form) = (ours.node("represents"), ours.node("as"));
        match (what, form) {
            (Some(what), Some(form)) => {
                let what = self.r.scalar(what, "represents");
                let form = self.r.scalar(form, "as");
                Some(Represents { what: what?, form: form? })
            }
            (Some(node), None) => {
                let forms = "epoch_seconds, epoch_milliseconds, epoch_days, julian_day or text";
                self.r
                    .problem(node.place, format!("`represents` needs `as`, which says how dates are written: {forms}"));
                None
            }
            (None, Some(node)) => {
                self.r.problem(node.place, "`as` needs `represents`, which says what the values are: date or datetime");
                None
            }
            (None, None) => None,
        }
    }

    /// One text, which is English, or a map from languages to texts.
    pub(super) fn languages(&mut self, node: &Node, what: &str, bound: Bound) -> Texts {
        let mut texts = BTreeMap::new();
        let Value::Map(entries) = &node.value else {
            if let Some(text) = self.text(node, what, bound) {
                texts.insert(Language::english(), text);
            }
            return Texts(texts);
        };
        if entries.len() > MAX_LANGUAGES {
            self.r.problem(node.place, format!("`{what}` must have at most {MAX_LANGUAGES} languages"));
        }
        for (tag, place, node) in entries {
            let text = self.text(node, what, bound);
            match tag.parse::<Language>() {
                Ok(language) if texts.contains_key(&language) => {
                    self.r.problem(*place, format!("`{what}` has the language `{language}` a second time"));
                }
                Ok(language) => {
                    texts.extend(text.map(|text| (language, text)));
                }
                Err(error) => self.r.problem(*place, format!("`{what}`: {error}")),
            }
        }
        Texts(texts)
    }

    fn text(&mut self, node: &Node, what: &str, bound: Bound) -> Option<String> {
        let text: String = self.r.scalar(node, what)?;
        // Block scalars end in a line feed that nobody means.
        let text = text.trim().to_owned();
        if fits(&text, bound) {
            return Some(text);
        }
        self.r.problem(node.place, format!("`{what}` {}", rule(bound)));
        None
    }
}

/// The Fideslang texts stand in where ours say nothing in English.
pub(super) fn with_fallback(mut wording: Wording, name: Option<&String>, description: Option<&String>) -> Wording {
    let english = |texts: &mut Texts, text: Option<&String>, bound| {
        if let Some(text) = text.map(|text| presentable(text, bound)).filter(|text| !text.is_empty()) {
            texts.0.entry(Language::english()).or_insert(text);
        }
    };
    english(&mut wording.labels, name, LABEL);
    english(&mut wording.descriptions, description, PROSE);
    wording
}

/// YAML spellings of a boolean, absent when there is none.
pub(super) fn flag(file: &mut File<'_>, f: &mut Fields<'_>, key: &'static str) -> Option<bool> {
    f.optional::<Flag>(file.r, key).map(|flag| flag.0)
}

/// A text of others as an archive takes it: without control characters, cut where it is too long.
pub(super) fn presentable(text: &str, bound: Bound) -> String {
    let clean = |c: char| if bound.takes(c) { c } else { ' ' };
    let mut text: String = text.trim().chars().map(clean).collect();
    text.truncate(text.floor_char_boundary(bound.bytes));
    text
}

fn fits(text: &str, bound: Bound) -> bool {
    !text.is_empty() && text.len() <= bound.bytes && text.chars().all(|c| bound.takes(c))
}

fn rule(bound: Bound) -> String {
    format!("must be 1 to {} bytes without control characters", bound.bytes)
}

impl Bound {
    fn takes(self, c: char) -> bool {
        !c.is_control() || (self.lines && c == '\n')
    }
}
