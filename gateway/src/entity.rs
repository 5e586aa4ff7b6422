//! The client of one entity's agent: every call with its mandate, its time limit and the agent's word checked.
//!
//! Wire types stop here (`convert`). It keeps nothing and decides nothing about retries: `error` says what a failure
//! means, and whoever holds the task decides. `watch` follows an export, `fetch` brings its parts into `stage`.

mod convert;
mod error;
mod fault;
mod fetch;
mod generation;
pub(crate) mod introduce;
mod mandate;
mod watch;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tonic::{Request, Response, Status};
use tributary_model::group::Entity;
use tributary_model::id::{CaseId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::mandate::Action;
use tributary_model::right::{Right, TableFormat};
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::subject_data_service_client::SubjectDataServiceClient;
use tributary_transport::limits::MAX_MESSAGE;
use tributary_transport::link::Channel;
use tributary_transport::links::Links;

use crate::config::Limits;

pub use self::convert::{ConversionError, Dataset, Description, ExportState, Located, Started};
pub use self::error::{EntityError, LocalError, Unreachable};
pub use self::fault::Fault;
pub use self::fetch::{Destination, Unfinished};
pub use self::mandate::Mandates;
pub use self::watch::{Watch, Watched};

/// What an agent is told to do, and about whom. The same over retries.
#[derive(Debug, Clone)]
pub struct Order {
    /// The case.
    pub case: CaseId,
    /// The right exercised.
    pub right: Right,
    /// The instruction: one to locate, another to export.
    pub instruction: InstructionId,
    /// Who is meant. The mandate binds them in every call; only `locate` and `start_export` send them, so an order to
    /// finish an export may be without.
    pub identifiers: Arc<[Identifier]>,
}

/// Calls one entity's agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    entity: Entity,
    links: Links,
    mandates: Mandates,
    /// How long an answer, or the next bytes of a part, may take.
    answer: Duration,
    /// How long an export may say nothing.
    silence: Duration,
}

type Agent = SubjectDataServiceClient<Channel>;

impl Client {
    /// A client of `entity`, as the group file in force describes it.
    pub fn new(entity: Entity, links: Links, mandates: Mandates, limits: &Limits) -> Self {
        let (answer, silence) = (limits.rpc_timeout, limits.silence_timeout);
        Self(Arc::new(Inner { entity, links, mandates, answer, silence }))
    }

    /// The entity.
    pub fn entity(&self) -> &Entity {
        &self.0.entity
    }

    /// Asks what the agent can do. Carries no personal data.
    ///
    /// # Errors
    /// What went wrong, by class.
    pub async fn describe(&self) -> Result<Description, EntityError> {
        let request = v1::DescribeRequest { entity: self.0.entity.id.to_string(), ..Default::default() };
        let answer = self.call("Describe", request, |mut agent, request| async move { agent.describe(request).await });
        let description = Description::try_from(answer.await?)?;
        if description.entity == self.0.entity.id { Ok(description) } else { Err(Fault::OtherEntity.into()) }
    }

    /// Asks whether the entity knows the person.
    ///
    /// # Errors
    /// What went wrong, by class.
    pub async fn locate(&self, order: &Order) -> Result<Located, EntityError> {
        let request = v1::LocateRequest {
            mandate: self.mandate(Action::Locate, order)?,
            instruction: order.instruction.to_string(),
            identifiers: convert::identifiers(&order.identifiers),
        };
        let answer = self.call("Locate", request, |mut agent, request| async move { agent.locate(request).await });
        Ok(Located::try_from(answer.await?)?)
    }

    /// Starts the export of a request that was received at `received_at`, or finds it started.
    ///
    /// # Errors
    /// What went wrong, by class.
    pub async fn start_export(
        &self,
        order: &Order,
        format: TableFormat,
        received_at: Timestamp,
    ) -> Result<Started, EntityError> {
        match self.start(order, format, Some(received_at)).await {
            // An agent from before `received_at` was said cannot read a mandate that says it. Entities update in their own
            // time, so such a one is asked as it understands; whoever refuses the mandate itself does so again.
            Err(error) if error.is_mandate_refused() => self.start(order, format, None).await,
            started => started,
        }
    }

