//! Making a link: what is asked is checked, and the URL is said once.

use std::time::Duration;

use tributary_proto::gateway::v1 as wire;

use super::error::ApiError;
use super::{Api, text, view};
use crate::authorise::{Caller, Verb};
use crate::case::after;
use crate::links::{DEFAULT_VALID, MAX_DOWNLOADS, MAX_VALID, MIN_VALID, NewLink, Purpose, Token};

/// Longest channel, in bytes.
const MAX_CHANNEL: usize = 100;

impl Api {
    /// Makes a link for `caller`. To have its use confirm a delivery, the caller must be allowed to confirm one.
    pub(super) async fn make_link(
        &self,
        caller: &Caller,
        operator: Option<&Caller>,
        request: wire::CreateLinkRequest,
    ) -> Result<wire::CreateLinkResponse, ApiError> {
        let channel = text("channel", &request.channel, 0, MAX_CHANNEL)?;
        let actor = self.actor(caller, &request.on_behalf_of, None)?;
        let valid_for = valid_for(request.valid_for.as_ref())?;
        let max_downloads = request.max_downloads.max(1);
        if max_downloads > MAX_DOWNLOADS {
            return Err(ApiError::field("max_downloads", format!("must be 1 to {MAX_DOWNLOADS}, or 0 for 1")));
        }
        let language = match request.language.as_str() {
            "" => None,
            tag => Some(tag.parse().map_err(|error| ApiError::field("language", format!("{error}")))?),
        };
        let case = self.visible(caller, &request.case_id).await?;
        if request.confirm_delivery && !operator.is_some_and(|operator| operator.may_all(case.right, case.asked())) {
            return Err(ApiError::Denied(Verb::Operate));
        }
        let public_url = self.0.links.as_ref().ok_or(ApiError::LinksNotServed)?;
        let now = self.0.clock.now();
        let new = NewLink {
            sequence: request.sequence,
            expires_at: after(now, valid_for),
            max_downloads,
            confirm_delivery: request.confirm_delivery,
            language: Some(language.unwrap_or_else(|| case.language.clone())),
            channel,
        };
        let token = Token::random().map_err(|error| ApiError::internal(&error))?;
        let digest = token.digest(&self.0.store, Purpose::Link);
        let link = self.0.store.create_link(case.id, new, digest, actor, now).await?;
        tracing::info!(case = %case.id, link = %link.id, caller = %caller.id, "link made");
        let url = format!("{}/l/{}", public_url.as_str(), token.expose());
        Ok(wire::CreateLinkResponse { link: Some(view::link(&link, now)), url })
    }
}

fn valid_for(asked: Option<&prost_types::Duration>) -> Result<Duration, ApiError> {
    let Some(asked) = asked else { return Ok(DEFAULT_VALID) };
    let time = Duration::try_from(*asked).ok().filter(|time| (MIN_VALID..=MAX_VALID).contains(time));
    time.ok_or_else(|| ApiError::field("valid_for", "must be a minute to 30 days"))
}
