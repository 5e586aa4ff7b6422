//! One call from its start to its last byte: its span, its status, its duration.
//!
//! It records itself exactly once, also when it is dropped unfinished, which is how a cancelled call looks.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tokio::time::Instant;
use tonic::Code;
use tracing::Span;

use super::semconv;

/// Which side of the call this process is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    /// The histogram of this side, from the process's meter.
    pub(crate) fn histogram(self) -> Histogram<f64> {
        let name = match self {
            Self::Client => semconv::CLIENT_DURATION,
            Self::Server => semconv::SERVER_DURATION,
        };
        opentelemetry::global::meter("tributary")
            .f64_histogram(name)
            .with_unit(semconv::SECONDS)
            .with_description("Duration of rpcs, streams until their end")
            .with_boundaries(semconv::DURATION_BOUNDS.to_vec())
            .build()
    }

    fn is_error(self, code: Code) -> bool {
        match self {
            Self::Client => code != Code::Ok,
            Self::Server => semconv::is_server_error(code),
        }
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Call {
    side: Side,
    method: String,
    span: Span,
    began: Instant,
    duration: Histogram<f64>,
    finished: bool,
}

impl Call {
    pub(crate) fn begin(side: Side, method: &str, span: Span, duration: Histogram<f64>) -> Self {
        Self { side, method: method.to_owned(), span, began: Instant::now(), duration, finished: false }
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Records how the call ended. Only the first time counts.
    pub(crate) fn finish(&mut self, code: Code) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let status = semconv::status_name(code);
        self.span.record(semconv::RPC_STATUS, status);
        let mut attributes = vec![
            KeyValue::new(semconv::RPC_SYSTEM, semconv::GRPC),
            KeyValue::new(semconv::RPC_METHOD, self.method.clone()),
            KeyValue::new(semconv::RPC_STATUS, status),
        ];
        if self.side.is_error(code) {
            self.span.record(semconv::ERROR_TYPE, status);
            self.span.record("otel.status_code", "ERROR");
            attributes.push(KeyValue::new(semconv::ERROR_TYPE, status));
        }
        self.duration.record(self.began.elapsed().as_secs_f64(), &attributes);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

/// A span for one call. `kind` is what OpenTelemetry calls it: `server` or `client`; `peer` is optional. What is known is
/// said here, since each thing that is recorded later costs as much again.
macro_rules! call_span {
    ($kind:literal, $method:expr, $peer:expr) => {
        tracing::info_span!(
            "rpc",
            otel.name = $method,
            otel.kind = $kind,
            otel.status_code = tracing::field::Empty,
            { $crate::rpc::semconv::RPC_SYSTEM } = $crate::rpc::semconv::GRPC,
            { $crate::rpc::semconv::RPC_METHOD } = $method,
            { $crate::rpc::semconv::RPC_STATUS } = tracing::field::Empty,
            { $crate::rpc::semconv::ERROR_TYPE } = tracing::field::Empty,
            { $crate::rpc::semconv::PEER } = $peer,
            entity = tracing::field::Empty,
            trace_id = tracing::field::Empty,
        )
    };
}
pub(crate) use call_span;
