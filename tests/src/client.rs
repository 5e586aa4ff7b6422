//! A caller: an internal system with its own certificate that opens cases and downloads archives.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;
use tonic::{Code, Status};
use tributary_model::spiffe::SpiffeId;
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;
use tributary_proto::gateway::v1::case_service_client::CaseServiceClient;
use tributary_proto::gateway::v1::group_service_client::GroupServiceClient;
use tributary_proto::gateway::v1::waiting_policy::Policy;
use tributary_proto::gateway::v1::{
    Archive, BestEffort, Case, CaseState, ConfirmDeliveryRequest, DownloadArchiveRequest, GetArchiveRequest,
    GetCaseRequest, OpenCaseRequest, RetryTaskRequest, Task, WaitingPolicy,
};
use tributary_proto::types::v1::{Disposition, Identifier, Right, TableFormat};
use tributary_transport::dial::Dialer;
use tributary_transport::limits::MAX_MESSAGE;
use tributary_transport::link::{Channel, Link};
use tributary_transport::tls::Tls;

const CONNECT: Duration = Duration::from_secs(10);

/// One caller of the gateway. Reconnects by itself, as a client of a service that restarts has to.
#[derive(Debug)]
pub struct Caller {
    dialer: Dialer,
    gateway: SpiffeId,
    address: String,
    link: Mutex<Option<Link>>,
    /// The human who acts.
    pub on_behalf_of: String,
}

impl Caller {
    /// A caller with the identity of `tls`.
    pub fn new(tls: Tls, gateway: SpiffeId, address: String) -> Self {
        let on_behalf_of = "officer@privacy.example".to_owned();
        Self { dialer: Dialer::new(tls), gateway, address, link: Mutex::new(None), on_behalf_of }
    }

    /// The same caller, connecting to `address`.
    pub fn at(self, address: std::net::SocketAddr) -> Self {
        Self { address: address.to_string(), link: Mutex::new(None), ..self }
    }

    /// The connection, new if the last one is gone.
    ///
    /// # Errors
    /// UNAVAILABLE when the gateway cannot be reached.
    pub async fn channel(&self) -> Result<Channel, Status> {
        let mut link = self.link.lock().await;
        if let Some(live) = link.as_ref().filter(|link| !link.gone().is_cancelled()) {
            return Ok(live.channel());
        }
        let new = self.dialer.connect(&self.address, &self.gateway, CONNECT).await;
        let new = new.map_err(|error| Status::unavailable(error.to_string()))?;
        let channel = new.channel();
        *link = Some(new);
        Ok(channel)
    }

    /// Client of `CaseService`.
    ///
    /// # Errors
    /// As [`channel`](Self::channel).
    pub async fn cases(&self) -> Result<CaseServiceClient<Channel>, Status> {
        Ok(CaseServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of `ArchiveService`.
    ///
    /// # Errors
    /// As [`channel`](Self::channel).
    pub async fn archives(&self) -> Result<ArchiveServiceClient<Channel>, Status> {
        Ok(ArchiveServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of `GroupService`.
    ///
    /// # Errors
    /// As [`channel`](Self::channel).
    pub async fn group(&self) -> Result<GroupServiceClient<Channel>, Status> {
        Ok(GroupServiceClient::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE))
    }

    /// A request that opens an access case: identity vouched for, tables as NDJSON, waiting for everybody.
    pub fn request(&self, person: &[(&str, &str)]) -> OpenCaseRequest {
        let identifier = |(kind, value): &(&str, &str)| Identifier { r#type: (*kind).into(), value: (*value).into() };
        OpenCaseRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            on_behalf_of: self.on_behalf_of.clone(),
            right: Right::Access.into(),
            identifiers: person.iter().map(identifier).collect(),
            format: TableFormat::Ndjson.into(),
            identity_confirmed: true,
            ..Default::default()
        }
    }

    /// Opens a case.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn open(&self, request: OpenCaseRequest) -> Result<Case, Status> {
        let case = self.cases().await?.open_case(request).await?.into_inner().case;
        case.ok_or_else(|| Status::internal("OpenCase answered without a case"))
    }

    /// Opens a case for `person` and gives its id.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn open_for(&self, person: &[(&str, &str)]) -> Result<String, Status> {
        Ok(self.open(self.request(person)).await?.case_id)
    }

    /// Reads a case.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn case(&self, case_id: &str) -> Result<Case, Status> {
        let request = GetCaseRequest { case_id: case_id.to_owned(), on_behalf_of: self.on_behalf_of.clone() };
        let case = self.cases().await?.get_case(request).await?.into_inner().case;
        case.ok_or_else(|| Status::internal("GetCase answered without a case"))
    }

