//! Answers browsers: `GET` of a link shows a page and costs nothing, `POST` begins a download and says where its bytes
//! are, `GET` there sends any range. What does not work looks the same whatever the reason.

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::request::Parts as Head;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::sync::Semaphore;
use tributary_model::clock::SharedClock;
use tributary_transport::https::ClientNetwork;
use tributary_transport::tasks::Tasks;

use super::accept_language::preferred;
use super::flights::Flights;
use super::misses::Misses;
use super::page::{self, LANGUAGES, Words, words};
use super::range::{Wanted, wanted};
use super::transfer::Transfer;
use super::{LinkId, LinkState, Purpose, Token, reply};
use crate::api::Download;
use crate::case::Archive;
use crate::config::LinkSettings;
use crate::objects::Objects;
use crate::store::{Store, StoreError};

/// Refused uses that are recorded at once; more at the same time are only counted.
const RECORDED_AT_ONCE: usize = 4;

/// What the site works with.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) objects: Arc<Objects>,
    pub(crate) clock: SharedClock,
    pub(crate) tasks: Tasks,
    pub(crate) settings: LinkSettings,
    /// The group's name, which the person knows.
    pub(crate) group: String,
}

/// What serves links. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site(Arc<Inner>);

struct Inner {
    parts: Parts,
    places: Arc<Semaphore>,
    recording: Arc<Semaphore>,
    flights: Flights,
    misses: Misses,
    answers: Counter<u64>,
}

/// Where a request goes.
enum Place<'u> {
    Link(&'u str),
    Download(&'u str),
}

/// Why there is nothing to give.
enum Refused {
    /// Whatever the reason.
    Gone,
    /// Too much at once.
    Busy,
    /// Something broke.
    Failed(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoArchive | StoreError::NoCase | StoreError::NoLink | StoreError::Shredded(_) => Self::Gone,
            other => Self::Failed(other),
        }
    }
}

