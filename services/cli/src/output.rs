//! Where results go: text for people, one JSON object for scripts (`--output json`), both on standard output.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::exit::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// Lines and tables.
    #[default]
    Text,
    /// One JSON object (one a line for streams).
    Json,
}

impl Output {
    /// Prints `value` as JSON, or what `text` makes of it.
    pub(crate) fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let line = match self {
            Output::Json => serde_json::to_string(value)?,
            Output::Text => inert(&text(value)),
        };
        say(&line)
    }

    /// Whether progress bars make sense.
    pub(crate) fn is_interactive(self) -> bool {
        self == Output::Text && std::io::stderr().is_terminal()
    }
}

/// Text that a hostile archive or database cannot use to steer the terminal.
fn inert(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Prints one line on standard output. A closed pipe ends the command quietly, as for any Unix tool.
pub(crate) fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// A table with a header.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A size for people, in units of 1024 bytes.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
