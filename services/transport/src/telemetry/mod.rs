//! Logs, traces and metrics of a process, set up once at its start.
//!
//! Logs go to stderr; traces and metrics go to a collector only when the environment names one; `/metrics` always works.
//! Trace ids exist without a collector too, so that logs of gateway and agents can be joined. `logs` and `export` hold the parts.

mod export;
mod logs;
mod metrics;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

pub use self::logs::LogFormat;
pub use self::metrics::Metrics;
use crate::panics;

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter in the environment cannot be read.
    #[error("{variable} is not a log filter: {reason}; write for example `info` or `info,tributary_gateway=debug`")]
    Filter {
        /// Which variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The collector that the environment names cannot be used.
    #[error("the OTLP exporter cannot be set up: {0}; check the OTEL_EXPORTER_OTLP_* variables")]
    Exporter(String),
    /// The Prometheus registry refuses the exporter.
    #[error("the metrics registry cannot be set up: {0}")]
    Metrics(String),
    /// Telemetry was set up before in this process.
    #[error("telemetry is set up twice in one process")]
    Twice,
}

/// The running telemetry. Keep it until the end of the process, then call [`shutdown`](Self::shutdown).
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    tracing: SdkTracerProvider,
    meters: SdkMeterProvider,
}

/// Sets up logs, traces, metrics and the panic hook for the whole process. Needs a tokio runtime around it when the
/// environment names a collector.
///
/// # Errors
/// When a variable of the environment cannot be understood, or this was done before.
pub fn init(service_name: &str, format: LogFormat) -> Result<Telemetry, TelemetryError> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = export::Wanted::from(&environment);
    let resource = resource(service_name, &environment);
    let metrics = Metrics::new();
    let meters = export::meters(resource.clone(), &metrics, wanted)?;
    let tracing = export::tracers(resource, wanted)?;

    let filter = logs::filter(&environment)?;
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracing.tracer("tributary"))
        .with_threads(false)
        .with_filter(export::own_targets());
    let subscriber: Box<dyn Layer<Registry> + Send + Sync> = logs::layer(format, std::io::stderr, filter);
    tracing_subscriber::registry().with(subscriber).with(spans).try_init().map_err(|_| TelemetryError::Twice)?;
    opentelemetry::global::set_meter_provider(meters.clone());
    opentelemetry::global::set_tracer_provider(tracing.clone());
    panics::install_hook();
    Ok(Telemetry { metrics, tracing, meters })
}

impl Telemetry {
    /// What `/metrics` shows.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Sends what is still held back, within `limit`. A dead collector costs the limit and no more.
    pub async fn shutdown(self, limit: Duration) {
        let Self { tracing, meters, .. } = self;
        let flush = tokio::task::spawn_blocking(move || {
            let _ = tracing.shutdown_with_timeout(limit);
            let _ = meters.shutdown_with_timeout(limit);
        });
        if tokio::time::timeout(limit, flush).await.is_err() {
            tracing::warn!("the last traces and metrics could not be sent in time");
        }
    }
}

/// The environment's own name wins over ours, as OpenTelemetry asks.
fn resource(service_name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Resource {
    let builder = Resource::builder();
    if environment("OTEL_SERVICE_NAME").is_some() {
        builder.build()
    } else {
        builder.with_service_name(service_name.to_owned()).build()
    }
}
