//! A response body that tells its call how it ended: gRPC puts the status behind the last message.
//!
//! On the server it also keeps the call's place in the rpc limit and turns a panic of a stream into a status.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use super::call::Call;
use crate::panics;

/// The status in headers or trailers, if they have one.
pub(crate) fn status_in(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// The answer to a call whose handler panicked. It says nothing about the cause: the log says where.
pub(crate) fn panicked() -> Status {
    crate::status::status(Code::Internal, "INTERNAL", "internal error", &[])
}

pub(crate) struct Observed {
    inner: Body,
    call: Call,
    ended: bool,
    _holds: Box<dyn Any + Send>,
}

impl Observed {
    pub(crate) fn new(inner: Body, call: Call, holds: impl Any + Send) -> Self {
        Self { inner, call, ended: false, _holds: Box::new(holds) }
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let inner = Pin::new(&mut self.inner);
        match panics::catch_now(|| inner.poll_frame(cx)) {
            Ok(polled) => polled,
            Err(panic) => {
                panics::surface("stream", self.call.method(), &panic);
                let mut trailers = HeaderMap::new();
                let status = panicked();
                // A status that does not fit into headers is still an error for the caller, as a reset stream.
                Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
            }
        }
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let span = self.call.span().clone();
        let polled = span.in_scope(|| self.poll_inner(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.ended = true;
                    self.call.finish(status_in(trailers).unwrap_or(Code::Ok));
                }
            }
            Poll::Ready(Some(Err(status))) => {
                self.ended = true;
                self.call.finish(status.code());
            }
            Poll::Ready(None) => {
                self.ended = true;
                // A stream that ends without a status broke off; tonic reports the same to its caller.
                self.call.finish(Code::Unknown);
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
