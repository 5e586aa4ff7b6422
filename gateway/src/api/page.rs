//! Page tokens: opaque, bound to the query and the caller by a keyed digest, and without personal data.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tributary_model::id::EntityId;

use super::error::ApiError;
use crate::case::Case;
use crate::store::{PageAfter, Store};

const MAC: usize = 32;

/// How large pages are.
pub(super) struct PageSize {
    pub(super) default: usize,
    pub(super) most: usize,
}

impl PageSize {
    pub(super) fn of(&self, asked: i32) -> Result<usize, ApiError> {
        match usize::try_from(asked) {
            Ok(0) => Ok(self.default),
            Ok(asked) => Ok(asked.min(self.most)),
            Err(_) => Err(ApiError::field("page_size", "must not be negative")),
        }
    }
}

/// The token of the page after `last`.
pub(super) fn write_cases(store: &Store, query: &str, last: &Case) -> String {
    write(store, query, &format!("{} {}", last.opened_at.as_millisecond(), last.id))
}

pub(super) fn read_cases(store: &Store, query: &str, token: &str) -> Result<Option<PageAfter>, ApiError> {
    let Some(text) = read(store, query, token)? else { return Ok(None) };
    let page = text.split_once(' ').and_then(|(at, case)| {
        let opened_at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
        Some(PageAfter { opened_at, case: case.parse().ok()? })
    });
    page.map(Some).ok_or(ApiError::PageToken)
}

/// The token of the page of entities after `last`.
pub(super) fn write_entities(store: &Store, query: &str, last: &EntityId) -> String {
    write(store, query, last.as_str())
}

pub(super) fn read_entities(store: &Store, query: &str, token: &str) -> Result<Option<EntityId>, ApiError> {
    let text = read(store, query, token)?;
    text.map(|text| text.parse().map_err(|_| ApiError::PageToken)).transpose()
}

fn write(store: &Store, query: &str, place: &str) -> String {
    let mut bytes = mac(store, query, place).to_vec();
    bytes.extend_from_slice(place.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn read(store: &Store, query: &str, token: &str) -> Result<Option<String>, ApiError> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| ApiError::PageToken)?;
    let (given, place) = bytes.split_first_chunk::<MAC>().ok_or(ApiError::PageToken)?;
    let place = std::str::from_utf8(place).map_err(|_| ApiError::PageToken)?;
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(given, &mac(store, query, place)).is_ok();
    if same { Ok(Some(place.to_owned())) } else { Err(ApiError::PageToken) }
}

fn mac(store: &Store, query: &str, place: &str) -> [u8; MAC] {
    store.mac("page", format!("{}\n{query}\n{place}", query.len()).as_bytes())
}
