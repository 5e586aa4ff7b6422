//! What a column holds, whichever engine it is in, and what that guarantees to a reader of the archive.

use tributary_archive::table::FieldKind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers from `min` to `max`.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: u64,
    },
    /// 32-bit floating point.
    Single,
    /// 64-bit floating point.
    Double,
    /// Exact decimals.
    Decimal {
        /// How many decimals a value has at most, where the column says so and compares no others.
        decimals: Option<usize>,
    },
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A day and a time without zone.
    Local,
    /// An instant.
    Instant,
    /// A UUID.
    Uuid,
    /// JSON as text.
    Json,
    /// PostgreSQL's `jsonb`.
    Jsonb,
    /// Bits, most significant first.
    Bits,
    /// Anything else, read in the engine's own text form.
    Other,
}

impl Kind {
    /// A whole number with sign of so many bytes.
    pub(in crate::source) fn signed(bytes: u32) -> Self {
        let max = i64::MAX >> (64 - 8 * bytes);
        Self::Integer { min: -max - 1, max: max.unsigned_abs() }
    }

    /// A whole number without sign of so many bytes.
    pub(in crate::source) fn unsigned(bytes: u32) -> Self {
        Self::Integer { min: 0, max: u64::MAX >> (64 - 8 * bytes) }
    }

    /// What is guaranteed of its values.
    pub(in crate::source) fn guarantees(self) -> FieldKind {
        match self {
            Self::Bool => FieldKind::Boolean,
            // Beyond 64 bits with sign, digits stand as text.
            Self::Integer { max, .. } if i64::try_from(max).is_ok() => FieldKind::Integer,
            // But for what is no day: see `encode`.
            Self::Date => FieldKind::Date,
            Self::Local | Self::Instant => FieldKind::Datetime,
            Self::Text | Self::Bytes | Self::Time | Self::Uuid | Self::Json | Self::Jsonb | Self::Other => {
                FieldKind::String
            }
            // `NaN` and `Infinity` are no numbers to most readers.
            Self::Single | Self::Double | Self::Decimal { .. } | Self::Bits | Self::Integer { .. } => FieldKind::Any,
        }
    }

    /// Whether a value may be of any size.
    pub(in crate::source) fn is_open_ended(self) -> bool {
        matches!(self, Self::Text | Self::Bytes | Self::Json | Self::Jsonb | Self::Other)
    }

    /// Whether its values are bytes rather than text.
    pub(in crate::source) fn is_bytes(self) -> bool {
        self == Self::Bytes
    }
}
