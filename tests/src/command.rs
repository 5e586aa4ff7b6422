//! One-shot commands of the product: `archive verify`, `agent check` and the rest, as a script would call them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::binary;

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Ran {
    /// The one JSON object on standard output.
    ///
    /// # Errors
    /// When there is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON in {self:?}"))
    }

    /// Everything it said.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Runs `tributary` with `arguments` to its end.
///
/// # Errors
/// When it cannot be started.
pub fn tributary<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<Ran> {
    let mut command = Command::new(binary::tributary()?);
    let output = command.args(arguments).stdin(Stdio::null()).output().context("tributary could not be started")?;
    Ok(Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// `tributary archive verify`, with the group's key and the predecessor where there are such.
///
/// # Errors
/// When it cannot be started.
pub fn verify(archive: &Path, group_key: Option<&str>, predecessor: Option<&Path>) -> Result<Ran> {
    let mut arguments = vec![OsStr::new("archive"), OsStr::new("verify"), archive.as_os_str()];
    if let Some(key) = group_key {
        arguments.extend([OsStr::new("--group-key"), OsStr::new(key)]);
    }
    if let Some(predecessor) = predecessor {
        arguments.extend([OsStr::new("--predecessor"), predecessor.as_os_str()]);
    }
    tributary(arguments)
}
