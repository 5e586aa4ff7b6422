//! The server's layer: one span and one duration per call, the caller's trace and deadline, a limit, and no panic
//! that takes the connection with it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::TraceContextExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::body::{Observed, panicked, status_in};
use super::call::{Call, Side, call_span};
use super::methods::Methods;
use super::{deadline, trace_context};
use crate::limits::Limits;
use crate::panics;
use crate::peer::peer_in;
use crate::shares::{Share, Shares};

/// When a caller that was turned away for overload may come back.
const COME_BACK: Duration = Duration::from_secs(1);

/// What a call holds until it ends.
type Place = (OwnedSemaphorePermit, Option<Share>);

/// Wraps a service so that every call is observed and limited.
#[derive(Clone)]
pub struct ServerCalls {
    methods: Methods,
    places: Arc<Semaphore>,
    shares: Shares,
    duration: Histogram<f64>,
}

impl ServerCalls {
    /// At most `limits.rpcs` calls at once, `limits.rpcs_per_peer` of one peer, streams counted until they end.
    pub fn new(methods: Methods, limits: &Limits) -> Self {
        let (places, shares) = (Arc::new(Semaphore::new(limits.rpcs)), Shares::new(limits.rpcs_per_peer));
        Self { methods, places, shares, duration: Side::Server.histogram() }
    }

    /// A place among all calls and among those of the peer.
    fn place(&self, request: &Request<Body>) -> Option<Place> {
        let share = match peer_in(request.extensions()) {
            Some(peer) => Some(self.shares.take(&peer.id)?),
            None => None,
        };
        Some((Arc::clone(&self.places).try_acquire_owned().ok()?, share))
    }

    fn begin(&self, request: &Request<Body>) -> Call {
        let method = self.methods.name(request.uri().path());
        let peer = peer_in(request.extensions());
        let span = call_span!("server", method, peer.as_ref().map(|peer| peer.id.as_str()));
        // Fails only without an OpenTelemetry layer, and then there is no trace to join.
        let _ = span.set_parent(trace_context::extract(request.headers()));
        let trace = span.context().span().span_context().trace_id();
        if trace != opentelemetry::TraceId::INVALID {
            span.record("trace_id", tracing::field::display(trace));
        }
        Call::begin(Side::Server, method, span, self.duration.clone())
    }
}

impl<S> Layer<S> for ServerCalls {
    type Service = Handled<S>;

    fn layer(&self, inner: S) -> Handled<S> {
        Handled { calls: self.clone(), inner }
    }
}

/// A service wrapped by [`ServerCalls`].
#[derive(Clone)]
pub struct Handled<S> {
    calls: ServerCalls,
    inner: S,
}

impl<S> Service<Request<Body>> for Handled<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut call = self.calls.begin(&request);
        let Some(place) = self.calls.place(&request) else {
            call.finish(Code::Unavailable);
            return Box::pin(std::future::ready(Ok(overloaded().into_http())));
        };
        let spare = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, spare);
        let span = call.span().clone();
        Box::pin(handle(ready, request, call, place).instrument(span))
    }
}

async fn handle<S>(
    mut service: S,
    mut request: Request<Body>,
    mut call: Call,
    place: Place,
) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let deadline = deadline::of(request.headers());
    if let Some(deadline) = deadline {
        request.extensions_mut().insert(deadline);
    }
    // The call itself is made inside, so that a panic before the first await is caught too.
    let work = deadline::scope(deadline, async move { service.call(request).await });
    let response = match panics::catch(work).await {
        Ok(Ok(response)) => response,
        Err(panic) => {
            panics::surface("handler", call.method(), &panic);
            panicked().into_http()
        }
    };
    let (parts, body) = response.into_parts();
    if let Some(code) = status_in(&parts.headers) {
        call.finish(code);
    }
    Ok(Response::from_parts(parts, Body::new(Observed::new(body, call, place))))
}

fn overloaded() -> Status {
    let message = "the server handles as many calls as it may; try again later";
    crate::status::retryable(Code::Unavailable, "OVERLOADED", message, &[], COME_BACK)
}
