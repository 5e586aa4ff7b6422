//! Other clients of a database server, which take its connections and keep them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};

use crate::servers::{Engine, Server};

/// How many ordinary users a server of one's own lets in once it [is small](Server::let_few_in). MariaDB has no smaller one.
pub const FEW: usize = 10;
/// What PostgreSQL keeps for superusers.
const RESERVED: usize = 3;

/// Clients with a connection each. Dropping them gives the connections back.
#[derive(Debug)]
pub struct Crowd(Vec<Child>);

impl Server {
    /// Lets no more than [`FEW`] ordinary users in at once; the administrator has a place besides. PostgreSQL starts anew.
    ///
    /// # Errors
    /// When it is not one's own, or what it says.
    pub fn let_few_in(&self) -> Result<()> {
        ensure!(self.is_own(), "a shared server is not one test's to make small");
        match self.engine {
            Engine::Postgres => {
                self.run("postgres", &format!("ALTER SYSTEM SET max_connections = {}", FEW + RESERVED))?;
                self.stop()?;
                self.again()
            }
            Engine::MariaDb => self.run("mysql", &format!("SET GLOBAL max_connections = {FEW}")),
        }
    }
}

impl Crowd {
    /// Takes every connection that an ordinary user could have.
    ///
    /// # Errors
    /// When a client is not let in.
    pub fn in_all_places(server: &Server) -> Result<Self> {
        let database = match server.engine {
            Engine::Postgres => "postgres",
            Engine::MariaDb => "mysql",
        };
        let mut crowd = Self(Vec::new());
        for _ in 0..FEW {
            let mut command = server.client(database);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            match server.engine {
                Engine::Postgres => command.args(["-A", "-t"]),
                Engine::MariaDb => command.args(["-N", "-n"]),
            };
            crowd.0.push(command.spawn()?);
        }
        crowd.0.iter_mut().try_for_each(is_in)?;
        Ok(crowd)
    }
}

/// Waits until a client has been served.
fn is_in(client: &mut Child) -> Result<()> {
    client.stdin.as_mut().context("no input")?.write_all(b"SELECT 'in';\n")?;
    let mut said = String::new();
    BufReader::new(client.stdout.as_mut().context("no output")?).read_line(&mut said)?;
    ensure!(said.trim() == "in", "a client was not let in");
    Ok(())
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for client in &mut self.0 {
            // Without its input it says goodbye by itself; one that is gone already has nothing to say.
            drop(client.stdin.take());
            let _ = client.wait();
        }
    }
}
