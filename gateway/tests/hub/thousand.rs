//! Groups of many entities: the same code as for three, at a cost that grows with their number and no faster.

use std::time::{Duration, Instant};

use tributary_archive::verify::Verdict;
use tributary_model::disposition::Disposition;
use tributary_proto::gateway::v1::CaseState;

use crate::case::{Case, request, verified};
use crate::hub::Hub;
use crate::support::script::Script;

/// Ten times the entities may cost this many times as much; what is quadratic costs a hundred times as much.
const MOST: f64 = 20.0;
/// Open files of an entity: its listener and both ends of one connection. All run in this process.
const FILES: usize = 4;
const LIMIT: Duration = Duration::from_secs(150);

/// What a case took.
struct Cost {
    cpu: f64,
    files: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_of_a_thousand_entities_costs_each_of_them_what_a_hundred_cost() {
    let few = case_of(100).await;
    let many = case_of(1000).await;
    let times = many.cpu / few.cpu;
    assert!(times <= MOST, "{:.2} s of CPU for a hundred, {:.2} s for a thousand: {times:.1} times", few.cpu, many.cpu);
    assert!(many.files <= 1000 * FILES, "{} open files for a thousand entities", many.files);
}

/// One case of `count` entities, every tenth of which holds something, to its verified archive.
async fn case_of(count: usize) -> Cost {
    let files = open_files();
    let names: Vec<String> = (0..count).map(|number| format!("e{number:04}")).collect();
    let entities: Vec<&str> = names.iter().map(String::as_str).collect();
    let hub = Hub::new(&entities).await;
    let script = |at: usize| if at.is_multiple_of(10) { Script::honest() } else { Script::saying(Disposition::NoData) };
    let _agents: Vec<_> = entities.iter().zip(0..).map(|(entity, at)| hub.agent(entity, script(at))).collect();

    let before = cpu();
    let mut case = Case::open(&hub, request(0)).await;
    let end = Instant::now() + LIMIT;
    let ready = loop {
        let now = case.get().await;
        if now.state() == CaseState::Ready {
            break now;
        }
        assert!(Instant::now() < end, "{count} entities were not ready within {LIMIT:?}: {:?}", now.state());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let cost = Cost { cpu: cpu() - before, files: open_files() - files };
    assert!(ready.archives[0].complete && ready.tasks.len() == count);
    let report = verified(&hub, &case.archive(0).await, None);
    assert_eq!(report.verdict, Verdict::Authentic, "{:#?}", report.findings);
    cost
}

/// CPU time of this process, in the kernel's ticks of 10 ms.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The 12th and 13th field after the name, which may hold anything.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
