//! `case open`: who is meant, whom to ask, how long to wait.

use std::str::FromStr;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tributary_model::language::Language;
use tributary_model::right::TableFormat;
use tributary_proto::gateway::v1::waiting_policy::Policy;
use tributary_proto::gateway::v1::{BestEffort, ByDeliveryDate, OpenCaseRequest, RequireComplete, WaitingPolicy};
use tributary_proto::types::v1 as wire;
use uuid::Uuid;

use super::view::CaseView;
use crate::client::{Caller, refused};
use crate::exit::Outcome;
use crate::output::Output;
use crate::person::Person;

/// `case open`
#[derive(Debug, Args)]
pub(crate) struct Open {
    #[command(flatten)]
    person: Person,
    /// Ask these entities only (default: all of the group file)
    #[arg(long, value_delimiter = ',')]
    scope: Vec<String>,
    /// How long to wait: by-delivery-date, require-complete or best-effort=DURATION (such as best-effort=2h)
    #[arg(long, default_value = "by-delivery-date")]
    wait: Wait,
    /// When the request arrived, RFC 3339 (default: now)
    #[arg(long)]
    received_at: Option<Timestamp>,
    /// Groups cases of one message; no personal data
    #[arg(long, default_value = "")]
    request_ref: String,
    /// How tables are written: csv or ndjson
    #[arg(long, default_value = "csv")]
    format: TableFormat,
    /// Language that the person is addressed in, such as fr or pt-BR (default: the gateway's setting)
    #[arg(long)]
    language: Option<Language>,
    /// Vouch for the person's identity; without it the case waits for `case confirm-identity`
    #[arg(long)]
    identity_confirmed: bool,
    /// UUID of this request; repeat it to retry safely (default: a new one, which is printed on failure)
    #[arg(long)]
    request_id: Option<Uuid>,
    /// Check everything and open nothing
    #[arg(long)]
    validate_only: bool,
}

/// A waiting policy as an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    ByDeliveryDate,
    RequireComplete,
    BestEffort(SignedDuration),
}

impl FromStr for Wait {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "by-delivery-date" => Ok(Self::ByDeliveryDate),
            None if text == "require-complete" => Ok(Self::RequireComplete),
            Some(("best-effort", window)) => {
                window.parse().map(Self::BestEffort).map_err(|error| format!("the window: {error}"))
            }
            _ => Err("use by-delivery-date, require-complete or best-effort=DURATION".to_owned()),
        }
    }
}

impl From<Wait> for WaitingPolicy {
    fn from(wait: Wait) -> Self {
        let policy = match wait {
            Wait::ByDeliveryDate => Policy::ByDeliveryDate(ByDeliveryDate {}),
            Wait::RequireComplete => Policy::RequireComplete(RequireComplete {}),
            Wait::BestEffort(window) => {
                let window = prost_types::Duration { seconds: window.as_secs(), nanos: window.subsec_nanos() };
                Policy::BestEffort(BestEffort { window: Some(window) })
            }
        };
        WaitingPolicy { policy: Some(policy) }
    }
}

/// Opens the case and prints it.
pub(crate) async fn run(args: &Open, caller: &Caller, output: Output) -> Outcome {
    let identifiers = args.person.identifiers()?;
    let gateway = caller.connect().await?;
    let request_id = args.request_id.unwrap_or_else(Uuid::new_v4);
    let request = OpenCaseRequest {
        request_id: request_id.to_string(),
        on_behalf_of: gateway.on_behalf_of.clone(),
        right: wire::Right::Access.into(),
        identifiers,
        scope: args.scope.clone(),
        waiting: Some(args.wait.into()),
        received_at: args.received_at.map(to_wire),
        request_ref: args.request_ref.clone(),
        format: match args.format {
            TableFormat::Csv => wire::TableFormat::Csv,
            TableFormat::Ndjson => wire::TableFormat::Ndjson,
        }
        .into(),
        identity_confirmed: args.identity_confirmed,
        validate_only: args.validate_only,
        language: args.language.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let opened = gateway.cases().open_case(request).await.map_err(|status| {
        eprintln!("to retry without opening a second case, add --request-id {request_id}");
        refused(&status)
    })?;
    let case = CaseView::from(opened.into_inner().case.unwrap_or_default());
    output.print(&case, CaseView::text)
}

fn to_wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// `delivered-at` and its like on the wire.
pub(crate) fn wire_time(at: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    at.map(to_wire)
}