    async fn start(
        &self,
        order: &Order,
        format: TableFormat,
        received_at: Option<Timestamp>,
    ) -> Result<Started, EntityError> {
        let request = v1::StartExportRequest {
            mandate: self.0.mandates.mint(Action::Export, order, &self.0.entity.id, received_at)?,
            instruction: order.instruction.to_string(),
            identifiers: convert::identifiers(&order.identifiers),
            format: convert::format(format).into(),
            received_at: received_at.map(convert::timestamp),
        };
        let answer =
            self.call("StartExport", request, |mut agent, request| async move { agent.start_export(request).await });
        Ok(Started::try_from(answer.await?)?)
    }

    /// Follows the export from its beginning.
    ///
    /// # Errors
    /// What went wrong, by class; the stream's own errors come from [`Watch::next`].
    pub async fn watch_export(&self, order: &Order) -> Result<Watch, EntityError> {
        let request = v1::WatchExportRequest {
            mandate: self.mandate(Action::Export, order)?,
            instruction: order.instruction.to_string(),
        };
        let mut agent = self.agent().await?;
        let stream = within("WatchExport", self.0.answer, agent.watch_export(request)).await?;
        Ok(Watch::new(stream.into_inner(), self.0.silence))
    }

    /// Tells the agent that everything was received, or that nothing more is wanted.
    ///
    /// # Errors
    /// What went wrong, by class. [`EntityError::Gone`] means that there is nothing left to finish.
    pub async fn finish_export(&self, order: &Order) -> Result<(), EntityError> {
        let request = v1::FinishExportRequest {
            mandate: self.mandate(Action::Export, order)?,
            instruction: order.instruction.to_string(),
        };
        let answer =
            self.call("FinishExport", request, |mut agent, request| async move { agent.finish_export(request).await });
        answer.await.map(|v1::FinishExportResponse {}| ())
    }

    /// Fetches the attestation of an export that is at its end: a DSSE envelope, not verified yet.
    ///
    /// # Errors
    /// What went wrong, by class.
    pub async fn get_attestation(&self, order: &Order) -> Result<Vec<u8>, EntityError> {
        let request = v1::GetAttestationRequest {
            mandate: self.mandate(Action::Export, order)?,
            instruction: order.instruction.to_string(),
        };
        let answer = self
            .call("GetAttestation", request, |mut agent, request| async move { agent.get_attestation(request).await });
        Ok(answer.await?.attestation)
    }

    fn mandate(&self, action: Action, order: &Order) -> Result<Vec<u8>, EntityError> {
        self.0.mandates.mint(action, order, &self.0.entity.id, None)
    }

    /// A client on a live connection to exactly this entity's agent.
    async fn agent(&self) -> Result<Agent, EntityError> {
        let entity = &self.0.entity;
        let link = self.0.links.get(&entity.id, &entity.agent).await?;
        Ok(Agent::new(link.channel()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE))
    }

    /// One call with one answer; the agent learns how long it has.
    async fn call<Q, A, F>(
        &self,
        rpc: &'static str,
        message: Q,
        call: impl FnOnce(Agent, Request<Q>) -> F,
    ) -> Result<A, EntityError>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(message);
        request.set_timeout(self.0.answer);
        let agent = self.agent().await?;
        Ok(within(rpc, self.0.answer, call(agent, request)).await?.into_inner())
    }
}

/// Waits for the agent, and no longer than `limit`.
async fn within<T>(
    what: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T, EntityError> {
    let late = || EntityError::TimedOut { what, after: limit };
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(status)) => Err(EntityError::of_status(&status, late)),
        Err(_) => Err(late()),
    }
}
