//! Trace context for work that outlives the request that asked for it: kept as text, taken up again later.
//!
//! `rpc` carries the context of calls by itself; this is for durable tasks, whose attempts belong to the trace of
//! whoever caused them.

use http::{HeaderMap, HeaderValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::rpc::trace_context::{extract, inject};

const TRACEPARENT: &str = "traceparent";

/// The current span's context as a W3C `traceparent`, if it is in a trace.
pub fn current() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&Span::current().context(), &mut headers);
    headers.get(TRACEPARENT)?.to_str().ok().map(str::to_owned)
}

/// Makes `span`, which must not have been entered yet, a child of the context that [`current`] gave. What is not such
/// a context changes nothing.
pub fn follow(span: &Span, traceparent: &str) {
    let Ok(value) = HeaderValue::from_str(traceparent) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, value);
    if let Err(error) = span.set_parent(extract(&headers)) {
        tracing::debug!(%error, "a trace could not be taken up again");
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn later_work_belongs_to_the_trace_of_who_asked_for_it() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let asked = tracing::info_span!("request");
            let trace = asked.context().span().span_context().trace_id();
            let kept = asked.in_scope(current).unwrap();
            let later = tracing::info_span!("attempt");
            follow(&later, &kept);
            assert_eq!(later.context().span().span_context().trace_id(), trace);
            let other = tracing::info_span!("other");
            follow(&other, "nonsense\n");
            assert_ne!(other.context().span().span_context().trace_id(), trace);
        });
        assert_eq!(current(), None);
    }
}
