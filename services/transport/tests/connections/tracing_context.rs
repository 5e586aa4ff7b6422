//! One trace from caller to callee, with the names that OpenTelemetry gives them and nothing of the payload.

use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::world::{Entity, ask, dial, health, serve};

fn attribute<'a>(span: &'a SpanData, name: &str) -> Option<&'a opentelemetry::Value> {
    span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| &pair.value)
}

#[tokio::test]
async fn a_call_is_one_trace_on_both_sides() {
    let memory = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(memory.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // For the whole process: a subscriber for one thread could miss spans whose first use was on another. Spans of the
    // other tests end up here too and are told apart by their trace.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();

    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    let mut request = ask("who");
    request.metadata_mut().insert("note", "anna@example.org".parse().unwrap());
    let case = tracing::info_span!("case");
    health(&link).check(request).instrument(case).await.unwrap();
    server.stop().await;
    drop(link);

    let spans = memory.get_finished_spans().unwrap();
    let case = spans.iter().find(|span| span.name == "case").unwrap();
    let trace = case.span_context.trace_id();
    let find = |kind: SpanKind| {
        spans
            .iter()
            .find(|span| span.span_kind == kind && span.span_context.trace_id() == trace)
            .expect("in this trace")
    };
    let (client, server) = (find(SpanKind::Client), find(SpanKind::Server));
    assert_eq!(client.parent_span_id, case.span_context.span_id());
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    for span in [client, server] {
        assert_eq!(span.name, "grpc.health.v1.Health/Check");
        assert_eq!(attribute(span, "rpc.system.name").unwrap().as_str(), "grpc");
        assert_eq!(attribute(span, "rpc.method").unwrap().as_str(), "grpc.health.v1.Health/Check");
        assert_eq!(attribute(span, "rpc.response.status_code").unwrap().as_str(), "OK");
    }
    assert_eq!(attribute(server, "tributary.peer").unwrap().as_str(), gateway.id("gateway").as_str());
    assert!(!format!("{spans:?}").contains("anna"));
}
