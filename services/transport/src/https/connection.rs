//! HTTP on one connection: limits of the protocol, requests counted while they run, and the end of idle connections.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::stream::Impatient;
use super::{ClientNetwork, Limits};
use crate::tasks::Tasks;

/// A browser sends less than 4 KiB.
const HEADERS: u32 = 16 * 1024;
/// Fields of one request.
const FIELDS: usize = 64;
/// What one HTTP/1.1 connection buffers at most, either way.
const BUFFER: usize = 256 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 16;
/// Pings find browsers whose machine is gone.
const PING: Duration = Duration::from_secs(20);
/// How long an idle connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: TlsStream<TcpStream>,
    is_h2: bool,
    network: ClientNetwork,
    router: Router,
    limits: Limits,
    tasks: Tasks,
) {
    let busy = Arc::new(Busy::default());
    let counted = Arc::clone(&busy);
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, running) = (router.clone(), counted.begin());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(network);
            let response = router.oneshot(request).await;
            response.map(|response: Response<Body>| response.map(|body| Held { body, _running: running }))
        }
    });
    let io = TokioIo::new(Impatient::new(stream, limits.stall));
    if is_h2 {
        let connection = hyper::server::conn::http2::Builder::new(OnTasks(tasks.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADERS)
            .max_send_buf_size(BUFFER)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .serve_connection(io, service);
        until_over(connection, |connection| connection.graceful_shutdown(), &busy, limits.idle, &tasks).await;
    } else {
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_headers(FIELDS)
            .max_header_size(HEADERS as usize)
            .max_buf_size(BUFFER)
            .serve_connection(io, service);
        until_over(connection, |connection| connection.graceful_shutdown(), &busy, limits.idle, &tasks).await;
    }
}

/// Runs a connection until it ends, is idle for too long, or the listener stops.
async fn until_over<C>(connection: C, goodbye: impl Fn(Pin<&mut C>), busy: &Busy, idle: Duration, tasks: &Tasks)
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut connection = std::pin::pin!(connection);
    let stopping = tasks.stopping();
    tokio::select! {
        // How a browser's connection ends is nobody's concern.
        _ = connection.as_mut() => return,
        () = busy.idle(idle) => {
            goodbye(connection.as_mut());
            let _ = tokio::time::timeout(GOODBYE, connection.as_mut()).await;
            return;
        }
        () = stopping.cancelled() => goodbye(connection.as_mut()),
    }
    // Cut by the drain's deadline when it lasts too long.
    let _ = connection.await;
}

/// The requests of one connection.
#[derive(Default)]
struct Busy {
    running: AtomicUsize,
    begun: AtomicUsize,
}

impl Busy {
    fn begin(self: &Arc<Self>) -> Running {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Ends once no request was under way for `limit`.
    async fn idle(&self, limit: Duration) {
        let mut before = None;
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            let quiet = (self.running.load(Ordering::Relaxed) == 0).then_some(begun);
            if quiet.is_some() && quiet == before {
                return;
            }
            before = quiet;
            tokio::time::sleep(limit).await;
        }
    }
}

/// One request, until the last of its answer was taken.
struct Running(Arc<Busy>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's bytes, during which the request counts as under way.
struct Held {
    body: Body,
    _running: Running,
}

impl http_body::Body for Held {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Streams of HTTP/2 run as tasks of the listener.
#[derive(Clone)]
struct OnTasks(Tasks);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for OnTasks {
    fn execute(&self, stream: F) {
        self.0.spawn("browser request", stream);
    }
}
