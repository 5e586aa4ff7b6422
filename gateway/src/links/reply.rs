//! Answers to browsers: the headers that all of them carry, pages, and what does not work, told in one way only.

use axum::body::Body;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::page::{self, Words};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// How long somebody waits whose download finds no place, in seconds.
const NO_PLACE: i64 = 60;

/// An answer with what every answer carries: nothing is kept, framed, indexed, guessed at or told to other sites.
pub(super) fn answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::policy()));
    response
}

/// A page that works.
pub(super) fn page(html: String) -> Response<Body> {
    shown(StatusCode::OK, html)
}

/// Everything that does not work: wrong, expired, used, revoked and shredded look the same.
pub(super) fn gone(words: &Words) -> Response<Body> {
    shown(StatusCode::NOT_FOUND, page::gone(words))
}

/// Somebody has missed too often.
pub(super) fn wait(words: &Words, seconds: i64) -> Response<Body> {
    later(StatusCode::TOO_MANY_REQUESTS, words, seconds)
}

/// Too much is under way, or the disk is full.
pub(super) fn busy(words: &Words) -> Response<Body> {
    later(StatusCode::SERVICE_UNAVAILABLE, words, NO_PLACE)
}

/// To where the bytes are.
pub(super) fn see(location: &str) -> Response<Body> {
    let mut response = answer(StatusCode::SEE_OTHER, Body::empty());
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// What crawlers are told.
pub(super) fn robots() -> Response<Body> {
    let mut response = answer(StatusCode::OK, Body::from("User-agent: *\nDisallow: /\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A method that no link knows, whatever the link.
pub(super) fn method() -> Response<Body> {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, Body::empty());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}

fn later(status: StatusCode, words: &Words, seconds: i64) -> Response<Body> {
    let mut response = shown(status, page::busy(words));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn shown(status: StatusCode, html: String) -> Response<Body> {
    let mut response = answer(status, Body::from(html));
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Language"));
    response
}
