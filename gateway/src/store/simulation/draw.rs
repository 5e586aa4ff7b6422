//! Draws schedules: the one place of the simulation with chance in it, and all of it comes from the seed.
//!
//! Steps are drawn so that most of them mean something: a case is opened first, claims are followed by work.

use fastrand::Rng;

use super::schedule::{Answer, Change, Fault, Op, Reach, Schedule, Step, Wait};

/// Steps of a schedule, between these.
const STEPS: std::ops::RangeInclusive<usize> = 8..=28;
/// What the clock may jump by: within a lease, beyond it, to a date, beyond retention.
const JUMPS: [u32; 9] = [1, 5, 11, 31, 61, 3_600, 86_400, 20 * 86_400, 40 * 86_400];
/// Most calls of an attempt at once: as many as a whole export of three parts takes.
const CALLS: u8 = 15;
/// One call in so many goes wrong.
const FAULTY: u32 = 6;

pub(super) fn schedule(seed: u64) -> Schedule {
    let mut rng = Rng::with_seed(seed);
    let replicas = rng.u8(1..=3);
    let agents = (0..rng.usize(1..=3)).map(|_| (0..rng.usize(1..=3)).map(|_| answer(&mut rng)).collect()).collect();
    let mut ops = vec![open(&mut rng)];
    let count = rng.usize(STEPS);
    while ops.len() < count {
        plot(&mut rng, &mut ops);
    }
    Schedule { replicas, agents, steps: ops.into_iter().map(|op| step(&mut rng, op)).collect() }
}

/// A few operations that belong together, or one that stands alone.
fn plot(rng: &mut Rng, ops: &mut Vec<Op>) {
    let (replica, entity, case) = (rng.u8(0..3), rng.u8(0..3), rng.u8(0..3));
    let work = |rng: &mut Rng, replica| Op::Work { replica, attempt: rng.u8(0..3), calls: rng.u8(1..=CALLS) };
    match rng.u8(0..20) {
        // One replica takes over from another that only seems to be dead.
        0..=2 => {
            if rng.u8(0..6) == 0 {
                ops.push(Op::Reach { entity, reach: Reach::Waits });
            }
            ops.extend([Op::Claim { replica, entity, most: 3 }, work(rng, replica), Op::Pass { seconds: 31 }]);
            ops.extend([Op::Claim { replica: replica + 1, entity, most: 3 }, work(rng, replica + 1)]);
            ops.push(match rng.u8(0..4) {
                0 => Op::Renew { replica, attempt: 0 },
                1 => Op::Stop { replica },
                _ => work(rng, replica),
            });
            ops.push(work(rng, replica + 1));
        }
        // An entity is away until the date, and answers late.
        3 => {
            ops.extend([Op::Reach { entity, reach: reach(rng) }, Op::Round { replica }]);
            ops.extend([Op::Pass { seconds: 26 * 86_400 }, Op::Round { replica }, Op::Deliver { case, archive: 0 }]);
            if rng.bool() {
                ops.push(Op::Group { change: change(rng), entity: rng.u8(0..3) });
            }
            ops.extend([Op::Reach { entity, reach: Reach::Up }, Op::Pass { seconds: 61 }, Op::Round { replica }]);
        }
        4 | 5 => ops.extend([Op::Round { replica }, Op::Deliver { case, archive: rng.u8(0..3) }]),
        // Two replicas at one archive.
        6 => {
            ops.extend([Op::Decide { replica }, Op::Gather { replica }, Op::Pass { seconds: 31 }]);
            ops.extend([
                Op::Gather { replica: replica + 1 },
                Op::Write { replica },
                Op::Write { replica: replica + 1 },
            ]);
        }
        7 | 8 => ops.extend([Op::Claim { replica, entity, most: 3 }, work(rng, replica)]),
        // Somebody vouches while it is on its way, after it was handed over, or late.
        9 => {
            ops.extend([
                Op::Claim { replica, entity, most: 1 },
                Op::Work { replica, attempt: 0, calls: rng.u8(1..=3) },
            ]);
            ops.extend([Op::Vouch { case, more: rng.bool() }, Op::Round { replica }, Op::Vouch { case, more: false }]);
        }
        10 => ops.push(Op::Round { replica }),
        // An agent dies during its walk, with parts on their way.
        11 => {
            ops.extend([
                Op::Claim { replica, entity, most: 1 },
                Op::Work { replica, attempt: 0, calls: rng.u8(9..=12) },
            ]);
            ops.extend([Op::Crash { entity }, work(rng, replica)]);
        }
        _ => ops.push(op(rng)),
    }
}

