//! Thousands of schedules of what callers, replicas, agents and clocks do to one store, with faults in between.
//!
//! A seed decides everything. After each step an oracle looks at the whole database; after the last one the faults
//! stop, and every case must come to its end. `tests/simulate` runs more of them for as long as one likes.

mod agent;
mod archives;
mod background;
mod bench;
mod broken;
mod call;
mod callers;
mod draw;
mod group;
mod heal;
mod history;
mod inline;
mod kept;
mod leases;
mod look;
mod objects;
mod oracle;
mod retention;
mod schedule;
mod shrink;
mod work;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tributary_model::lifecycle::{CASE, TASK, TaskEvent};

use super::StoreError;
use super::tests::place::Engine;
use bench::{Bench, Driver};
use broken::{Broken, STORES, WRITES};
use oracle::Stats;
use schedule::Schedule;

/// A promise that did not hold.
#[derive(Debug)]
struct Violation(String);

impl Violation {
    fn at(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

/// A seed that failed, and everything needed to look into it.
struct Failed {
    seed: u64,
    drawn: usize,
    schedule: Schedule,
    violation: Violation,
}

/// Runs the schedules of `seeds` until the time is over or `most` have failed; on as many threads as there are cores.
fn explore(
    driver: Driver,
    seeds: std::ops::Range<u64>,
    time: Duration,
    broken: Broken,
    most: usize,
) -> (u64, Stats, Vec<Failed>) {
    let (next, done, until) = (AtomicU64::new(seeds.start), AtomicU64::new(0), Instant::now() + time);
    let (stats, failed) = (Mutex::new(Stats::default()), Mutex::new(Vec::new()));
    let explore = async || {
        let bench = Bench::open(driver, broken).await.unwrap();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || Instant::now() > until || failed.lock().unwrap().len() >= most {
                return bench.close().await;
            }
            let schedule = Schedule::of(seed);
            let drawn = schedule.steps.len();
            let (outcome, seen) = bench.run(&schedule).await;
            stats.lock().unwrap().add(&seen);
            done.fetch_add(1, Ordering::Relaxed);
            if let Err(violation) = outcome {
                let (schedule, violation) = shrink::shrink(&bench, schedule, violation).await;
                failed.lock().unwrap().push(Failed { seed, drawn, schedule, violation });
            }
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| runtime().block_on(explore()));
        }
    });
    (done.into_inner(), stats.into_inner().unwrap(), failed.into_inner().unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a kept schedule.
fn keeps(lines: &str) {
    runtime().block_on(async {
        let bench = Bench::open(Driver::Inline, Broken::Nothing).await.unwrap();
        let outcome = bench.run(&Schedule::from_lines(lines)).await.0;
        bench.close().await;
        outcome.unwrap();
    });
}

/// A number that `tests/simulate` sets.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

impl Failed {
    fn tell(&self) {
        let Self { seed, drawn, schedule, violation } = self;
        let (steps, Violation(what)) = (schedule.steps.len(), violation);
        println!("\nseed {seed}: {what}\nits {drawn} steps shrunk to {steps}:\n\n{}", schedule.to_lines());
        println!("To keep it, write these lines to gateway/tests/seeds/PROMISE.txt and add PROMISE to kept! in");
        println!("gateway/src/store/simulation/kept.rs, where PROMISE names what did not hold.");
    }
}

#[test]
fn every_schedule_keeps_every_promise() {
    let (from, seeds) = (setting("TRIBUTARY_SIMULATION_FROM"), setting("TRIBUTARY_SIMULATION_SEEDS"));
    let minutes = setting("TRIBUTARY_SIMULATION_MINUTES");
    let usual = if minutes.is_some() {
        u64::MAX / 2
    } else if cfg!(debug_assertions) {
        300
    } else {
        3_000
    };
    let from = from.unwrap_or_default();
    let driver = match std::env::var("TRIBUTARY_SIMULATION_ENGINE").as_deref() {
        Ok("postgres") => Driver::Product(Engine::Postgres),
        Ok("sqlite") => Driver::Product(Engine::Sqlite),
        Ok(other) => panic!("TRIBUTARY_SIMULATION_ENGINE is {other:?}; it may be sqlite or postgres"),
        Err(_) => Driver::Inline,
    };
    let time = Duration::from_secs(60 * minutes.unwrap_or(60));
    let begun = Instant::now();
    let (done, stats, failed) = explore(driver, from..from + seeds.unwrap_or(usual), time, Broken::Nothing, 3);
    println!(
        "{done} schedules from seed {from} in {:.1} s: {} looks, {} archives, {} stale writes refused",
        begun.elapsed().as_secs_f64(),
        stats.steps,
        stats.archives,
        stats.refused
    );
    failed.iter().for_each(Failed::tell);
    assert!(failed.is_empty(), "{} schedules broke a promise", failed.len());
    if done >= 2_000 {
        everything_happened(&stats);
    }
}

#[test]
fn schedules_keep_every_promise_on_postgresql_too() {
    as_the_product(Engine::Postgres);
}

#[test]
fn schedules_keep_every_promise_over_the_products_own_driver_too() {
    as_the_product(Engine::Sqlite);
}

fn as_the_product(engine: Engine) {
    let (_, stats, failed) = explore(Driver::Product(engine), 0..60, Duration::from_secs(600), Broken::Nothing, 1);
    failed.iter().for_each(Failed::tell);
    assert!(failed.is_empty() && stats.archives > 0);
}

/// Schedules that get nowhere keep every promise.
fn everything_happened(stats: &Stats) {
    assert!(stats.refused > 0 && stats.archives > 0);
    for (_, event, to) in CASE {
        assert!(stats.moves.contains_key(&(event.as_str(), to.as_str())), "no case came by {event} to {to}");
    }
    // Of a task's cancellation its case's history tells.
    for (_, event, to) in TASK.iter().filter(|(_, event, _)| *event != TaskEvent::Cancel) {
        assert!(stats.moves.contains_key(&(event.as_str(), to.as_str())), "no task came by {event} to {to}");
    }
}

#[test]
fn a_store_that_breaks_a_promise_is_found_out() {
    for (promise, trigger) in STORES {
        found_out(promise, Broken::Store(trigger));
    }
}

#[test]
fn a_lease_that_is_not_checked_is_found_out() {
    for write in WRITES {
        found_out(write, Broken::Tokens(write));
    }
}

#[test]
fn an_object_that_is_taken_away_in_doubt_is_found_out() {
    found_out("what may have been kept is not removed", Broken::Doubt);
}

fn found_out(promise: &str, broken: Broken) {
    let (done, _, failed) = explore(Driver::Inline, 0..4_000, Duration::from_secs(300), broken, 1);
    let failed = failed.first().unwrap_or_else(|| panic!("{promise}: not found in {done} schedules"));
    println!(
        "{promise}: found by seed {} in {} steps: {}",
        failed.seed,
        failed.schedule.steps.len(),
        failed.violation.0
    );
}

#[test]
fn a_seed_makes_one_schedule_and_its_lines_say_it_all() {
    let schedule = Schedule::of(7);
    assert_eq!(schedule, Schedule::of(7));
    assert_ne!(schedule, Schedule::of(8));
    assert_eq!(schedule, Schedule::from_lines(&schedule.to_lines()));
}
