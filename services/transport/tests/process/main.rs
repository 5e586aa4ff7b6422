//! Promises that concern a whole process: its log lines, its panic hook, its exporter.
//!
//! Telemetry is set up once per process, so each test starts this very program again as a child and looks at what
//! comes out of it.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tributary_transport::tasks::Tasks;
use tributary_transport::telemetry::{self, LogFormat};

/// Present in a child: which part it plays.
const PART: &str = "TRIBUTARY_TEST_PART";

/// The child. Without a part it is an ordinary test that has nothing to do.
#[tokio::test]
async fn child() {
    let Ok(part) = std::env::var(PART) else { return };
    let telemetry = telemetry::init("tributary-test", LogFormat::Auto).unwrap();
    match part.as_str() {
        "panic" => {
            let tasks = Tasks::new();
            tasks.spawn("walk", async { panic!("anna@example.org") });
            tasks.drain(Duration::from_secs(10)).await;
            tracing::info!(panics = tasks.panics(), "survived");
            assert!(telemetry.metrics().render().unwrap().contains("tributary_panics_total"));
        }
        "span" => tracing::info_span!("case").in_scope(|| tracing::info!("inside")),
        other => unreachable!("{other}"),
    }
    telemetry.shutdown(Duration::from_secs(2)).await;
}

fn start(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command
        .args(["--exact", "child", "--nocapture"])
        .env(PART, part)
        .env_remove("TRIBUTARY_LOG")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stderr.clone()).expect("logs are text");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn a_panic_is_logged_by_its_place_and_never_by_its_message() {
    let output = start("panic").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let logged = lines(&output);
    let surfaced = logged.iter().find(|line| line["name"] == "walk").expect("the task's panic is logged");
    assert!(surfaced["location"].as_str().unwrap().contains("tests/process/main.rs:"), "{surfaced}");
    assert!(logged.iter().any(|line| line["message"] == "survived" && line["panics"] == 1));
    for bytes in [&output.stderr, &output.stdout] {
        assert!(!String::from_utf8_lossy(bytes).contains("anna"));
    }
}

#[test]
fn a_log_filter_that_cannot_be_read_stops_the_start_and_is_named() {
    let output = start("span").env("TRIBUTARY_LOG", "a=b=c").output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("TRIBUTARY_LOG"), "{text}");
}

#[tokio::test]
async fn spans_go_to_the_collector_that_the_environment_names() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let child = tokio::task::spawn_blocking(move || {
        start("span").env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint).output().unwrap()
    });
    // Enough of a collector: it reads what arrives on the first connection and answers nothing.
    let (mut stream, _) = tokio::time::timeout(Duration::from_secs(20), listener.accept()).await.unwrap().unwrap();
    let mut heard = Vec::new();
    let name = b"tributary-test";
    let read = async {
        while !heard.windows(name.len()).any(|window| window == name) {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0, "closed before the spans came");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the spans arrive");
    drop(stream);
    assert!(heard.starts_with(b"PRI * HTTP/2.0"), "the exporter speaks gRPC");
    assert!(child.await.unwrap().status.success());
}

#[test]
fn a_dead_collector_costs_a_bounded_time_at_the_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let began = Instant::now();
    let output = start("span").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(lines(&output).iter().any(|line| line["message"] == "inside"));
}

#[test]
fn nothing_is_dialled_when_the_sdk_is_disabled() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let output =
        start("span").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_SDK_DISABLED", "true").output().unwrap();
    assert!(output.status.success());
    collector.set_nonblocking(true).unwrap();
    assert_eq!(collector.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
