//! OpenCase: parse, recognise a repeated request, authorise what it names, decide the scope, make it durable.

use jiff::SignedDuration;
use prost::Message;
use tributary_model::id::{EntityId, InvalidId};
use tributary_model::identifier::{Identifier, MAX_IDENTIFIERS};
use tributary_model::language::Language;
use tributary_model::scope::{Decision, Outcome, decide};
use tributary_model::spiffe::SpiffeId;
use tributary_proto::gateway::v1 as wire;
use tributary_proto::types::v1 as types;
use uuid::Uuid;

use super::convert::{self, ConversionError};
use super::error::ApiError;
use super::{Api, sees, text, view};
use crate::authorise::{Caller, Verb};
use crate::case::{Case, Dates, Opening};
use crate::store::{Fingerprint, NewCase, Opened, Scope};

/// Longest request_ref, in bytes.
const MAX_REF: usize = 200;
/// Most entities that a request may name.
const MAX_SCOPE: usize = 10_000;

impl From<ConversionError> for ApiError {
    fn from(error: ConversionError) -> Self {
        Self::field(error.field, error.rule)
    }
}

impl Api {
    pub(super) async fn open(
        &self,
        caller: &Caller,
        voucher: Option<&Caller>,
        request: wire::OpenCaseRequest,
    ) -> Result<wire::Case, ApiError> {
        let opening = self.parse(&request)?;
        let actor = self.actor(caller, &request.on_behalf_of, None)?;
        let fingerprint = self.fingerprint(&caller.id, &request)?;
        if !request.validate_only
            && let Some(before) = self.0.store.opened_before(fingerprint).await?
        {
            return self.again(caller, &before);
        }
        self.known_types(&opening.identifiers)?;
        let decisions = self.authorise_scope(caller, &opening)?;
        if opening.identity_confirmed {
            let asked = decisions.iter().filter(|d| d.outcome == Outcome::Ask).map(|d| &d.entity);
            let voucher = voucher.ok_or(ApiError::Denied(Verb::Vouch))?;
            if !voucher.may_all(opening.right, asked) {
                return Err(ApiError::Denied(Verb::Vouch));
            }
        }
        let group = self.0.group.in_force();
        if request.validate_only {
            return Ok(view::preview(&opening, &decisions, group.version));
        }
        let (dates, trace) = (self.dates(), tributary_transport::trace::current());
        let new = NewCase { opening, actor, fingerprint, decisions, group, trace, dates };
        let api = self.clone();
        let opened = self.carry_out("open a case", async move {
            let opened = api.0.store.open_case(new, api.0.clock.now()).await;
            api.0.worker.wake();
            opened
        });
        match opened.await? {
            Opened::New(case) => {
                tracing::info!(case = %case.id, caller = %caller.id, state = %case.state, "case opened");
                Ok(view::case(&case))
            }
            Opened::Before(case) => self.again(caller, &case),
        }
    }

    /// The scope decisions of a case that starts now.
    pub(super) fn scope(&self, requested: &[EntityId]) -> Scope {
        Scope { decisions: decide(self.0.group.file(), requested), group: self.0.group.in_force(), dates: self.dates() }
    }

    fn dates(&self) -> Dates {
        let delivery = &self.0.delivery;
        Dates {
            escalation_margin: SignedDuration::from_hours(24 * i64::from(delivery.escalate_before_days)),
            least_window: delivery.least_window,
        }
    }

    /// The grants may have changed since the case was opened.
    fn again(&self, caller: &Caller, case: &Case) -> Result<wire::Case, ApiError> {
        if sees(caller, case) { Ok(view::case(case)) } else { Err(ApiError::Denied(Verb::Open)) }
    }

