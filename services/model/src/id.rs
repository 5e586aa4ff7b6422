//! Names of things. A value that exists is valid; parsing says what is wrong with one that is not.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not a valid name. The message quotes the rule, not the text, which a stranger chose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    /// What kind of name was expected.
    pub what: &'static str,
    /// The rule it broke.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
        #[serde(try_from = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, rule: $rule }) }
            }
        }

        /// As its text, of which no copy is made.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_label(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Fideslang: keys match `^[a-zA-Z0-9_.<>-]+$`.
fn is_fides_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= 200 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.<>-".contains(c))
}

text_id!(
    /// One legal entity of the group, for example `acme-fr`. Also a folder name in the archive.
    EntityId, "an entity id", "1 to 63 of a-z, 0-9 and '-', starting and ending with a letter or digit", is_label
);
text_id!(
    /// The group as a whole, for example `acme`.
    GroupId, "a group id", "1 to 63 of a-z, 0-9 and '-', starting and ending with a letter or digit", is_label
);
text_id!(
    /// A Fideslang `fides_key`: a dataset or a system.
    FidesKey, "a fides_key", "1 to 200 of A-Z, a-z, 0-9 and '_', '.', '<', '>', '-'", is_fides_key
);
text_id!(
    /// What kind of identifier a value is: `email`, `phone_number`, `external_id` or a group's own.
    IdentifierType, "an identifier type", "1 to 63 of a-z, 0-9 and '_', starting with a letter",
    |text| text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
);
text_id!(
    /// A country, ISO 3166-1 alpha-2, for example `FR`.
    CountryCode, "a country", "a code of ISO 3166-1 alpha-2 such as FR", |text| crate::country::Country::find(text).is_some()
);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, UUID version 7: sorts by `now`, random within it.
            pub fn new(now: jiff::Timestamp) -> Self {
                let since = now.as_duration().unsigned_abs();
                Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, since.as_secs(), since.subsec_nanos())))
            }

            /// The id's 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { what: $what, rule: "a UUID in lower case with hyphens" };
                let id = Uuid::try_parse(text).map_err(|_| invalid.clone())?;
                if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(invalid) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.hyphenated().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id!(
    /// One person's exercise of one right.
    CaseId, "a case id"
);
uuid_id!(
    /// One order to an agent within a task. It stays the same over retries.
    InstructionId, "an instruction id"
);

uuid_id!(
    /// Something that people at an entity are asked.
    QuestionId, "a question's id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_id_is_a_safe_folder_name() {
        for bad in ["", "Acme", "a/b", "..", "-a", "a-", "a.b", "é"] {
            assert!(bad.parse::<EntityId>().is_err(), "{bad}");
        }
        assert_eq!("acme-fr".parse::<EntityId>().unwrap().as_str(), "acme-fr");
    }

    #[test]
    fn a_case_id_has_one_spelling() {
        let id = CaseId::new(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(id.to_string().parse::<CaseId>().unwrap(), id);
        assert!(id.to_string().to_uppercase().parse::<CaseId>().is_err());
    }
}
