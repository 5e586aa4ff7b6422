//! One process of the product: started, killed, stopped and restarted as an operator or a power cut would.
//!
//! Processes stay in the test's process group, so that whatever ends the test ends them too; dropping kills.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::memory::Memory;
use crate::{admin, binary};

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(30);

/// Which half of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `serve gateway`
    Gateway,
    /// `serve agent`
    Agent,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Agent => "agent",
        }
    }
}

/// How to start a process, again and again.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Which half.
    pub role: Role,
    /// Its configuration file.
    pub config: PathBuf,
    /// Where its standard error goes; appended over restarts.
    pub log: PathBuf,
    /// Its admin port, which says when it is ready.
    pub admin: SocketAddr,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
    /// Words before the program, such as `unshare --mount`.
    pub wrapper: Vec<String>,
}

impl Launch {
    fn command(&self) -> Result<Command> {
        let program = binary::tributary()?;
        let mut command = match self.wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(["serve", self.role.word(), "--config"]).arg(&self.config);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_telemetry(name)) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    fn log(&self) -> Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.log).with_context(|| self.log.display().to_string())
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// When it ends before, or takes longer than 30 seconds; the message holds the end of its log.
    pub async fn start(&self) -> Result<Process> {
        let process = self.spawn()?;
        process.ready().await
    }

    /// Starts the process without waiting.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self) -> Result<Process> {
        let mut command = self.command()?;
        command.stdin(Stdio::null()).stdout(self.log()?).stderr(self.log()?);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Process { launch: self.clone(), child })
    }

    /// Starts a process that is expected to refuse to start, and gives its exit code and all it said.
    ///
    /// # Errors
    /// When it runs on.
    pub async fn refusal(&self) -> Result<Refusal> {
        let before = std::fs::read(&self.log).unwrap_or_default().len();
        let mut process = self.spawn()?;
        let status =
            process.ended(START).await.with_context(|| format!("{:?} started although it must not", self.role))?;
        let log = std::fs::read(&self.log)?;
        let said = String::from_utf8_lossy(log.get(before..).unwrap_or_default()).into_owned();
        Ok(Refusal { code: status.code(), said })
    }
}

fn is_telemetry(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("OTEL_") || name == "RUST_LOG" || name == "TRIBUTARY_LOG"
}

/// A process that did not start.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
}

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Child,
}

impl Process {
    /// Waits until the process is ready.
    ///
    /// # Errors
    /// When it ends before, or takes longer than 30 seconds; the message holds the end of its log.
    pub async fn ready(mut self) -> Result<Self> {
        let end = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{:?} ended with {status} instead of starting:\n{}", self.launch.role, tail(&self.launch.log));
            }
            if let Ok((200, _)) = admin::get(self.launch.admin, "/readyz").await {
                return Ok(self);
            }
            if Instant::now() > end {
                bail!("{:?} was not ready within {START:?}:\n{}", self.launch.role, tail(&self.launch.log));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it was started.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// What it takes of memory.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory(&self) -> Result<Memory> {
        Memory::of(self.pid())
    }

    /// `kill -9`, and waits until the kernel has taken it away.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> Result<Launch> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.launch.clone())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("the process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it has not ended within `limit`.
    pub async fn terminate(mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended(limit).await
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it has not ended within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                bail!("still running after {limit:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything it said so far, over all restarts.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.launch.log)?).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
