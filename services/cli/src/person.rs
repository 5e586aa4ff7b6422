//! Who is meant, on the command line: TYPE=VALUE, or a file of them, so that they stay out of the process list.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use tributary_model::identifier::Identifier;
use tributary_proto::types::v1 as wire;

use crate::exit::Failure;
use crate::files;

/// Identifiers of one person.
#[derive(Args)]
pub(crate) struct Person {
    /// An identifier as TYPE=VALUE, such as email=anna@example.org; repeatable
    #[arg(long = "identifier", value_name = "TYPE=VALUE")]
    identifiers: Vec<String>,
    /// Read identifiers from a file, one TYPE=VALUE a line ('-' for standard input), so that they stay out of the process list
    #[arg(long, value_name = "FILE")]
    identifiers_from: Option<PathBuf>,
}

impl Person {
    /// The identifiers given, in order, checked. Errors say which one is wrong and never repeat a value.
    pub(crate) fn checked(&self) -> Result<Vec<Identifier>, Failure> {
        let mut lines = self.identifiers.clone();
        if let Some(path) = &self.identifiers_from {
            let text = if path.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            } else {
                files::read_text(path)?
            };
            lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
        }
        let parse = |(at, line): (usize, &String)| {
            let wrong = |problem: String| Failure::invalid(format!("identifier {}: {problem}", at + 1));
            let (kind, value) = line.split_once('=').ok_or_else(|| wrong("not of the form TYPE=VALUE".to_owned()))?;
            let kind = kind.trim().parse().map_err(|error| wrong(format!("{error}")))?;
            Identifier::new(kind, value).map_err(|error| wrong(error.to_string()))
        };
        lines.iter().enumerate().map(parse).collect()
    }

    /// The same for a request to a gateway.
    pub(crate) fn identifiers(&self) -> Result<Vec<wire::Identifier>, Failure> {
        let wire = |identifier: Identifier| wire::Identifier {
            r#type: identifier.kind.to_string(),
            value: identifier.value.expose().clone(),
        };
        Ok(self.checked()?.into_iter().map(wire).collect())
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person([personal data])")
    }
}
