//! Which form a type of identifier has, by its name: the types that groups share have one, others are text.
//!
//! Each form has a file beside this one; what they make is a [`Written`], from which `spelling` makes what is sought.

use super::{Folding, date, email, iban, national, phone};
use crate::id::{CountryCode, IdentifierType};

/// What the check digits of an identifier say. A value whose digits do not fit is sought all the same: people mistype,
/// and so did whoever stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckDigits {
    /// There are none, or none that are known.
    #[default]
    Unknown,
    /// They fit.
    Fit,
    /// They do not fit: the value is probably mistyped.
    Differ,
}

impl CheckDigits {
    /// From a comparison.
    pub(super) fn of(fit: bool) -> Self {
        if fit { Self::Fit } else { Self::Differ }
    }
}

/// An identifier as its form has it.
#[derive(Default)]
pub(super) struct Written {
    /// The one normal form.
    pub(super) normal: String,
    /// Other ways to write the same thing.
    pub(super) others: Vec<String>,
    /// What its check digits say.
    pub(super) check: CheckDigits,
}

/// The form of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Email,
    Phone,
    Iban,
    Date,
    /// A national number of this name, or text.
    Named,
}

impl Form {
    pub(super) fn of(kind: &IdentifierType) -> Self {
        match kind.as_str() {
            "email" | "email_address" => Self::Email,
            "phone_number" | "phone" | "mobile_number" | "mobile_phone" => Self::Phone,
            "iban" => Self::Iban,
            "date_of_birth" | "birth_date" => Self::Date,
            _ => Self::Named,
        }
    }

    /// The value in this form; `None` when it is not one of them, and then it is text.
    pub(super) fn write(self, kind: &IdentifierType, value: &str, country: Option<&CountryCode>) -> Option<Written> {
        match self {
            Self::Email => email::write(value),
            Self::Phone => phone::write(value, country),
            Self::Iban => iban::write(value),
            Self::Date => date::write(value),
            Self::Named => national::write(kind, value, country),
        }
    }
}

impl Folding {
    /// How a stored value is compared with identifiers of this type, unless the manifest says otherwise: addresses in any
    /// case, telephone numbers however they are punctuated, anything else as it stands.
    pub fn of(kind: &IdentifierType) -> Self {
        match Form::of(kind) {
            Form::Email => Self::Case,
            Form::Phone => Self::Punctuation,
            Form::Iban | Form::Date | Form::Named => Self::Exact,
        }
    }
}

/// Letters and digits alone, letters in upper case.
pub(super) fn compact(value: &str) -> String {
    value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
