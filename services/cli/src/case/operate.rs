//! What an operator does to a case: confirm delivery or identity, retry an entity, cancel.

use clap::Args;
use jiff::Timestamp;
use tributary_proto::gateway::v1::{
    CancelCaseRequest, Case, ConfirmDeliveryRequest, ConfirmIdentityRequest, RetryTaskRequest,
};

use super::open::wire_time;
use super::view::CaseView;
use crate::client::{Caller, refused};
use crate::exit::Outcome;
use crate::output::Output;
use crate::person::Person;

/// `case confirm-delivery`
#[derive(Debug, Args)]
pub(crate) struct ConfirmDelivery {
    /// The case's id
    case: String,
    /// Which archive; needed when the case has addenda
    #[arg(long, default_value_t = 0)]
    sequence: u32,
    /// How it was handed over, such as portal
    #[arg(long)]
    channel: String,
    /// When, RFC 3339 (default: now)
    #[arg(long)]
    delivered_at: Option<Timestamp>,
}

/// `case confirm-identity`
#[derive(Debug, Args)]
pub(crate) struct ConfirmIdentity {
    /// The case's id
    case: String,
    /// How the identity was verified; no personal data
    #[arg(long)]
    method: String,
    #[command(flatten)]
    more: Person,
}

/// `case retry`
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The case's id
    case: String,
    /// The entity to ask again
    entity: String,
}

/// `case cancel`
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The case's id
    case: String,
    /// Why; kept encrypted
    #[arg(long)]
    reason: String,
}

/// Confirms a delivery.
pub(crate) async fn confirm_delivery(args: ConfirmDelivery, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let request = ConfirmDeliveryRequest {
        case_id: args.case,
        on_behalf_of: gateway.on_behalf_of.clone(),
        sequence: args.sequence,
        channel: args.channel,
        delivered_at: wire_time(args.delivered_at),
    };
    let answer = gateway.cases().confirm_delivery(request).await.map_err(|status| refused(&status))?;
    print(answer.into_inner().case, output)
}

/// Confirms an identity.
pub(crate) async fn confirm_identity(args: ConfirmIdentity, caller: &Caller, output: Output) -> Outcome {
    let identifiers = args.more.identifiers()?;
    let gateway = caller.connect().await?;
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = ConfirmIdentityRequest { case_id: args.case, on_behalf_of, method: args.method, identifiers };
    let answer = gateway.cases().confirm_identity(request).await.map_err(|status| refused(&status))?;
    print(answer.into_inner().case, output)
}

/// Retries a task.
pub(crate) async fn retry(args: Retry, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = RetryTaskRequest { case_id: args.case, on_behalf_of, entity: args.entity };
    let answer = gateway.cases().retry_task(request).await.map_err(|status| refused(&status))?;
    print(answer.into_inner().case, output)
}

/// Cancels a case.
pub(crate) async fn cancel(args: Cancel, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = CancelCaseRequest { case_id: args.case, on_behalf_of, reason: args.reason };
    let answer = gateway.cases().cancel_case(request).await.map_err(|status| refused(&status))?;
    print(answer.into_inner().case, output)
}

fn print(case: Option<Case>, output: Output) -> Outcome {
    output.print(&CaseView::from(case.unwrap_or_default()), CaseView::text)
}
