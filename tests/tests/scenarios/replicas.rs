//! Several processes of one gateway: cases go on whichever of them dies, each is worked on once, and all do their share.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tonic::{Code, Status};
use tributary_proto::gateway::v1::{OpenCaseRequest, WatchCaseRequest};
use tributary_tests::client::{Caller, disposition, state, task};
use tributary_tests::command;
use tributary_tests::dice::Dice;
use tributary_tests::fixture::{Library, Shop};
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::memory::{KIB, MIB};
use tributary_tests::replicas::Replicas;
use tributary_tests::wait::until;

const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
const PROCESSES: usize = 3;
/// The two that the gateway dials, and the two that dial in through the balancer.
const DIALLED: [&str; 2] = ["alpha-be", "beta-fr"];
const DIALLING: [&str; 2] = ["gamma-nl", "delta-de"];
/// Long enough for a live process to renew it on a busy machine.
const LEASE: Duration = Duration::from_secs(6);
const QUICK: &str = "limits: { backoff_min: 50ms, backoff_max: 500ms, lease: 6s, drain: 10s }\n";
/// Says how many cases the long test opens.
const CASES: &str = "TRIBUTARY_TEST_CASES";

fn entity(id: &str, direction: Direction) -> EntityPlan {
    let country = id.rsplit('-').next().unwrap_or_default().to_uppercase();
    EntityPlan::new(id, &country).holds(Shop::with_person("shop", EMAIL, "Anna de Vries", 2)).direction(direction)
}

/// Four entities, two in each direction.
fn group() -> Result<Group> {
    let dialled = DIALLED.map(|id| entity(id, Direction::Inbound));
    let dialling = DIALLING.map(|id| entity(id, Direction::Outbound));
    Plan::new(dialled.into_iter().chain(dialling).collect()).balanced().gateway_yaml(QUICK).lay_out()
}

fn all() -> Vec<&'static str> {
    DIALLED.into_iter().chain(DIALLING).collect()
}

/// Waits until every agent that dials in is connected to every process.
async fn connected(replicas: &Replicas, processes: usize) -> Result<()> {
    let wanted = (processes as u64, (processes * DIALLING.len()) as u64);
    until("every agent is connected to every process", PATIENCE, || async {
        replicas.present().is_ok_and(|present| present == wanted).then_some(())
    })
    .await
}

/// Opens a case, repeating the request as a caller has to whose gateway dies while it is asked.
async fn open(caller: &Caller, request: OpenCaseRequest) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        match caller.open(request.clone()).await {
            Ok(case) => return Ok(case.case_id),
            Err(status) if is_passing(&status) && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(status) => return Err(status).context("opening a case"),
        }
    }
}

fn is_passing(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded)
}

/// Opens `n` cases through the balancer, from `callers` callers at once.
async fn open_all(group: &Group, n: usize, callers: usize) -> Result<Vec<String>> {
    let address = group.balancer_address()?;
    let opening = (0..callers).map(|first| async move {
        let caller = group.caller_at(PORTAL, address)?;
        let mut opened = Vec::new();
        for _ in (first..n).step_by(callers) {
            opened.push(open(&caller, caller.request(&[("email", EMAIL)])).await?);
        }
        Ok::<_, anyhow::Error>(opened)
    });
    let opened = futures::future::try_join_all(opening).await?;
    Ok(opened.into_iter().flatten().collect())
}

fn count(replicas: &Replicas, sql: &str) -> Result<usize> {
    Ok(replicas.ask(sql)?.first().context("one row")?.parse()?)
}

const READY: &str = "SELECT COUNT(*) FROM cases WHERE state = 'READY'";

