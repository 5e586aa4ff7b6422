//! The riskiest part: a big person over a link that is slow and cut every second, while processes die and rows change.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tributary_tests::archive::{Archive, cell};
use tributary_tests::client::{Caller, summary};
use tributary_tests::command;
use tributary_tests::dice::Dice;
use tributary_tests::fixture::{History, Library, Writer};
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::markers::files;
use tributary_tests::memory::{KIB, MIB, mib};
use tributary_tests::process::{Launch, Process};
use tributary_tests::proxy::{Cut, Proxy};
use tributary_tests::wait::until;

const ENTITY: &str = "alpha-be";
const EMAIL: &str = "anna@example.org";
const TEXT: u64 = 200 * MIB;
const LINK: u64 = 10 * MIB;
const CUT_EVERY: Duration = Duration::from_secs(1);
const KILLS: u32 = 4;
const LIMIT: Duration = Duration::from_secs(170);

/// What the test did to the transfer, and what the processes took.
#[derive(Debug, Default)]
struct Tally {
    cuts: u32,
    agent_kills: u32,
    gateway_kills: u32,
    agent_peak: u64,
    gateway_peak: u64,
}

struct Trial {
    group: Group,
    proxy: Proxy,
    agent: Option<Process>,
    gateway: Option<Process>,
    dice: Dice,
    tally: Tally,
}

fn library() -> Library {
    let (key, email) = ("library".to_owned(), EMAIL.to_owned());
    Library { key, email, bytes: TEXT, document: 50 * KIB, dense: true, seed: 42 }
}

tributary_tests::in_both_directions! {
    a_big_person_arrives_whole_over_a_cut_link_while_processes_die_and_rows_change,
}

async fn a_big_person_arrives_whole_over_a_cut_link_while_processes_die_and_rows_change(
    direction: Direction,
) -> Result<()> {
    let began = Instant::now();
    let library = library();
    let documents = library.documents();
    let entity =
        EntityPlan::new(ENTITY, "BE").holds(library).behind_proxy().agent_yaml("limits: { part_bytes: 8MiB }\n");
    let group = Plan::new(vec![entity])
        .direction(direction)
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
        .lay_out()?;
    let proxy = group.start_proxy(ENTITY).await?;
    proxy.limit(Some(LINK));
    let (agent, gateway) = (group.start_agent(ENTITY).await?, group.start_gateway().await?);
    // Idle means: connected, asked once, at rest. A small case first, so that the rest is what size and faults add.
    let portal = group.caller(PORTAL)?;
    let warm = portal.open_for(&[("email", "reader2@example.org")]).await?;
    portal.ready(&warm, LIMIT).await?;
    let (agent_idle, gateway_idle) = (agent.memory()?.resident, gateway.memory()?.resident);
    let writer = Writer::start(&group.database(ENTITY, "library")?);
    let history = writer.history.clone();

    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let mut trial =
        Trial { group, proxy, agent: Some(agent), gateway: Some(gateway), dice: Dice::new(), tally: Tally::default() };
    trial.torment(&portal, &case).await?;
    trial.measure()?;
    let Tally { cuts, agent_kills, gateway_kills, agent_peak, gateway_peak } = trial.tally;
    let carried = mib(trial.proxy.from_agent());
    println!(
        "measured: survived {cuts} cuts, {agent_kills} kills of the agent, {gateway_kills} of the gateway inside one transfer"
    );
    println!(
        "measured: {carried} carried in {:?}; peaks: agent {}, gateway {}",
        began.elapsed(),
        mib(agent_peak),
        mib(gateway_peak)
    );
    writer.stop()?;

    assert!(cuts >= 10, "only {cuts} cuts hit the transfer");
    assert!(agent_kills + gateway_kills >= 3 && agent_kills > 0 && gateway_kills > 0, "{:?}", trial.tally);
    trial.archive_is_one_snapshot(&portal, &case, &history, documents).await?;
    trial.nothing_is_left_behind(&portal, &case).await?;
    memory_stayed_flat(&trial.tally, agent_idle, gateway_idle);
    assert!(began.elapsed() < LIMIT + Duration::from_secs(10), "took {:?}", began.elapsed());
    Ok(())
}