fn step(rng: &mut Rng, op: Op) -> Step {
    let fault = match (rng.u32(0..FAULTY), rng.u8(0..3)) {
        (0, 0) => Fault::NotMade,
        (0, 1) => Fault::AnswerLost,
        (0, _) => Fault::DiesAfter,
        _ => Fault::None,
    };
    Step { op, fault }
}

fn answer(rng: &mut Rng) -> Answer {
    match rng.u8(0..12) {
        0..=4 => Answer::Parts(rng.u8(1..=3)),
        5 => Answer::NoData,
        6 => Answer::Refused,
        7 => Answer::Partly,
        8 | 9 => Answer::NeedsIdentity,
        10 => Answer::NeedsDecision,
        _ => Answer::Lie,
    }
}

fn open(rng: &mut Rng) -> Op {
    let wait = match rng.u8(0..4) {
        0 | 1 => Wait::ByDate,
        2 => Wait::Complete,
        _ => Wait::Window,
    };
    Op::Open { request: rng.u8(0..3), wait, vouched: rng.u8(0..5) > 0 }
}

fn op(rng: &mut Rng) -> Op {
    let (replica, entity, case) = (rng.u8(0..3), rng.u8(0..3), rng.u8(0..3));
    match rng.u8(0..100) {
        0..=3 => open(rng),
        4 => Op::OpenOther { request: case },
        5..=8 => Op::Vouch { case, more: rng.bool() },
        9..=13 => Op::Retry { case, entity },
        14 | 15 => Op::Cancel { case },
        16..=20 => Op::Deliver { case, archive: rng.u8(0..3) },
        21 => Op::Download { case },
        22..=35 => Op::Claim { replica, entity, most: rng.u8(1..=3) },
        36..=53 => Op::Work { replica, attempt: rng.u8(0..4), calls: rng.u8(1..=CALLS) },
        54..=56 => Op::Renew { replica, attempt: rng.u8(0..4) },
        57 => Op::Stop { replica },
        58 | 59 => Op::Escalate { replica },
        60..=62 => Op::Decide { replica },
        63..=68 => Op::Gather { replica },
        69..=74 => Op::Write { replica },
        75..=77 => Op::Finish { replica },
        78 | 79 => Op::Retain { replica },
        80 | 81 => Op::Kill { replica },
        82 => Op::Skew { replica, seconds: rng.i32(-300..=300) },
        83 => Op::Crash { entity },
        84..=87 => Op::Reach { entity, reach: reach(rng) },
        88 => Op::Back { replica, entity },
        89..=91 => Op::Group { change: change(rng), entity },
        _ => Op::Pass { seconds: JUMPS[rng.usize(0..JUMPS.len())] },
    }
}

fn reach(rng: &mut Rng) -> Reach {
    match rng.u8(0..8) {
        0..=2 => Reach::Up,
        3 | 4 => Reach::Down,
        5 => Reach::Slow,
        6 => Reach::Broken,
        _ => Reach::Waits,
    }
}

fn change(rng: &mut Rng) -> Change {
    match rng.u8(0..5) {
        0 => Change::Nothing,
        1 | 2 => Change::NewKey,
        3 => Change::Leaves,
        _ => Change::Returns,
    }
}
