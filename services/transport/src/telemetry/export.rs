//! Where traces and metrics go: a collector when the environment names one, `/metrics` in any case.
//!
//! The SDK does not implement `OTEL_SDK_DISABLED`, and its exporters would dial localhost when no endpoint is set; both
//! are decided here. Everything else of `OTEL_*` is read by the SDK itself.

use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{Metrics, TelemetryError};

/// An exporter that traced its own calls would never end.
const EXPORTERS: [&str; 8] =
    ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls", "opentelemetry", "opentelemetry_sdk"];

/// Which signals go to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    traces: bool,
    metrics: bool,
}

impl Wanted {
    pub(super) fn from(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let disabled = environment("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let wanted = |signal: &str| {
            let endpoint = environment("OTEL_EXPORTER_OTLP_ENDPOINT").is_some()
                || environment(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")).is_some();
            let off = environment(&format!("OTEL_{signal}_EXPORTER")).is_some_and(|value| value == "none");
            !disabled && endpoint && !off
        };
        Self { traces: wanted("TRACES"), metrics: wanted("METRICS") }
    }
}

/// Spans get ids in any case; only a collector makes them leave the process.
pub(super) fn tracers(resource: Resource, wanted: Wanted) -> Result<SdkTracerProvider, TelemetryError> {
    let mut builder = SdkTracerProvider::builder().with_resource(resource);
    if wanted.traces {
        let exporter =
            SpanExporter::builder().with_tonic().build().map_err(|e| TelemetryError::Exporter(e.to_string()))?;
        builder = builder.with_batch_exporter(exporter);
    }
    Ok(builder.build())
}

pub(super) fn meters(
    resource: Resource,
    metrics: &Metrics,
    wanted: Wanted,
) -> Result<SdkMeterProvider, TelemetryError> {
    let scrape = opentelemetry_prometheus::exporter()
        .with_registry(metrics.registry())
        .build()
        .map_err(|error| TelemetryError::Metrics(error.to_string()))?;
    let mut builder = SdkMeterProvider::builder().with_resource(resource).with_reader(scrape);
    if wanted.metrics {
        let exporter =
            MetricExporter::builder().with_tonic().build().map_err(|e| TelemetryError::Exporter(e.to_string()))?;
        builder = builder.with_periodic_exporter(exporter);
    }
    Ok(builder.build())
}

/// Spans of this project; those of the libraries underneath stay inside.
pub(super) fn own_targets() -> Targets {
    Targets::new().with_default(LevelFilter::INFO).with_targets(EXPORTERS.map(|target| (target, LevelFilter::OFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(set: &[(&str, &str)]) -> (bool, bool) {
        let found = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let wanted = Wanted::from(&found);
        (wanted.traces, wanted.metrics)
    }

    #[test]
    fn nothing_is_exported_unless_a_collector_is_named() {
        assert_eq!(wanted(&[]), (false, false));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")]), (true, true));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317")]), (true, false));
        let off = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_METRICS_EXPORTER", "none")];
        assert_eq!(wanted(&off), (true, false));
    }

    #[test]
    fn the_sdk_can_be_disabled() {
        let set = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_SDK_DISABLED", "TRUE")];
        assert_eq!(wanted(&set), (false, false));
    }

    #[test]
    fn metrics_can_be_scraped_without_a_collector() {
        use opentelemetry::metrics::MeterProvider;
        let metrics = Metrics::new();
        let none = Wanted { traces: false, metrics: false };
        let meters = meters(Resource::builder_empty().build(), &metrics, none).unwrap();
        meters.meter("test").u64_counter("tributary.panics").build().add(2, &[]);
        let text = metrics.render().unwrap();
        assert!(text.lines().any(|line| line.starts_with("tributary_panics_total") && line.ends_with(" 2")), "{text}");
    }
}
