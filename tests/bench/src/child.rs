//! Raw programs as processes of their own, so that what they take is theirs alone.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::raw::Program;

/// What a raw program took and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Took {
    /// CPU time of its work, start and end of the process apart.
    pub(crate) cpu: Duration,
    /// Time of its work.
    pub(crate) wall: Duration,
    /// Plain bytes, as the program counts them.
    pub(crate) bytes: u64,
    /// Rows, or whatever else it counts.
    pub(crate) count: u64,
}

/// Runs `program` to its end.
pub(crate) fn run(program: &Program) -> Result<Took> {
    let mut running = spawn(program)?;
    let line = running.line()?;
    running.end()?;
    serde_json::from_str(&line).with_context(|| format!("{program:?} said {line}"))
}

/// A raw program that serves. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

/// Starts a program that serves; it says its port first.
pub(crate) fn serve(program: &Program) -> Result<(Running, u16)> {
    let mut running = spawn(program)?;
    let line = running.line()?;
    let port = line.trim().parse().with_context(|| format!("{program:?} said {line}"))?;
    Ok((running, port))
}

fn spawn(program: &Program) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("raw").arg(serde_json::to_string(program)?).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no standard output")?);
    Ok(Running { child, lines })
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        Ok(line)
    }

    fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "a raw program ended with {status}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