    /// Reads the case until `fits`; a gateway that is down for a while is waited for.
    ///
    /// # Errors
    /// When it does not fit within `limit`; the message says where the case stands.
    pub async fn until(&self, case_id: &str, limit: Duration, fits: impl Fn(&Case) -> bool) -> Result<Case> {
        let end = Instant::now() + limit;
        let mut last = None;
        loop {
            match self.case(case_id).await {
                Ok(case) if fits(&case) => return Ok(case),
                Ok(case) => last = Some(case),
                Err(status) if matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) => {}
                Err(status) => return Err(status).context("reading the case"),
            }
            if Instant::now() > end {
                bail!("after {limit:?} the case stands at {}", last.as_ref().map_or("nothing".to_owned(), summary));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until the first archive can be downloaded.
    ///
    /// # Errors
    /// As [`until`](Self::until).
    pub async fn ready(&self, case_id: &str, limit: Duration) -> Result<Case> {
        self.until(case_id, limit, |case| !case.archives.is_empty()).await
    }

    /// Describes an archive; 0 for the latest.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn archive(&self, case_id: &str, sequence: u32) -> Result<Archive, Status> {
        let on_behalf_of = self.on_behalf_of.clone();
        let request = GetArchiveRequest { case_id: case_id.to_owned(), on_behalf_of, sequence };
        let archive = self.archives().await?.get_archive(request).await?.into_inner().archive;
        archive.ok_or_else(|| Status::internal("GetArchive answered without an archive"))
    }

    /// Downloads a range of an archive into memory.
    ///
    /// # Errors
    /// What the gateway answers, or that its bytes do not follow each other.
    pub async fn range(&self, case_id: &str, sequence: u32, offset: u64, length: u64) -> Result<Vec<u8>, Status> {
        let mut bytes = Vec::new();
        let mut stream = self.download_stream(case_id, sequence, offset, length).await?;
        while let Some(piece) = stream.message().await? {
            if piece.offset != offset + bytes.len() as u64 || piece.data.is_empty() {
                return Err(Status::data_loss("the bytes do not follow each other"));
            }
            bytes.extend_from_slice(&piece.data);
        }
        Ok(bytes)
    }

    /// Downloads a whole archive into `path` and gives its size.
    ///
    /// # Errors
    /// What the gateway answers, or that the file cannot be written.
    pub async fn download(&self, case_id: &str, sequence: u32, path: &Path) -> Result<u64> {
        let announced = self.archive(case_id, sequence).await?;
        let mut file = tokio::io::BufWriter::with_capacity(1 << 20, tokio::fs::File::create(path).await?);
        let mut stream = self.download_stream(case_id, sequence, 0, 0).await?;
        let mut size = 0;
        while let Some(piece) = stream.message().await? {
            anyhow::ensure!(piece.offset == size, "bytes at {} instead of {size}", piece.offset);
            file.write_all(&piece.data).await?;
            size += piece.data.len() as u64;
        }
        file.flush().await?;
        anyhow::ensure!(size == announced.size, "{size} bytes instead of {}", announced.size);
        Ok(size)
    }

    async fn download_stream(
        &self,
        case_id: &str,
        sequence: u32,
        offset: u64,
        length: u64,
    ) -> Result<tonic::Streaming<tributary_proto::gateway::v1::DownloadArchiveResponse>, Status> {
        let request = DownloadArchiveRequest {
            case_id: case_id.to_owned(),
            on_behalf_of: self.on_behalf_of.clone(),
            sequence,
            offset,
            length,
        };
        Ok(self.archives().await?.download_archive(request).await?.into_inner())
    }

    /// Records that an archive was handed over.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn deliver(&self, case_id: &str, sequence: u32) -> Result<Case, Status> {
        let request = ConfirmDeliveryRequest {
            case_id: case_id.to_owned(),
            on_behalf_of: self.on_behalf_of.clone(),
            sequence,
            channel: "portal".to_owned(),
            delivered_at: None,
        };
        let case = self.cases().await?.confirm_delivery(request).await?.into_inner().case;
        case.ok_or_else(|| Status::internal("ConfirmDelivery answered without a case"))
    }

    /// Asks an entity again now.
    ///
    /// # Errors
    /// What the gateway answers.
    pub async fn retry(&self, case_id: &str, entity: &str) -> Result<Case, Status> {
        let request = RetryTaskRequest {
            case_id: case_id.to_owned(),
            on_behalf_of: self.on_behalf_of.clone(),
            entity: entity.to_owned(),
        };
        let case = self.cases().await?.retry_task(request).await?.into_inner().case;
        case.ok_or_else(|| Status::internal("RetryTask answered without a case"))
    }
}

/// `BEST_EFFORT` with a window.
pub fn best_effort(window: Duration) -> Option<WaitingPolicy> {
    let nanos = i32::try_from(window.subsec_nanos()).unwrap_or(0);
    let window = prost_types::Duration { seconds: i64::try_from(window.as_secs()).unwrap_or(i64::MAX), nanos };
    Some(WaitingPolicy { policy: Some(Policy::BestEffort(BestEffort { window: Some(window) })) })
}

/// The task of an entity.
///
/// # Errors
/// When the case's roster does not have it.
pub fn task<'c>(case: &'c Case, entity: &str) -> Result<&'c Task> {
    case.tasks.iter().find(|task| task.entity == entity).with_context(|| format!("{entity} is not in the roster"))
}

/// How an entity stands, for example `FULFILLED`.
pub fn disposition(case: &Case, entity: &str) -> String {
    case.tasks.iter().find(|task| task.entity == entity).map_or("not in the roster".to_owned(), |task| {
        Disposition::try_from(task.disposition).unwrap_or_default().as_str_name().replace("DISPOSITION_", "")
    })
}

/// A case's state by name, for example `READY`.
pub fn state(case: &Case) -> String {
    CaseState::try_from(case.state).unwrap_or_default().as_str_name().replace("CASE_STATE_", "")
}

/// Where a case stands, in a line without personal data.
pub fn summary(case: &Case) -> String {
    let tasks: Vec<String> = case
        .tasks
        .iter()
        .map(|task| {
            let disposition = disposition(case, &task.entity);
            format!("{}: {disposition} {:?} {} parts ({})", task.entity, task.state(), task.parts, task.reason)
        })
        .collect();
    format!("{} with {} archives; {}", state(case), case.archives.len(), tasks.join("; "))
}
