//! The connection to a gateway as a caller: who we are, who it must be, and its errors in words.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tonic::Status;
use tributary_model::clock::SystemClock;
use tributary_model::spiffe::SpiffeId;
use tributary_model::yaml::{Problems, Reader, parse};
use tributary_proto::gateway::v1::archive_service_client::ArchiveServiceClient;
use tributary_proto::gateway::v1::case_service_client::CaseServiceClient;
use tributary_transport::dial::Dialer;
use tributary_transport::identity::Identity;
use tributary_transport::limits::MAX_MESSAGE;
use tributary_transport::link::{Channel, Link};
use tributary_transport::status::reason_of;
use tributary_transport::tls::Tls;
use tributary_transport::trust::{BundleMap, TrustBundles};

use crate::exit::{Exit, Failure, of_code};
use crate::files;

const CONNECT: Duration = Duration::from_secs(10);

/// Which gateway, and in whose name.
#[derive(Debug, Clone, Args)]
pub(crate) struct Caller {
    /// File with the gateway's address and this caller's certificate (keys: gateway, gateway_id, certificate, key, roots)
    #[arg(long, env = "TRIBUTARY_CLIENT", default_value = "client.yaml", global = true)]
    client: PathBuf,
    /// The human who acts; recorded with every call
    #[arg(long, env = "TRIBUTARY_ON_BEHALF_OF", global = true)]
    on_behalf_of: Option<String>,
}

/// What `client.yaml` says. Paths are relative to the file's folder.
struct Settings {
    gateway: String,
    gateway_id: SpiffeId,
    certificate: PathBuf,
    key: PathBuf,
    roots: PathBuf,
}

impl Settings {
    fn load(path: &Path) -> Result<Self, Failure> {
        let text = files::read_text(path).map_err(|_| {
            let path = path.display();
            Failure::invalid(format!("cannot read {path}: name the client file with --client or TRIBUTARY_CLIENT"))
        })?;
        Self::read(path, &text)
            .map_err(|problems| Failure::invalid(format!("the client file is not valid\n{problems}")))
    }

    fn read(path: &Path, text: &str) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let root = parse(&file, text)?;
        let mut r = Reader::new(&file);
        let folder = path.parent().unwrap_or(Path::new(""));
        let settings = r.fields(&root, "the client file").and_then(|mut f| {
            let (gateway, gateway_id) = (f.required(&mut r, "gateway"), f.required(&mut r, "gateway_id"));
            let mut file = |key| f.required::<PathBuf>(&mut r, key).map(|path| folder.join(path));
            let (certificate, key, roots) = (file("certificate"), file("key"), file("roots"));
            f.deny_unknown(&mut r);
            Some(Settings {
                gateway: gateway?,
                gateway_id: gateway_id?,
                certificate: certificate?,
                key: key?,
                roots: roots?,
            })
        });
        r.finish(settings)
    }
}

/// An open connection to a gateway.
pub(crate) struct Gateway {
    link: Link,
    /// The human who acts.
    pub(crate) on_behalf_of: String,
}

impl Caller {
    /// A caller whose client file and acting human are known.
    pub(crate) fn new(client: PathBuf, on_behalf_of: &str) -> Self {
        Self { client, on_behalf_of: Some(on_behalf_of.to_owned()) }
    }

    /// Connects; the gateway must be exactly the one that the client file names.
    pub(crate) async fn connect(&self) -> Result<Gateway, Failure> {
        let on_behalf_of = self.on_behalf_of.clone().ok_or_else(|| {
            Failure::invalid(
                "say who acts, with --on-behalf-of or TRIBUTARY_ON_BEHALF_OF; it is recorded with the call",
            )
        })?;
        let settings = Settings::load(&self.client)?;
        let identity = Identity::load(&settings.certificate, &settings.key).map_err(Failure::invalid)?;
        let mut bundles = BundleMap::new();
        bundles.add_file(settings.gateway_id.trust_domain().clone(), &settings.roots).map_err(Failure::invalid)?;
        let dialer = Dialer::new(Tls::new(identity, TrustBundles::new(bundles), Arc::new(SystemClock)));
        let link = dialer.connect(&settings.gateway, &settings.gateway_id, CONNECT).await.map_err(|error| {
            let exit = if error.is_unreachable() { Exit::TryAgain } else { Exit::Refused };
            Failure::new(exit, format!("no connection to the gateway: {error}"))
        })?;
        Ok(Gateway { link, on_behalf_of })
    }
}

impl Gateway {
    /// Client of `CaseService`.
    pub(crate) fn cases(&self) -> CaseServiceClient<Channel> {
        CaseServiceClient::new(self.link.channel()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Client of `ArchiveService`.
    pub(crate) fn archives(&self) -> ArchiveServiceClient<Channel> {
        ArchiveServiceClient::new(self.link.channel()).max_decoding_message_size(MAX_MESSAGE)
    }
}

/// A status of the gateway in words, with its reason and the exit code that fits.
pub(crate) fn refused(status: &Status) -> Failure {
    let reason = reason_of(status).map(|reason| format!(" ({reason})")).unwrap_or_default();
    Failure::new(of_code(status.code()), format!("{}{reason}", status.message()))
}
