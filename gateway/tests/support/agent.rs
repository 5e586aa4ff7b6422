//! An agent that does as its script says, over real mTLS. It checks peer and mandate as an honest one does, so that a
//! test that gets through has proved both.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tributary_archive::attestation::Attestation;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::PartListDigest;
use tributary_archive::table;
use tributary_model::clock::{Clock, ManualClock};
use tributary_model::group::GroupFile;
use tributary_model::group::signed::InForce;
use tributary_model::id::{EntityId, InstructionId};
use tributary_model::identifier::Identifier;
use tributary_model::key::SigningKey;
use tributary_model::mandate::{Action, Expected, Mandate};
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::subject_data_service_server::{SubjectDataService, SubjectDataServiceServer};
use tributary_proto::agent::v1::watch_export_response::Event;
use tributary_proto::types::v1::ErrorReason;
use tributary_transport::limits::Limits;
use tributary_transport::peer::peer_of;
use tributary_transport::server::Server;
use tributary_transport::status::status;
use tributary_transport::tasks::Tasks;
use tributary_transport::tls::Tls;

use super::script::{Reading, Script};
use super::world::{PATIENCE, World, id};

/// A running agent. Stops when dropped.
pub(crate) struct Agent {
    state: Arc<State>,
    stop: CancellationToken,
}

struct State {
    entity: EntityId,
    key: Arc<SigningKey>,
    group: GroupFile,
    in_force: InForce,
    clock: Arc<ManualClock>,
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
    receptions: Mutex<Vec<Option<Timestamp>>>,
}

/// A call that reached the agent with a valid mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Locate,
    StartExport,
    WatchExport,
    ReadPart { index: u32, offset: u64 },
    FinishExport,
    GetAttestation,
}

impl Agent {
    /// The agent of `entity`, as the group file has it.
    pub(crate) fn start(world: &World, entity: &str, script: Script) -> Self {
        Self::start_as(world, entity, script, world.tls(&world.member(entity).party))
    }

