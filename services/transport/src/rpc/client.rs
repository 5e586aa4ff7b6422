//! The client's layer: one span and one duration per call, our trace and what remains of our deadline for the callee.
//!
//! Errors come out as statuses, with their source kept (`failure` needs it), and an expired timeout as what it is:
//! tonic calls it cancelled.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use opentelemetry::metrics::Histogram;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::body::{Observed, status_in};
use super::call::{Call, Side, call_span};
use super::{deadline, trace_context};
use crate::failure::{self, Local, RpcFailure};
use crate::peer::Peer;

/// A channel whose calls are observed. Clone it freely: clones share the connection.
#[derive(Clone)]
pub struct ClientCalls<S> {
    inner: S,
    peer: Arc<Peer>,
    closing: CancellationToken,
    duration: Histogram<f64>,
}

impl<S> ClientCalls<S> {
    /// `closing` is fired by the first call that the connection did not take any more.
    pub(crate) fn new(inner: S, peer: Peer, closing: CancellationToken) -> Self {
        Self { inner, peer: Arc::new(peer), closing, duration: Side::Client.histogram() }
    }

    /// The path of an outgoing call comes from generated code, so it is a name of the contract.
    fn begin(&self, request: &Request<Body>) -> Call {
        let method = request.uri().path().trim_start_matches('/');
        let span = call_span!("client", method, self.peer.id.as_str());
        Call::begin(Side::Client, method, span, self.duration.clone())
    }
}

impl<S> Service<Request<Body>> for ClientCalls<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: std::error::Error + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx).map_err(into_status)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut call = self.begin(&request);
        trace_context::inject(&call.span().context(), request.headers_mut());
        deadline::pass_on(request.headers_mut());
        let span = call.span().clone();
        let sent = span.in_scope(|| self.inner.call(request));
        let closing = self.closing.clone();
        let work = async move {
            match sent.await {
                Ok(response) => {
                    let (parts, body) = response.into_parts();
                    if let Some(code) = status_in(&parts.headers) {
                        call.finish(code);
                    }
                    Ok(Response::from_parts(parts, Body::new(Observed::new(body, call, ()))))
                }
                Err(error) => {
                    let status = into_status(error);
                    if failure::classify(&status) == RpcFailure::Local(Local::NotSent) {
                        closing.cancel();
                    }
                    call.finish(status.code());
                    Err(status)
                }
            }
        };
        Box::pin(work.instrument(span))
    }
}

fn into_status(error: impl std::error::Error + Send + Sync + 'static) -> Status {
    let expired = failure::is_timeout(&error);
    if !expired {
        return Status::from_error(Box::new(error));
    }
    let mut status = Status::new(Code::DeadlineExceeded, "the call's deadline has passed");
    status.set_source(Arc::new(error));
    status
}
