//! What a verification finds, bounded so that a hostile archive cannot fill memory with complaints.

use std::fmt;

use serde::Serialize;

/// Most findings that are kept.
const MAX: usize = 500;
/// Longest place that is quoted, in characters.
const MAX_PLACE: usize = 300;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the archive stands.
    Note,
    /// The container is not as it was written; what is in it stands.
    Container,
    /// The archive does not stand.
    Error,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// Where: a path within the archive's folder, `the container`, or `the predecessor`.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    errors: u64,
    repacked: bool,
    dropped: u64,
}

impl Findings {
    pub(super) fn error(&mut self, place: &str, what: impl fmt::Display) {
        self.errors += 1;
        self.push(Severity::Error, place, what);
    }

    pub(super) fn note(&mut self, place: &str, what: impl fmt::Display) {
        self.push(Severity::Note, place, what);
    }

    /// What another program changed about the container.
    pub(super) fn container(&mut self, what: impl fmt::Display) {
        self.repacked = true;
        self.push(Severity::Container, "the container", what);
    }

    fn push(&mut self, severity: Severity, place: &str, what: impl fmt::Display) {
        if self.kept.len() < MAX {
            // A hostile name must not steer the terminal that shows it.
            let place = place.chars().take(MAX_PLACE).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            self.kept.push(Finding { severity, place, what: what.to_string() });
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn any_error(&self) -> bool {
        self.errors > 0
    }

    pub(super) fn is_repacked(&self) -> bool {
        self.repacked
    }

    pub(super) fn into_vec(mut self) -> Vec<Finding> {
        if self.dropped > 0 {
            let what = format!("{} more findings are not listed", self.dropped);
            self.kept.push(Finding { severity: Severity::Note, place: "the container".to_owned(), what });
        }
        self.kept
    }
}
