//! The gateway of a group in several processes: one PostgreSQL database, one object folder, one balancer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::balancer::Balancer;
use crate::command::tributary;
use crate::group::{Group, Seat};
use crate::process::Process;
use crate::servers::{Engine, Server};

/// The processes with what they share. Dropping it kills them and removes the database.
#[derive(Debug)]
pub struct Replicas {
    processes: Vec<Option<Process>>,
    /// How each is started.
    pub seats: Vec<Seat>,
    server: Server,
    database: String,
    _balancer: Balancer,
}

impl Replicas {
    /// Makes a database, migrates it, and starts `n` processes and the balancer.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start(group: &Group, n: usize) -> Result<Self> {
        let mut replicas = Self::prepare(group, n).await?;
        for process in 0..n {
            replicas.start_one(process).await?;
        }
        Ok(replicas)
    }

    /// As [`start`](Self::start), without any process yet.
    ///
    /// # Errors
    /// When the database cannot be made.
    pub async fn prepare(group: &Group, n: usize) -> Result<Self> {
        let server = Server::shared(Engine::Postgres)?;
        let database = format!("gateway_{}", uuid::Uuid::new_v4().simple());
        server.create(&database)?;
        let seats = group.seats(n, &server, &database)?;
        let first = seats.first().context("at least one process")?;
        let migrated =
            tributary([std::ffi::OsStr::new("migrate"), "--config".as_ref(), first.launch.config.as_os_str()])?;
        ensure!(migrated.code == Some(0), "migrate: {}", migrated.said());
        let targets: Vec<SocketAddr> = seats.iter().map(|seat| seat.address).collect();
        let balancer = Balancer::start(group.balancer_address()?, targets).await?;
        let processes = seats.iter().map(|_| None).collect();
        Ok(Self { processes, seats, server, database, _balancer: balancer })
    }

    /// Starts process `number`, counted from 0, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_one(&mut self, number: usize) -> Result<()> {
        let seat = self.seats.get(number).context("no such process")?;
        let started = seat.launch.start().await?;
        *self.slot(number)? = Some(started);
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        self.slot(number)?.take().context("it does not run")?.kill().map(drop)
    }

    /// SIGTERM, and waits for an orderly end.
    ///
    /// # Errors
    /// When it does not end well within `limit`.
    pub async fn terminate(&mut self, number: usize, limit: Duration) -> Result<()> {
        let status = self.slot(number)?.take().context("it does not run")?.terminate(limit).await?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    /// Process `number`, if it runs.
    pub fn process(&self, number: usize) -> Option<&Process> {
        self.processes.get(number)?.as_ref()
    }

    fn slot(&mut self, number: usize) -> Result<&mut Option<Process>> {
        self.processes.get_mut(number).context("no such process")
    }

    /// How many tasks each process took up last, by where it listens.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn shares(&self) -> Result<BTreeMap<SocketAddr, u64>> {
        let sql = "SELECT r.name, COUNT(*) FROM tasks t JOIN replicas r ON r.replica_id = t.held_by GROUP BY r.name";
        let mut shares: BTreeMap<SocketAddr, u64> = self.seats.iter().map(|seat| (seat.address, 0)).collect();
        for row in self.ask(sql)? {
            let (name, count) = row.rsplit_once('|').context("two cells")?;
            let address = name.rsplit_once('/').context("a name with an address")?.1.parse()?;
            *shares.entry(address).or_default() += count.parse::<u64>()?;
        }
        Ok(shares)
    }

    /// How many processes say that they are there, and how many connections of agents they have together.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn present(&self) -> Result<(u64, u64)> {
        let sql = "SELECT (SELECT COUNT(*) FROM replicas WHERE seen_at > EXTRACT(EPOCH FROM now()) * 1000 - 12000), \
                   (SELECT COUNT(*) FROM replica_links l JOIN replicas r ON r.replica_id = l.replica_id \
                   WHERE r.seen_at > EXTRACT(EPOCH FROM now()) * 1000 - 12000)";
        let row = self.ask(sql)?.pop().context("one row")?;
        let (processes, links) = row.split_once('|').context("two cells")?;
        Ok((processes.parse()?, links.parse()?))
    }

    /// Asks the database.
    ///
    /// # Errors
    /// What it says.
    pub fn ask(&self, sql: &str) -> Result<Vec<String>> {
        self.server.ask(&self.database, sql)
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.processes.clear();
        // The server is thrown away after the tests.
        let _ = self.server.remove(&self.database);
    }
}
