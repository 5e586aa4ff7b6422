//! What `agent init` guessed and nobody has confirmed yet: the marks in the manifests' comments.

use std::collections::BTreeMap;

use serde::Serialize;

use super::finding::{Code, Findings};

/// Lines that a finding names.
const SHOWN: usize = 8;
/// The mark at the end of a line that is guessed, or before what is proposed.
const MARK: &str = "# guess";

/// A line that is guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// The line, from 1.
    pub line: usize,
    /// What is guessed.
    pub about: About,
}

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A data category.
    Category,
    /// A column by which people are found.
    Identity,
    /// Whether a table's rows are people, or are shared.
    Rows,
    /// Something that is proposed and not in force.
    Proposal,
}

/// The guesses of a manifest, line by line.
pub fn guesses(text: &str) -> Vec<Guess> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| Some(Guess { line: index + 1, about: about(line)? })).collect()
}

/// The guesses of all files, as findings: how many of each kind, and where.
pub(super) fn of_files(files: &[(String, String)], findings: &mut Findings) {
    for (file, text) in files {
        let mut lines: BTreeMap<About, Vec<usize>> = BTreeMap::new();
        for guess in guesses(text) {
            lines.entry(guess.about).or_default().push(guess.line);
        }
        for (about, lines) in lines {
            let code = if about == About::Proposal { Code::Proposed } else { Code::Guessed };
            let places: Vec<String> = lines.iter().take(SHOWN).map(ToString::to_string).collect();
            let rest = if lines.len() > SHOWN { ", …" } else { "" };
            let (count, places) = (lines.len(), places.join(", "));
            let detail = format!("{count} {} (lines {places}{rest})", about.words());
            let first = lines.first().copied().unwrap_or(1);
            findings.add_at(code, format!("{file}:{first}:1"), file, detail);
        }
    }
}

impl About {
    fn words(self) -> &'static str {
        match self {
            Self::Category => "categories are guesses",
            Self::Identity => "identities are guesses",
            Self::Rows => "statements about rows are guesses",
            Self::Proposal => "proposals are not in force",
        }
    }
}

fn about(line: &str) -> Option<About> {
    let at = line.rfind(MARK)?;
    let (before, after) = (line[..at].trim_start(), &line[at + MARK.len()..]);
    // A mark stands before a colon or a comma, and after white space: elsewhere it is part of a text.
    let marks = after.starts_with([':', ',']) && line[..at].ends_with([' ', '\t']);
    if !marks || before.starts_with("# Each line marked") || before.starts_with("# What is marked") {
        return None;
    }
    Some(match before {
        "" => About::Rows,
        _ if before.starts_with('#') => About::Proposal,
        _ if before.starts_with("data_categories:") => About::Category,
        _ if before.starts_with("identity:") => About::Identity,
        _ => About::Rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_by_what_they_stand_at_and_texts_that_speak_of_guesses_are_none() {
        let text = "\
# Each line marked `# guess:` was guessed
      - name: customer
        # guess: each row is a person
          - name: email
            data_categories: [user.contact.email]  # guess: by its name
            description: \"a#guess: of ours\"
            fides_meta:
              identity: email  # guess: by its name
              # references: [{}]  # guess, not in force: no foreign key says so
            data_categories: [user.contact.email]
";
        let found: Vec<(usize, About)> = guesses(text).into_iter().map(|guess| (guess.line, guess.about)).collect();
        let expected = [(3, About::Rows), (5, About::Category), (8, About::Identity), (9, About::Proposal)];
        assert_eq!(found, expected);
    }
}
