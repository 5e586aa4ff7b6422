//! Logs: JSON for machines, text for people, and nothing of what libraries would print about the wire.

use std::fmt;
use std::io::IsTerminal;

use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::TelemetryError;

/// Where a filter may stand in the environment; the first one wins.
const VARIABLES: [&str; 2] = ["TRIBUTARY_LOG", "RUST_LOG"];

/// At debug these print metadata, addresses and SQL. No filter of the environment turns that on.
const QUIET: [&str; 13] = [
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tonic_reflection",
    "tonic_health",
    "tower",
    "axum",
    "rustls",
    "tokio_rustls",
    "opentelemetry",
    "opentelemetry_sdk",
    "sqlx",
];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// Text.
    Human,
}

impl LogFormat {
    fn is_json(self) -> bool {
        match self {
            Self::Auto => !std::io::stderr().is_terminal(),
            Self::Json => true,
            Self::Human => false,
        }
    }
}

/// The filter that the environment asks for, `info` without one.
pub(super) fn filter(environment: &dyn Fn(&str) -> Option<String>) -> Result<EnvFilter, TelemetryError> {
    for variable in VARIABLES {
        if let Some(text) = environment(variable) {
            return EnvFilter::try_new(text)
                .map_err(|error| TelemetryError::Filter { variable, reason: error.to_string() });
        }
    }
    Ok(EnvFilter::new("info"))
}

/// The layer that writes log lines to `writer`.
pub(super) fn layer<W>(format: LogFormat, writer: W, filter: EnvFilter) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = filter.and(quiet());
    if format.is_json() {
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .fmt_fields(Appended(JsonFields::new()))
            .with_writer(writer);
        lines.with_filter(filter).boxed()
    } else {
        let lines = tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(writer);
        lines.with_filter(filter).boxed()
    }
}

/// Fields of spans as JSON, to which what is recorded later is appended. The library's own reads all fields of the span
/// again and writes them anew each time, and every rpc records how it ended.
struct Appended(JsonFields);

impl<'w> FormatFields<'w> for Appended {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut added = String::new();
        self.0.format_fields(Writer::new(&mut added), fields)?;
        match (current.fields.strip_suffix('}'), added.strip_prefix('{')) {
            (Some("{") | None, _) => current.fields = added,
            (Some(_), Some("}") | None) => {}
            (Some(known), Some(rest)) => current.fields = format!("{known},{rest}"),
        }
        Ok(())
    }
}

fn quiet() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_targets(QUIET.map(|target| (target, LevelFilter::WARN)))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, work: impl FnOnce()) -> String {
        let memory = Memory::default();
        let sink = memory.clone();
        let lines = layer(LogFormat::Json, move || sink.clone(), EnvFilter::new(filter));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn each_log_line_is_one_json_object_with_its_spans() {
        let text = logged("info", || {
            let _span = tracing::info_span!("rpc", trace_id = "abc").entered();
            tracing::info!(entities = 3, "case opened");
            tracing::debug!("not shown");
        });
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "case opened");
        assert_eq!(lines[0]["entities"], 3);
        assert_eq!(lines[0]["spans"][0]["trace_id"], "abc");
    }

    #[test]
    fn what_a_span_learns_later_stands_with_what_it_knew() {
        let text = logged("info", || {
            let empty = tracing::field::Empty;
            let span = tracing::info_span!("rpc", method = "a", peer = empty, status = empty).entered();
            span.record("peer", "spiffe://a/\"quoted\"");
            span.record("status", "OK");
            span.record("status", "UNKNOWN");
            let inner = tracing::info_span!("inner", entity = empty).entered();
            inner.record("entity", 7);
            tracing::info!("done");
        });
        let line: Value = serde_json::from_str(text.trim_end()).unwrap();
        let outer =
            serde_json::json!({ "name": "rpc", "method": "a", "peer": "spiffe://a/\"quoted\"", "status": "UNKNOWN" });
        assert_eq!(line["spans"], serde_json::json!([outer, { "name": "inner", "entity": 7 }]));
    }

    #[test]
    fn no_filter_makes_libraries_print_what_is_on_the_wire() {
        let text = logged("trace", || {
            tracing::debug!(target: "h2::codec::framed_write", "headers");
            tracing::debug!(target: "sqlx::query", "select");
            tracing::trace!(target: "tributary_gateway", "own");
        });
        assert!(text.contains("own") && !text.contains("headers") && !text.contains("select"), "{text}");
    }

    #[test]
    fn the_filter_comes_from_our_variable_first() {
        let environment = |name: &str| match name {
            "TRIBUTARY_LOG" => Some("debug".to_owned()),
            _ => Some("error".to_owned()),
        };
        assert_eq!(filter(&environment).unwrap().to_string(), "debug");
        let error = filter(&|_| Some("a=b=c".to_owned())).unwrap_err().to_string();
        assert!(error.contains("TRIBUTARY_LOG"), "{error}");
    }
}
