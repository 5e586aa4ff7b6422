//! An identifier in all the ways in which stores write it: what is looked up, and whether a stored value is it.
//!
//! The set is finite, so that an index finds each of it; a `folding` makes up for what it cannot foresee.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::form::{CheckDigits, Form, Written};
use super::{Folding, Identifier};
use crate::id::{CountryCode, IdentifierType};
use crate::sensitive::Sensitive;

/// The spellings of one identifier.
#[derive(Debug, Clone)]
pub struct Spellings {
    kind: IdentifierType,
    all: Vec<Sensitive<String>>,
    normal: Sensitive<String>,
    check: CheckDigits,
}

impl Spellings {
    /// The spellings of `identifier` at an entity in `country`, to which numbers without a country belong.
    pub fn new(identifier: &Identifier, country: Option<&CountryCode>) -> Self {
        let given = identifier.value.expose();
        let composed: String = given.nfc().collect();
        let form = Form::of(&identifier.kind);
        let written = form.write(&identifier.kind, given, country);
        // Their letters are capitals, and some stores know no better: an index finds each case by itself.
        let is_number = written.is_some() && matches!(form, Form::Iban | Form::Named);
        let Written { normal, mut others, check } =
            written.unwrap_or_else(|| Written { normal: composed.clone(), ..Written::default() });
        if is_number {
            let small: Vec<String> = others.iter().chain([&normal]).map(|text| text.to_ascii_lowercase()).collect();
            others.extend(small);
        }
        let decomposed: String = normal.nfd().collect();
        let mut all: Vec<String> = Vec::new();
        for spelling in [given.clone(), composed, normal.clone()].into_iter().chain(others).chain([decomposed]) {
            if !spelling.is_empty() && !all.contains(&spelling) {
                all.push(spelling);
            }
        }
        let all = all.into_iter().map(Sensitive::new).collect();
        Self { kind: identifier.kind.clone(), all, normal: Sensitive::new(normal), check }
    }

    /// The identifier's type.
    pub fn kind(&self) -> &IdentifierType {
        &self.kind
    }

    /// All of them, the one that was given first.
    pub fn all(&self) -> &[Sensitive<String>] {
        &self.all
    }

    /// The normal form.
    pub fn normal(&self) -> &Sensitive<String> {
        &self.normal
    }

    /// What its check digits say.
    pub fn check_digits(&self) -> CheckDigits {
        self.check
    }

    /// The distinct folded forms.
    pub fn folded(&self, folding: Folding) -> BTreeSet<String> {
        let folded = self.all.iter().map(|spelling| folding.fold(spelling.expose()).into_owned());
        folded.filter(|folded| !folded.is_empty()).collect()
    }

    /// Whether a stored text is this identifier.
    pub fn contains(&self, stored: &str, folding: Folding) -> bool {
        let stored = folding.fold(stored);
        !stored.is_empty() && self.all.iter().any(|spelling| folding.fold(spelling.expose()) == stored)
    }

    /// Whether a stored number is this identifier: a number has no leading zeros.
    pub fn contains_number(&self, stored: i64, folding: Folding) -> bool {
        let digits = stored.to_string();
        let is = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit())
                && text.trim_start_matches('0') == digits.trim_start_matches('0')
        };
        self.all.iter().any(|spelling| is(spelling.expose()) || is(&folding.fold(spelling.expose())))
    }
}
