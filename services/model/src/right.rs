//! The rights a case can exercise, and how the copy is wanted.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// A right of the person. More follow as their work at the entities is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Access, Art. 15 GDPR.
    Access,
}

impl Right {
    /// The name in files and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
        }
    }
}

/// How tables are written in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// RFC 4180, UTF-8, a header in every part, text that a spreadsheet would run made inert.
    #[default]
    Csv,
    /// One JSON object a line, keys in column order.
    Ndjson,
}

impl TableFormat {
    /// File name extension without the dot, and name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The media type of a part.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

macro_rules! names {
    ($type:ty, $what:literal, $rule:literal, [$($variant:expr),+]) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                [$($variant),+].into_iter().find(|v| v.as_str() == text).ok_or(InvalidId { what: $what, rule: $rule })
            }
        }
    };
}

names!(Right, "a right", "'access'", [Right::Access]);
names!(TableFormat, "a table format", "'csv' or 'ndjson'", [TableFormat::Csv, TableFormat::Ndjson]);