    fn parse(&self, request: &wire::OpenCaseRequest) -> Result<Opening, ApiError> {
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        let now = self.0.clock.now();
        let mut note = |error: ApiError| {
            if let ApiError::Fields(fields) = error {
                wrong.extend(fields);
            }
        };
        let right = convert::right("right", request.right).map_err(|e| note(e.into())).ok();
        let format = convert::format("format", request.format).map_err(|e| note(e.into())).ok();
        let waiting = request.waiting.as_ref().map_or(Ok(self.0.waiting), convert::waiting);
        let waiting = waiting.map_err(|e| note(e.into())).ok();
        let received_at = request.received_at.as_ref().map_or(Ok(now), |at| convert::instant("received_at", at));
        let received_at = received_at.map_err(|e| note(e.into())).ok();
        if received_at.is_some_and(|at| at > now) {
            note(ApiError::field("received_at", "must not be in the future"));
        }
        let request_ref = text("request_ref", &request.request_ref, 0, MAX_REF).map_err(&mut note).ok();
        let _ = super::human(&request.on_behalf_of).map_err(&mut note);
        let id = Uuid::try_parse(&request.request_id).ok();
        if id.is_none_or(|id| id.hyphenated().to_string() != request.request_id) && !request.validate_only {
            note(ApiError::field("request_id", "must be a UUID in lower case with hyphens"));
        }
        let language = self.language(&request.language).map_err(&mut note).ok();
        let requested = scope(&request.scope).map_err(&mut note).ok();
        let identifiers = match identifiers(&request.identifiers, 1) {
            Ok(identifiers) => Some(identifiers),
            Err(ApiError::Fields(fields)) => {
                note(ApiError::Fields(fields));
                None
            }
            Err(other) => return Err(other),
        };
        let delivery = SignedDuration::from_hours(24 * i64::from(self.0.delivery.after_days));
        let parsed = (|| {
            let received_at = received_at?;
            Some(Opening {
                right: right?,
                identifiers: identifiers?,
                requested: requested?,
                waiting: waiting?,
                received_at,
                delivery_date: received_at.checked_add(delivery).ok()?,
                request_ref: request_ref?,
                format: format?,
                identity_confirmed: request.identity_confirmed,
                language: language?,
            })
        })();
        match parsed {
            Some(opening) if wrong.is_empty() => Ok(opening),
            _ => Err(ApiError::Fields(wrong)),
        }
    }

    fn language(&self, tag: &str) -> Result<Language, ApiError> {
        if tag.is_empty() {
            return Ok(self.0.language.clone());
        }
        tag.parse().map_err(|error: InvalidId| ApiError::field("language", format!("must be {}", error.rule)))
    }

    /// Keyed digests of the request. Two callers never share a request id.
    fn fingerprint(&self, caller: &SpiffeId, request: &wire::OpenCaseRequest) -> Result<Fingerprint, ApiError> {
        let request_id = format!("{caller}\n{}", request.request_id);
        let content = wire::OpenCaseRequest { validate_only: false, ..request.clone() }.encode_to_vec();
        Ok(Fingerprint {
            request: self.0.store.mac("request_id", request_id.as_bytes()),
            content: self.0.store.mac("request_content", &content),
        })
    }

    pub(super) fn known_types(&self, identifiers: &[Identifier]) -> Result<(), ApiError> {
        let known = &self.0.group.file().identifier_types;
        if identifiers.iter().all(|identifier| known.contains(&identifier.kind)) {
            return Ok(());
        }
        let names: Vec<&str> = known.iter().map(|kind| kind.as_str()).collect();
        Err(ApiError::IdentifierType { known: names.join(", ") })
    }

    /// Decides the scope, and refuses it when it reaches beyond the caller's grants. What a caller has no grant for is
    /// refused whether it exists or not.
    fn authorise_scope(&self, caller: &Caller, opening: &Opening) -> Result<Vec<Decision>, ApiError> {
        if !caller.may_all(opening.right, &opening.requested) {
            return Err(ApiError::Denied(Verb::Open));
        }
        if opening.requested.iter().any(|entity| self.0.group.entity(entity).is_none()) {
            return Err(ApiError::EntityNotFound);
        }
        let decisions = decide(self.0.group.file(), &opening.requested);
        let asked = decisions.iter().filter(|d| d.outcome == Outcome::Ask).map(|d| &d.entity);
        if caller.may_all(opening.right, asked) { Ok(decisions) } else { Err(ApiError::Denied(Verb::Open)) }
    }
}

fn scope(scope: &[String]) -> Result<Vec<EntityId>, ApiError> {
    if scope.len() > MAX_SCOPE {
        return Err(ApiError::field("scope", format!("must name at most {MAX_SCOPE} entities")));
    }
    let parsed: Result<Vec<EntityId>, _> = scope.iter().map(|entity| entity.parse()).collect();
    parsed.map_err(|error| ApiError::field("scope", format!("holds something else than entities: {error}")))
}

/// Identifiers of a request, checked; errors never quote a value.
pub(super) fn identifiers(wire: &[types::Identifier], least: usize) -> Result<Vec<Identifier>, ApiError> {
    if wire.len() < least || wire.len() > MAX_IDENTIFIERS {
        let rule = format!("must be {least} to {MAX_IDENTIFIERS} identifiers of one person");
        return Err(ApiError::field("identifiers", rule));
    }
    let one = |identifier: &types::Identifier| {
        let kind =
            identifier.r#type.parse().map_err(|error| ApiError::field("identifiers.type", format!("{error}")))?;
        Identifier::new(kind, &identifier.value)
            .map_err(|error| ApiError::field("identifiers.value", error.to_string()))
    };
    let mut identifiers: Vec<Identifier> = wire.iter().map(one).collect::<Result<_, _>>()?;
    identifiers.sort();
    identifiers.dedup();
    Ok(identifiers)
}