impl Trial {
    /// Cuts the link every second and kills one of the two at random moments, until the archive is there.
    async fn torment(&mut self, portal: &Caller, case: &str) -> Result<()> {
        let end = Instant::now() + LIMIT;
        let mut next_cut = Instant::now() + CUT_EVERY;
        let mut next_kill = Instant::now() + self.dice.between(Duration::from_millis(1500), Duration::from_secs(3));
        let mut kills = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(25)).await;
            let now = Instant::now();
            if now >= next_cut {
                let how = if self.dice.below(2) == 0 { Cut::Fin } else { Cut::Reset };
                self.tally.cuts += u32::from(self.proxy.cut(how).in_transfer);
                next_cut = now + CUT_EVERY;
            }
            // A kill between two transfers would not count; the next moment with bytes under way is taken.
            if now >= next_kill && kills < KILLS && self.proxy.in_transfer() {
                // The first two hit one side each, whatever the dice say.
                let agent = if kills < 2 { kills == 0 } else { self.dice.below(2) == 0 };
                self.kill(agent).await?;
                kills += 1;
                next_kill = Instant::now() + self.dice.between(Duration::from_millis(1500), Duration::from_secs(4));
            }
            if let Ok(case) = portal.case(case).await {
                if !case.archives.is_empty() {
                    return Ok(());
                }
                ensure!(now < end, "not ready after {LIMIT:?}, {:?}: {}", self.tally, summary(&case));
            }
        }
    }

    /// `kill -9`, and a supervisor that starts the process again at once.
    async fn kill(&mut self, agent: bool) -> Result<()> {
        self.measure()?;
        let slot = if agent { &mut self.agent } else { &mut self.gateway };
        let launch: Option<Launch> = slot.take().map(Process::kill).transpose()?;
        if let Some(launch) = launch {
            *slot = Some(launch.start().await?);
        }
        if agent {
            self.tally.agent_kills += 1
        } else {
            self.tally.gateway_kills += 1
        }
        Ok(())
    }

    /// Takes down the peaks before the kernel forgets them.
    fn measure(&mut self) -> Result<()> {
        if let Some(agent) = &self.agent {
            self.tally.agent_peak = self.tally.agent_peak.max(agent.memory()?.peak);
        }
        if let Some(gateway) = &self.gateway {
            self.tally.gateway_peak = self.tally.gateway_peak.max(gateway.memory()?.peak);
        }
        Ok(())
    }

    async fn archive_is_one_snapshot(
        &self,
        portal: &Caller,
        case: &str,
        history: &History,
        documents: u64,
    ) -> Result<()> {
        let path = self.group.root().join("archive.zip");
        portal.download(case, 0, &path).await?;
        let verified = command::verify(&path, Some(&self.group.group_key()), None)?;
        assert_eq!(verified.code, Some(0), "{}", verified.said());

        let archive = Archive::open(&path)?;
        let numbers = |collection: &str, column: &str| -> Result<Vec<i64>> {
            let rows = archive.rows(ENTITY, "library", collection)?;
            Ok(rows.iter().filter_map(|row| cell(row, column)?.parse().ok()).collect())
        };
        let versions = numbers("person", "version")?;
        assert_eq!(versions.len(), 1, "one person");
        let snapshot = history.at(versions[0]);
        let Some(snapshot) = snapshot else { panic!("version {} never existed", versions[0]) };
        assert!(numbers("note", "version")?.iter().all(|version| *version == versions[0]), "notes of other versions");
        let notes: BTreeSet<i64> = numbers("note", "id")?.into_iter().collect();
        assert_eq!(notes, (snapshot.first_note..=snapshot.last_note).collect());
        let of_documents = numbers("document", "version")?;
        assert!(of_documents.iter().all(|version| *version == snapshot.documents), "documents of other versions");
        let ids: BTreeSet<i64> = numbers("document", "id")?.into_iter().collect();
        assert_eq!(
            (of_documents.len() as u64, ids.len() as u64),
            (documents, documents),
            "a document twice or not at all"
        );
        assert!(history.last() > versions[0], "rows changed after the snapshot");
        Ok(())
    }

    /// The agent has nothing of the export, the gateway exactly what the archive is made of.
    async fn nothing_is_left_behind(&self, portal: &Caller, case: &str) -> Result<()> {
        let spool = self.group.entity(ENTITY)?.join("data/spool");
        until("the agent's spool is empty", Duration::from_secs(20), || async {
            files(&spool).is_ok_and(|left| left.is_empty()).then_some(())
        })
        .await?;
        let parts = portal.case(case).await?.tasks[0].parts as usize;
        let staged = files(&self.group.gateway_folder().join("data"))?;
        let partial = |path: &&std::path::PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.contains("partial") || name.contains("tmp")
        };
        assert_eq!(staged.iter().find(partial), None, "an unfinished object is left");
        let objects = staged.iter().filter(|path| is_object(path, case)).count();
        // Every part, and the generated bytes of the one archive.
        assert_eq!(objects, parts + 1, "{staged:?}");
        Ok(())
    }
}

fn is_object(path: &Path, case: &str) -> bool {
    let within = |name: &str| path.components().any(|part| part.as_os_str() == name);
    within("objects") && within(case)
}

/// The budgets: an agent below 48 MiB above idle; a gateway below idle, a connection, its open streams with a window
/// each and its upload buffers, and a quarter more.
fn memory_stayed_flat(tally: &Tally, agent_idle: u64, gateway_idle: u64) {
    let (agent, gateway) = (tally.agent_peak, tally.gateway_peak);
    assert!(agent < agent_idle + 48 * MIB, "agent: idle {}, peak {}", mib(agent_idle), mib(agent));
    let streams = 4 + 1;
    let budget = (gateway_idle + 41 * KIB + streams * (256 + 140) * KIB + 4 * 256 * KIB) * 5 / 4;
    assert!(gateway < budget, "gateway: idle {}, peak {}, budget {}", mib(gateway_idle), mib(gateway), mib(budget));
}
