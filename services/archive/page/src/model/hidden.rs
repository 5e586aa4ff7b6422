//! What is hidden from the reader because it is about others, in sum.

/// Values hidden, or rows left out, for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// Why.
    pub reason: HiddenReason,
    /// Values in whose place something else stands.
    pub values: u64,
    /// Rows that are not there at all.
    pub rows: u64,
}

/// Why something is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenReason {
    /// It is about someone else.
    ThirdParty,
    /// It names others with whom the reader shares the row.
    Shared,
    /// The reader acted on the row, and it is about others.
    Actor,
    /// It is text that may speak of others.
    FreeText,
}