impl Site {
    pub(crate) fn new(parts: Parts) -> Self {
        let answers = opentelemetry::global::meter("tributary")
            .u64_counter("tributary.links.answers")
            .with_description("Answers to browsers, by what they were")
            .build();
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(parts.settings.downloads)),
            recording: Arc::new(Semaphore::new(RECORDED_AT_ONCE)),
            flights: Flights::default(),
            misses: Misses::new(parts.settings.misses_per_client, parts.clock.now()),
            answers,
            parts,
        }))
    }

    /// The one route: everything is decided by [`Site::answer`].
    pub(crate) fn router(&self) -> Router {
        async fn all(State(site): State<Site>, request: Request<Body>) -> Response<Body> {
            let (head, _) = request.into_parts();
            let answer = site.answer(&head).await;
            if head.method == Method::HEAD { without_body(answer) } else { answer }
        }
        Router::new().fallback(all).with_state(self.clone())
    }

    async fn answer(&self, head: &Head) -> Response<Body> {
        let browsers = words(preferred(&head.headers, LANGUAGES));
        let path = head.uri.path();
        if path == "/robots.txt" {
            return reply::robots();
        }
        let Some(network) = head.extensions.get::<ClientNetwork>().copied() else { return reply::gone(browsers) };
        let Some(place) = self.place(path) else { return reply::gone(browsers) };
        let now = self.0.parts.clock.now();
        if let Some(wait) = self.0.misses.wait(network, now) {
            self.count("waits");
            return reply::wait(browsers, wait.as_secs());
        }
        let answer = match (place, &head.method) {
            (Place::Link(text), &Method::GET | &Method::HEAD) => self.offer(text, browsers, now).await,
            (Place::Link(text), &Method::POST) => self.begin(text, now).await,
            (Place::Download(text), &Method::GET) => self.send(text, head, now).await,
            (Place::Download(text), &Method::HEAD) => self.describe(text, now).await,
            _ => return reply::method(),
        };
        match answer {
            Ok(answer) => answer,
            Err(Refused::Gone) => {
                self.0.misses.count(network, now);
                self.count("gone");
                reply::gone(browsers)
            }
            Err(Refused::Busy) => {
                self.count("busy");
                reply::busy(browsers)
            }
            Err(Refused::Failed(error)) => {
                tracing::error!(%error, "a link could not be served");
                self.count("failed");
                reply::busy(browsers)
            }
        }
    }

    fn place<'u>(&self, path: &'u str) -> Option<Place<'u>> {
        let rest = path.strip_prefix(self.0.parts.settings.public_url.path())?;
        let (kind, token) = rest.strip_prefix('/')?.split_once('/')?;
        match kind {
            "l" => Some(Place::Link(token)),
            "d" => Some(Place::Download(token)),
            _ => None,
        }
    }

    /// The page with the button.
    async fn offer(&self, text: &str, browsers: &'static Words, now: Timestamp) -> Result<Response<Body>, Refused> {
        let store = &self.0.parts.store;
        let link = store.link(Token::given(text).digest(store, Purpose::Link)).await?.ok_or(Refused::Gone)?;
        if link.state(now) != LinkState::Active {
            self.record_refusal(link.id);
            return Err(Refused::Gone);
        }
        let archive = store.archive_summary(link.case, link.sequence).await?;
        self.count("offered");
        let words = link.language.as_ref().map_or(browsers, |language| words(Some(language.primary())));
        Ok(reply::page(page::offer(words, &self.0.parts.group, archive.size, link.expires_at)))
    }

    /// Begins a download: its own token, for its own time.
    async fn begin(&self, text: &str, now: Timestamp) -> Result<Response<Body>, Refused> {
        let store = &self.0.parts.store;
        let link = store.link(Token::given(text).digest(store, Purpose::Link)).await?.ok_or(Refused::Gone)?;
        if link.state(now) != LinkState::Active {
            self.record_refusal(link.id);
            return Err(Refused::Gone);
        }
        // Begun without a place to go on, it would only use up the link.
        if self.0.places.available_permits() == 0 {
            return Err(Refused::Busy);
        }
        let token = Token::random().map_err(|_| Refused::Busy)?;
        if !store.begin_download(link.id, token.digest(store, Purpose::Download), now).await? {
            return Err(Refused::Gone);
        }
        self.count("begun");
        tracing::info!(case = %link.case, link = %link.id, "a download by link began");
        Ok(reply::see(&format!("{}/d/{}", self.0.parts.settings.public_url.path(), token.expose())))
    }

    /// The bytes, or a range of them; recorded before the first of them leaves.
    async fn send(&self, text: &str, head: &Head, now: Timestamp) -> Result<Response<Body>, Refused> {
        let Parts { store, objects, clock, tasks, .. } = &self.0.parts;
        let session = Token::given(text).digest(store, Purpose::Download);
        // Before the look: a revocation right after it is still heard of.
        let changes = store.changes();
        let found = store.session(session).await?.ok_or(Refused::Gone)?;
        let stored =
            if found.goes_on() { store.archive(found.case, found.sequence).await? } else { return Err(Refused::Gone) };
        let archive = stored.archive.clone();
        let tag = etag(&archive);
        let (range, is_part) = match wanted(&head.headers, &tag, archive.size) {
            Wanted::Whole => (0..archive.size, false),
            Wanted::Part(range) => (range, true),
            Wanted::Beyond if found.serves(archive.size, now) => return Ok(beyond(archive.size)),
            Wanted::Beyond => return Err(Refused::Gone),
        };
        if !found.serves(range.start, now) {
            return Err(Refused::Gone);
        }
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| Refused::Busy)?;
        let reaches_end = range.end == archive.size;
        let flight = self.0.flights.take_off(session, reaches_end, store.clone(), clock.clone());
        let flight = flight.ok_or(Refused::Busy)?;
        if !store.begin_range(session, range.clone(), now).await? {
            return Err(Refused::Gone);
        }
        let download = Download::new(Arc::clone(objects), found.case, stored, range.clone());
        let download = download.map_err(|error| {
            tracing::error!(case = %found.case, %error, "an archive could not be opened for a link");
            Refused::Busy
        })?;
        let transfer = Transfer { store: store.clone(), case: found.case, session, changes, flight, place };
        let (body, work) = transfer.start(download);
        tasks.spawn("send an archive by link", work);
        self.count("sent");
        Ok(content(body, &archive, &tag, range, is_part))
    }

    /// What a GET would give, without recording or counting anything.
    async fn describe(&self, text: &str, now: Timestamp) -> Result<Response<Body>, Refused> {
        let store = &self.0.parts.store;
        let found = store.session(Token::given(text).digest(store, Purpose::Download)).await?.ok_or(Refused::Gone)?;
        // The end is what may be asked for longest.
        if !found.serves(u64::MAX, now) {
            return Err(Refused::Gone);
        }
        let archive = store.archive_summary(found.case, found.sequence).await?;
        let tag = etag(&archive);
        Ok(content(Body::empty(), &archive, &tag, 0..archive.size, false))
    }

    /// Off the path of the answer, so that a link that was used takes no longer than one that never was.
    fn record_refusal(&self, link: LinkId) {
        let Ok(place) = Arc::clone(&self.0.recording).try_acquire_owned() else { return };
        let (store, now) = (self.0.parts.store.clone(), self.0.parts.clock.now());
        self.0.parts.tasks.spawn("record a refused link", async move {
            if let Err(error) = store.link_refused(link, now).await {
                tracing::error!(%error, %link, "a refused use of a link could not be recorded");
            }
            drop(place);
        });
    }

    fn count(&self, outcome: &'static str) {
        self.0.answers.add(1, &[KeyValue::new("outcome", outcome)]);
    }
}

/// An archive's bytes never change, and its tag is as good as they are.
fn etag(archive: &Archive) -> String {
    let digest = archive.tagmanifest_sha256.get(..32).unwrap_or(&archive.tagmanifest_sha256);
    format!("\"{digest}\"")
}

fn content(body: Body, archive: &Archive, tag: &str, range: Range<u64>, is_part: bool) -> Response<Body> {
    let status = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = reply::answer(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let mut text = vec![(ETAG, tag.to_owned()), (CONTENT_DISPOSITION, disposition(&archive.file_name))];
    if is_part {
        text.push((CONTENT_RANGE, format!("bytes {}-{}/{}", range.start, range.end - 1, archive.size)));
    }
    for (name, value) in text {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A file name that no browser and no disk misunderstands.
fn disposition(file_name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("attachment; filename=\"{}\"", file_name.chars().map(plain).collect::<String>())
}

fn beyond(size: u64) -> Response<Body> {
    let mut response = reply::answer(StatusCode::RANGE_NOT_SATISFIABLE, Body::empty());
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

/// What HEAD gets: the length that GET would have, and no bytes.
fn without_body(answer: Response<Body>) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    if let (Some(length), false) = (body.size_hint().exact(), head.headers.contains_key(CONTENT_LENGTH)) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}
