//! A PostgreSQL database of a test's own, on the server that tests share or on one that it may stop.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A database, which goes with the value.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The authority of the server's certificate, which is that of `localhost`.
    pub(crate) authority: PathBuf,
    dir: String,
    /// A server of the test's own.
    own: Option<TempDir>,
}

impl Database {
    /// A new database on the shared server.
    pub(crate) fn shared() -> Self {
        Self::on(&script(&["start", "postgres"]), None)
    }

    /// A new database on a server that the test may stop.
    pub(crate) fn private() -> Self {
        let own = tempfile::tempdir().unwrap();
        // The server's owner is another user, who must reach it.
        std::fs::set_permissions(own.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let said = script(&["private", "postgres", own.path().join("server").to_str().unwrap()]);
        Self::on(&said, Some(own))
    }

    fn on(said: &str, own: Option<TempDir>) -> Self {
        let value = |key: &str| {
            let found = said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("tests/servers.sh did not say `{key}`")).to_owned()
        };
        let database = Self {
            name: format!("gateway_{}", uuid::Uuid::new_v4().simple()),
            port: value("port").parse().unwrap(),
            user: value("user"),
            password: value("password"),
            authority: value("ca").into(),
            dir: value("dir"),
            own,
        };
        database.run_in("postgres", &format!("CREATE DATABASE {}", database.name)).unwrap();
        database
    }

    /// Ends the server as a power cut would.
    pub(crate) fn stop(&self) {
        assert!(self.own.is_some(), "a shared server is not one test's to stop");
        script(&["postgres-stop", &self.dir]);
    }

    /// Starts it again.
    pub(crate) fn again(&self) {
        script(&["postgres-again", &self.dir]);
    }

    /// Runs SQL in the database as the user who may do anything.
    pub(crate) fn run(&self, sql: &str) {
        self.run_in(&self.name, sql).unwrap();
    }

    fn run_in(&self, database: &str, sql: &str) -> Result<(), String> {
        let mut client = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(["-U", &self.user, "-d", database])
            .env("PGPASSWORD", &self.password)
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server's folder goes with a server of one's own; one that is down already is no matter.
        if self.own.is_some() {
            let _ = Command::new(servers()).args(["postgres-stop", &self.dir]).status();
        } else {
            let _ = self.run_in("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

fn servers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers.sh")
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(servers()).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run `tests/servers.sh {}` by hand to see why: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}