    /// The agent of `entity`, who shows whatever certificate `tls` has.
    pub(crate) fn start_as(world: &World, entity: &str, script: Script, tls: Tls) -> Self {
        // The others are no business of an agent's, and in a group of a thousand their descriptions take a megabyte.
        let mut group = world.group.clone();
        group.entities.retain(|listed| listed.id == id(entity));
        group.trust_domains.clear();
        let state = Arc::new(State {
            entity: id(entity),
            key: Arc::clone(&world.member(entity).key),
            group,
            in_force: world.in_force.clone(),
            clock: Arc::clone(&world.clock),
            script: Mutex::new(script),
            calls: Mutex::default(),
            receptions: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let server = Server::new(world.listener(entity), tls, Limits::default());
        let routes = Routes::new(SubjectDataServiceServer::from_arc(Arc::new(Served(Arc::clone(&state)))));
        let running = server.run(routes, stop.clone(), PATIENCE);
        Tasks::new().spawn("agent", async move { drop(running.await) });
        Self { state, stop }
    }

    /// Does otherwise from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.state.script.lock().unwrap());
    }

    /// What was called so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// When the request of each export that was started is said to have been received.
    pub(crate) fn receptions(&self) -> Vec<Option<Timestamp>> {
        self.state.receptions.lock().unwrap().clone()
    }

    /// The offsets from which part `index` was read, in order.
    pub(crate) fn offsets(&self, index: u32) -> Vec<u64> {
        let of = |call: &Call| match call {
            Call::ReadPart { index: read, offset } if *read == index => Some(*offset),
            _ => None,
        };
        self.calls().iter().filter_map(of).collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What tonic serves.
struct Served(Arc<State>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn refuse(code: Code, reason: ErrorReason) -> Status {
    status(code, reason.reason(), "the script says so", &[])
}

impl State {
    fn script(&self) -> Script {
        self.script.lock().unwrap().clone()
    }

    /// Checks peer and mandate as an honest agent does, then whether the script refuses.
    fn admit<T>(
        &self,
        request: &Request<T>,
        call: Call,
        mandate: &[u8],
        instruction: &str,
        identifiers: Option<&[tributary_proto::types::v1::Identifier]>,
    ) -> Result<(Script, Mandate), Status> {
        if peer_of(request).map(|peer| &peer.id) != Some(&self.group.gateway.spiffe_id) {
            return Err(refuse(Code::PermissionDenied, ErrorReason::PeerNotGateway));
        }
        let identifiers: Option<Vec<Identifier>> = identifiers.map(|all| {
            all.iter().map(|one| Identifier::new(one.r#type.parse().unwrap(), &one.value).unwrap()).collect()
        });
        let expected = Expected {
            action: if call == Call::Locate { Action::Locate } else { Action::Export },
            instruction: instruction.parse::<InstructionId>().unwrap(),
            entity: &self.entity,
            identifiers: identifiers.as_deref(),
        };
        let mandate = Mandate::open(mandate, &self.group, self.clock.now(), expected)
            .map_err(|_| refuse(Code::PermissionDenied, ErrorReason::MandateInvalid))?;
        let script = self.script();
        if mandate.received_at.is_some() && (call != Call::StartExport || !script.takes_reception) {
            return Err(refuse(Code::PermissionDenied, ErrorReason::MandateInvalid));
        }
        self.calls.lock().unwrap().push(call);
        match script.refusal {
            Some(refusal) => Err(refusal),
            None => Ok((script, mandate)),
        }
    }

    fn attestation(&self, script: &Script, mandate: &Mandate) -> Vec<u8> {
        let now = self.clock.now();
        let none = PartListDigest::new().finish();
        let mut attestation = Attestation {
            entity: self.entity.clone(),
            case: mandate.case,
            instruction: mandate.instruction,
            right: mandate.right,
            generation: script.generation,
            group_version: self.in_force.version,
            group_sha256: self.in_force.digest.parse::<Sha256Hex>().unwrap(),
            started_at: now,
            finished_at: now,
            identifier_types: vec!["email".parse().unwrap()],
            answers: Vec::new(),
            disposition: script.export.disposition,
            searched: Vec::new(),
            not_searched: Vec::new(),
            redactions: Vec::new(),
            parts: tributary_archive::attestation::PartsSummary {
                count: 0,
                bytes: 0,
                encoded_bytes: 0,
                rows: 0,
                sha256: none,
            },
            tables_sha256: table::digest([]),
            previews_sha256: None,
            information_sha256: None,
            software: "scripted agent".to_owned(),
        };
        script.export.fill(&mut attestation);
        (script.attestation)(&mut attestation);
        attestation.sign(script.signed_by.as_ref().unwrap_or(&self.key)).to_json()
    }

    fn events(&self, script: &Script, mandate: &Mandate) -> Vec<Event> {
        let mut events = script.export.events(script.generation);
        let parts = script.export.parts.len() as u32;
        events.push(Event::Attested(v1::Attested { attestation: self.attestation(script, mandate), parts }));
        (script.events)(&mut events);
        events
    }
}

/// The messages of one reading, from `offset` on.
fn read(mut carried: Vec<u8>, offset: u64, reading: &Reading) -> Answers<v1::ReadPartResponse> {
    let offset = offset as usize;
    let (mut size, mut end): (usize, Answers<v1::ReadPartResponse>) = (64 * 1024, stream::empty().boxed());
    let mut shift = 0;
    match reading {
        Reading::Pieces(pieces) => size = *pieces,
        Reading::EndsAt(at) => carried.truncate(*at),
        Reading::HangsAt(at) => {
            carried.truncate(*at);
            end = stream::pending().boxed();
        }
        Reading::FailsAt(at, status) => {
            carried.truncate(*at);
            end = stream::iter([Err(status.clone())]).boxed();
        }
        Reading::Beyond(more) => carried.extend_from_slice(more),
        Reading::Flipped(at) => carried[*at] ^= 1,
        Reading::Shifted => shift = 1,
        Reading::Empty => {
            let empty = v1::ReadPartResponse { offset: offset as u64, data: Bytes::new() };
            return stream::iter([Ok(empty)]).chain(read(carried, offset as u64, &Reading::Pieces(size))).boxed();
        }
    }
    let rest = Bytes::from(carried).slice(offset..);
    let pieces = (0..rest.len()).step_by(size).map(move |start| {
        let data = rest.slice(start..rest.len().min(start + size));
        Ok(v1::ReadPartResponse { offset: (offset + start + shift) as u64, data })
    });
    stream::iter(pieces.collect::<Vec<_>>()).chain(end).boxed()
}

#[tonic::async_trait]
impl SubjectDataService for Served {
    async fn describe(&self, _: Request<v1::DescribeRequest>) -> Result<Response<v1::DescribeResponse>, Status> {
        let state = &self.0;
        Ok(Response::new(v1::DescribeResponse {
            entity: state.entity.to_string(),
            software: "scripted agent".to_owned(),
            rights: vec![tributary_proto::types::v1::Right::Access.into()],
            identifier_types: vec!["email".to_owned()],
            datasets: vec![v1::Dataset {
                key: "crm".to_owned(),
                name: "CRM".to_owned(),
                connected: true,
                collections: 1,
            }],
            group_version: state.in_force.version,
            group_sha256: state.in_force.digest.clone(),
            max_part_bytes: 64 * 1024 * 1024,
            served_entities: vec![state.entity.to_string()],
        }))
    }

    async fn locate(&self, request: Request<v1::LocateRequest>) -> Result<Response<v1::LocateResponse>, Status> {
        let asked = request.get_ref();
        let who = Some(asked.identifiers.as_slice());
        let (script, _) = self.0.admit(&request, Call::Locate, &asked.mandate, &asked.instruction, who)?;
        script.unlocated.map_or(Ok(Response::new(v1::LocateResponse { outcome: script.located.into() })), Err)
    }

    async fn start_export(
        &self,
        request: Request<v1::StartExportRequest>,
    ) -> Result<Response<v1::StartExportResponse>, Status> {
        let asked = request.get_ref();
        let who = Some(asked.identifiers.as_slice());
        let (script, mandate) = self.0.admit(&request, Call::StartExport, &asked.mandate, &asked.instruction, who)?;
        let said = asked.received_at.as_ref().map(|at| Timestamp::new(at.seconds, at.nanos).unwrap());
        mandate.check_received_at(said).map_err(|_| refuse(Code::PermissionDenied, ErrorReason::MandateInvalid))?;
        self.0.receptions.lock().unwrap().push(said);
        let state = script.started.into();
        Ok(Response::new(v1::StartExportResponse { generation: script.generation, state }))
    }

    type WatchExportStream = Answers<v1::WatchExportResponse>;

    async fn watch_export(
        &self,
        request: Request<v1::WatchExportRequest>,
    ) -> Result<Response<Self::WatchExportStream>, Status> {
        let asked = request.get_ref();
        let (script, mandate) = self.0.admit(&request, Call::WatchExport, &asked.mandate, &asked.instruction, None)?;
        let events = self.0.events(&script, &mandate);
        let told = stream::iter(events.into_iter().map(|event| Ok(v1::WatchExportResponse { event: Some(event) })));
        let end: Self::WatchExportStream =
            if script.watch_hangs { stream::pending().boxed() } else { stream::empty().boxed() };
        Ok(Response::new(told.chain(end).boxed()))
    }

    type ReadPartStream = Answers<v1::ReadPartResponse>;

    async fn read_part(&self, request: Request<v1::ReadPartRequest>) -> Result<Response<Self::ReadPartStream>, Status> {
        let asked = request.get_ref();
        let call = Call::ReadPart { index: asked.index, offset: asked.offset };
        let (script, _) = self.0.admit(&request, call, &asked.mandate, &asked.instruction, None)?;
        if asked.generation != script.generation {
            let current = [("generation", script.generation.to_string())];
            return Err(status(Code::Aborted, ErrorReason::GenerationReplaced.reason(), "replaced", &current));
        }
        let carried = script.export.carried.get(asked.index as usize - 1);
        let carried = carried.ok_or_else(|| refuse(Code::NotFound, ErrorReason::PartNotFound))?;
        Ok(Response::new(read(carried.clone(), asked.offset, &script.reading)))
    }

    async fn finish_export(
        &self,
        request: Request<v1::FinishExportRequest>,
    ) -> Result<Response<v1::FinishExportResponse>, Status> {
        let asked = request.get_ref();
        self.0.admit(&request, Call::FinishExport, &asked.mandate, &asked.instruction, None)?;
        Ok(Response::new(v1::FinishExportResponse {}))
    }

    async fn get_attestation(
        &self,
        request: Request<v1::GetAttestationRequest>,
    ) -> Result<Response<v1::GetAttestationResponse>, Status> {
        let asked = request.get_ref();
        let (script, mandate) =
            self.0.admit(&request, Call::GetAttestation, &asked.mandate, &asked.instruction, None)?;
        Ok(Response::new(v1::GetAttestationResponse { attestation: self.0.attestation(&script, &mandate) }))
    }
}
