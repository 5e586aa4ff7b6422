//! Database servers for tests: real ones on loopback, started by `tests/servers.sh` when they are not running.
//!
//! Each test has a database of its own on the shared servers; a test that stops its server has one to itself.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::MariaDb];

    /// Its name in `tests/servers.sh`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// What it is.
    pub engine: Engine,
    /// Its port on loopback; its certificate is that of `localhost`.
    pub port: u16,
    /// Its socket's folder (PostgreSQL) or its socket (MariaDB).
    pub socket: PathBuf,
    /// The authority of its certificate, PEM.
    pub authority: PathBuf,
    /// A user who may do anything.
    pub user: String,
    /// That user's password.
    pub password: String,
    dir: PathBuf,
    own: Option<TempDir>,
}

fn script(arguments: &[&str]) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers.sh");
    let output = Command::new(&path).args(arguments).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "run `tests/servers.sh {}` by hand to see why: {said}", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

impl Server {
    /// The server that tests share.
    ///
    /// # Errors
    /// When it does not run and cannot be started.
    pub fn shared(engine: Engine) -> Result<Self> {
        Self::read(engine, &script(&["start", engine.name()])?, None)
    }

    /// A server of one's own, which ends with the value.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn private(engine: Engine) -> Result<Self> {
        let own = tempfile::tempdir()?;
        let dir = own.path().join("server");
        // Its owner is another user, who must reach it.
        std::fs::set_permissions(own.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let said = script(&["private", engine.name(), &dir.display().to_string()])?;
        Self::read(engine, &said, Some(own))
    }

    fn read(engine: Engine, said: &str, own: Option<TempDir>) -> Result<Self> {
        let value = |key: &str| {
            let found = said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.map(str::to_owned).with_context(|| format!("tests/servers.sh did not say `{key}`"))
        };
        Ok(Self {
            engine,
            port: value("port")?.parse()?,
            socket: value("socket")?.into(),
            authority: value("ca")?.into(),
            user: value("user")?,
            password: value("password")?,
            dir: value("dir")?.into(),
            own,
        })
    }

    /// Ends the server as a power cut would.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(&self) -> Result<()> {
        ensure!(self.own.is_some(), "a shared server is not one test's to stop");
        script(&[&format!("{}-stop", self.engine.name()), &self.dir.display().to_string()]).map(drop)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub fn again(&self) -> Result<()> {
        script(&[&format!("{}-again", self.engine.name()), &self.dir.display().to_string()]).map(drop)
    }

    /// A new database of this name.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self, database: &str) -> Result<()> {
        match self.engine {
            Engine::Postgres => self.run("postgres", &format!("CREATE DATABASE \"{database}\"")),
            Engine::MariaDb => self.run("mysql", &format!("CREATE DATABASE `{database}`")),
        }
    }

    /// Removes a database, whoever is connected to it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, database: &str) -> Result<()> {
        match self.engine {
            Engine::Postgres => self.run("postgres", &format!("DROP DATABASE \"{database}\" WITH (FORCE)")),
            Engine::MariaDb => self.run("mysql", &format!("DROP DATABASE `{database}`")),
        }
    }

    /// Runs SQL as the user who may do anything, through the engine's own client.
    ///
    /// # Errors
    /// What the client says.
    pub fn run(&self, database: &str, sql: &str) -> Result<()> {
        let mut client = self.client(database);
        let mut child = client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no input")?.write_all(sql.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Asks PostgreSQL one question and gives the rows, a line each, cells parted by `|`.
    ///
    /// # Errors
    /// What the client says.
    pub fn ask(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        ensure!(self.engine == Engine::Postgres, "questions are asked of PostgreSQL only");
        let output = self.client(database).args(["-A", "-t", "-c", sql]).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    }

    /// Whether it ends with the value.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The engine's own client, as the user who may do anything.
    pub(crate) fn client(&self, database: &str) -> Command {
        let (host, port) = ("127.0.0.1", self.port.to_string());
        let mut command = match self.engine {
            Engine::Postgres => Command::new("psql"),
            Engine::MariaDb => Command::new("mariadb"),
        };
        match self.engine {
            Engine::Postgres => command
                .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", &port, "-U", &self.user, "-d", database])
                .env("PGPASSWORD", &self.password)
                .env("PGOPTIONS", "-c client_min_messages=warning"),
            Engine::MariaDb => command
                .args(["--no-defaults", "-h", host, "-P", &port, "-u", &self.user, "--max-allowed-packet=1G"])
                .args(["--default-character-set=utf8mb4", "-D", database])
                .env("MYSQL_PWD", &self.password),
        };
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.own.is_some() {
            // The folder goes with it; a server that is down already is no matter.
            let _ = self.stop();
        }
    }
}

/// Puts a password where only its owner may read it, in place of what is there.
///
/// # Errors
/// What the system says.
pub fn write_password(path: &Path, password: &str) -> Result<()> {
    std::fs::write(path, password)?;
    Ok(std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?)
}
