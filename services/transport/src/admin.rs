//! The plaintext admin port: `/livez`, `/readyz`, `/metrics`.
//!
//! Orchestrators probe without certificates, so this is a port of its own, meant for the machine or the cluster only.
//! It shows names of conditions, what is wrong with the systems that the process needs, and counts; nothing about a case
//! and nobody's data.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use futures::future::BoxFuture;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::readiness::Readiness;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// Probes and one or two scrapers; more at once is a mistake somewhere.
const CONNECTIONS: usize = 64;

/// How long a request may take to arrive.
const HEADER_TIME: Duration = Duration::from_secs(5);

/// How long an answer under way may take after the stop.
const DRAIN: Duration = Duration::from_secs(1);

/// The admin port.
pub struct Admin {
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
}

impl Admin {
    /// Answers on `listener` from these two.
    pub fn new(listener: TcpListener, readiness: Readiness, metrics: Metrics) -> Self {
        Self { listener, readiness, metrics }
    }

    /// Serves until `shutdown` fires. Let it run through the drain of the main server, so that `/readyz` can say no.
    pub fn run(self, shutdown: CancellationToken) -> BoxFuture<'static, ()> {
        // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
        Box::pin(self.serve(shutdown))
    }

    async fn serve(self, shutdown: CancellationToken) {
        let router = Router::new()
            .route("/livez", get(|| ready("ok\n")))
            .route("/readyz", get(readyz).with_state(self.readiness))
            .route("/metrics", get(metrics).with_state(self.metrics));
        let tasks = Tasks::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let accept = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let Ok((stream, _)) = self.listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (router, stop) = (router.clone(), tasks.stopping());
                tasks.spawn("admin connection", async move {
                    serve(stream, router, stop).await;
                    drop(place);
                });
            }
        };
        shutdown.run_until_cancelled(accept).await;
        tasks.drain(DRAIN).await;
    }
}

async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "an admin connection broke");
            }
            return;
        }
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let conditions = readiness.conditions();
    let ready = conditions.iter().all(|(_, met)| *met);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    for (name, met) in conditions {
        text.push_str(if met { "[+] " } else { "[-] " });
        text.push_str(name);
        text.push('\n');
    }
    for remark in readiness.remarks() {
        text.push_str("[!] ");
        // One line each, whatever it quotes.
        text.extend(remark.chars().map(|c| if c.is_control() { ' ' } else { c }));
        text.push('\n');
    }
    text.push_str(if ready { "ready\n" } else { "not ready\n" });
    (status, text)
}

async fn metrics(State(metrics): State<Metrics>) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
    match metrics.render() {
        Ok(text) => (StatusCode::OK, kind, text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, kind, String::new())
        }
    }
}