/// What each agent's own ledger says: every case once, and no walk begun a second time.
fn each_was_asked_once(group: &Group, cases: usize) -> Result<()> {
    for id in all() {
        let ledger = group.entity(id)?.join("data/ledger.sqlite");
        let ledger = rusqlite::Connection::open_with_flags(ledger, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let sql = "SELECT COUNT(*), COUNT(DISTINCT case_id), MIN(generation), MAX(generation) FROM export";
        let found: (i64, i64, i64, i64) =
            ledger.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let asked = i64::try_from(cases)?;
        assert_eq!(found, (asked, asked, 1, 1), "{id}: instructions, cases, least and most generations");
    }
    Ok(())
}

/// Every case has one archive with every entity in it.
fn each_is_whole(replicas: &Replicas, cases: usize) -> Result<()> {
    let whole = "SELECT COUNT(*) FROM archives WHERE complete AND sequence = 1 AND object IS NOT NULL";
    assert_eq!(count(replicas, whole)?, cases);
    assert_eq!(count(replicas, "SELECT COUNT(*) FROM archives")?, cases, "one archive each");
    let answered = "SELECT COUNT(*) FROM tasks WHERE state = 'ANSWERED' AND disposition = 'FULFILLED' AND archive = 1";
    assert_eq!(count(replicas, answered)?, cases * all().len());
    Ok(())
}

/// Downloads a case through one process and has it verified.
async fn verified(group: &Group, caller: &Caller, case: &str) -> Result<()> {
    let path = group.root().join(format!("{case}.zip"));
    caller.download(case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_cases_none_is_lost_or_done_twice_while_gateways_die() -> Result<()> {
    let cases = match std::env::var(CASES) {
        Ok(number) => number.parse()?,
        Err(_) => 60,
    };
    let group = group()?;
    let mut replicas = Replicas::start(&group, PROCESSES).await?;
    let _agents = group.start_agents(&all()).await?;
    connected(&replicas, PROCESSES).await?;

    let (began, mut dice, mut kills) = (Instant::now(), Dice::new(), 0);
    let mut last_kill = began;
    let opening = open_all(&group, cases, 8);
    tokio::pin!(opening);
    let mut opened: Option<Vec<String>> = None;
    let limit = Duration::from_secs(120) + Duration::from_millis(1000) * u32::try_from(cases)?;
    // Goes on until nearly all are done, so that kills fall into every stage.
    while opened.is_none() || count(&replicas, READY)? < cases - cases / 20 {
        ensure!(began.elapsed() < limit, "{} of {cases} ready after {limit:?}", count(&replicas, READY)?);
        let pause = tokio::time::sleep(dice.between(Duration::from_secs(2), Duration::from_secs(5)));
        tokio::select! {
            done = &mut opening, if opened.is_none() => { opened = Some(done?); continue }
            () = pause => {}
        }
        let victim = usize::try_from(dice.below(PROCESSES as u64))?;
        replicas.kill(victim)?;
        last_kill = Instant::now();
        kills += 1;
        // Openers go on meanwhile, through the others.
        let starting = replicas.start_one(victim);
        tokio::pin!(starting);
        loop {
            tokio::select! {
                started = &mut starting => break started?,
                done = &mut opening, if opened.is_none() => opened = Some(done?),
            }
        }
    }
    // What the last victim held is taken up when its lease is over; then it is a matter of milliseconds a case.
    let rest = LEASE + Duration::from_secs(20);
    until("every case is ready a lease after the last kill", rest, || async {
        count(&replicas, READY).is_ok_and(|ready| ready == cases).then_some(())
    })
    .await?;
    let (took, stalled, shares) = (began.elapsed(), last_kill.elapsed(), replicas.shares()?);
    println!("measured: {cases} cases in {took:?} over {kills} kills; the last within {stalled:?} of the last kill");
    println!("measured: tasks by process {shares:?}");

    each_is_whole(&replicas, cases)?;
    each_was_asked_once(&group, cases)?;
    assert!(kills >= 2, "only {kills} kills");
    for (address, share) in &shares {
        let percent = share * 100 / (cases * all().len()) as u64;
        assert!((15..=60).contains(&percent), "{address} took up {percent} % of the tasks: {shares:?}");
    }
    let opened = opened.context("opened")?;
    for (number, case) in opened.iter().step_by(opened.len().div_ceil(9)).enumerate() {
        let seat = replicas.seats.get(number % PROCESSES).context("a seat")?;
        verified(&group, &group.caller_at(PORTAL, seat.address)?, case).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_restart_of_each_process_in_turn_fails_no_case() -> Result<()> {
    let group = group()?;
    let mut replicas = Replicas::start(&group, PROCESSES).await?;
    let _agents = group.start_agents(&all()).await?;
    connected(&replicas, PROCESSES).await?;
    let mut cases = 0;
    for number in 0..PROCESSES {
        cases += 10;
        let opening = open_all(&group, 10, 5);
        let restarting = async {
            replicas.terminate(number, Duration::from_secs(30)).await?;
            replicas.start_one(number).await
        };
        tokio::try_join!(opening, restarting)?;
        connected(&replicas, PROCESSES).await?;
    }
    until("every case is ready", PATIENCE, || async {
        count(&replicas, READY).is_ok_and(|ready| ready == cases).then_some(())
    })
    .await?;
    each_is_whole(&replicas, cases)?;
    each_was_asked_once(&group, cases)?;
    let failed = "SELECT COUNT(*) FROM events WHERE name IN ('ATTEMPTS_USED_UP', 'ANSWER_VOIDED')";
    assert_eq!(count(&replicas, failed)?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_staged_stays_when_the_process_that_holds_the_tunnel_dies_mid_part() -> Result<()> {
    let library = Library {
        key: "library".to_owned(),
        email: EMAIL.to_owned(),
        bytes: 24 * MIB,
        document: 20 * KIB,
        dense: true,
        seed: 5,
    };
    let id = DIALLING[0];
    let entity = EntityPlan::new(id, "NL").holds(library).behind_proxy().agent_yaml("limits: { part_bytes: 1MiB }\n");
    let group = Plan::new(vec![entity]).direction(Direction::Outbound).balanced().gateway_yaml(QUICK).lay_out()?;
    let mut replicas = Replicas::start(&group, PROCESSES).await?;
    let proxy = group.start_proxy(id).await?;
    let _agent = group.start_agent(id).await?;
    until("the agent is connected to every process", PATIENCE, || async {
        replicas.present().is_ok_and(|present| present == (3, 3)).then_some(())
    })
    .await?;
    proxy.limit(Some(6 * MIB));
    let portal = group.caller_at(PORTAL, group.balancer_address()?)?;
    let case = open(&portal, portal.request(&[("email", EMAIL)])).await?;
    let enough = |case: &tributary_proto::gateway::v1::Case| case.tasks.iter().any(|task| task.parts >= 6);
    let staged = portal.until(&case, PATIENCE, enough).await?;
    let (before, staged) = (proxy.from_agent(), task(&staged, id)?.bytes);

    let shares = replicas.shares()?;
    let holder = replicas.seats.iter().position(|seat| shares.get(&seat.address) == Some(&1)).context("a holder")?;
    replicas.kill(holder)?;
    proxy.limit(None);
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, id), "FULFILLED");
    let whole = task(&ready, id)?.bytes;
    let after = proxy.from_agent() - before;
    // Parts that were under way are fetched anew, each below 1 MiB; handshakes and descriptors come on top.
    assert!(after < whole - staged + 3 * MIB, "{after} bytes fetched for {whole} of which {staged} were staged");
    let generation = "SELECT MAX(generation) FROM tasks";
    assert_eq!(count(&replicas, generation)?, 1, "the agent did not walk again");
    verified(&group, &portal, &case).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_watched_and_downloaded_through_other_processes_than_the_one_that_opened_it() -> Result<()> {
    let group = group()?;
    let replicas = Replicas::start(&group, PROCESSES).await?;
    let caller = |number: usize| group.caller_at(PORTAL, replicas.seats[number].address);
    let (opener, watcher, reader) = (caller(0)?, caller(1)?, caller(2)?);
    let case = opener.open_for(&[("email", EMAIL)]).await?;
    let request = WatchCaseRequest {
        case_id: case.clone(),
        on_behalf_of: watcher.on_behalf_of.clone(),
        ..WatchCaseRequest::default()
    };
    let mut events = watcher.cases().await?.watch_case(request).await?.into_inner();
    // The stream is there before the first answer comes.
    let _agents = group.start_agents(&all()).await?;
    let mut cursors = Vec::new();
    let watching = async {
        while let Some(said) = events.message().await? {
            cursors.push(said.cursor);
            if said.state() == tributary_proto::gateway::v1::CaseState::Ready {
                return Ok(());
            }
        }
        anyhow::bail!("the stream ended before the archive was ready")
    };
    tokio::time::timeout(PATIENCE, watching).await.context("the archive is ready within the patience")??;
    assert_eq!(cursors, (1..=cursors.len() as u64).collect::<Vec<_>>(), "every event once and in order");
    assert_eq!(state(&reader.case(&case).await?), "READY");
    verified(&group, &reader, &case).await
}
