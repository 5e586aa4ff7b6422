//! A call of the entity's own URL for each thing that people are told: JSON by HTTP POST, signed with a shared secret, so
//! that a ticketing tool can take it up. Calls that fail are repeated with the same id.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tributary_model::id::{EntityId, FidesKey};
use tributary_transport::secret_file;

use super::notify::Told;
use crate::config::WebhookSettings;
use crate::ledger::Notice;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The header with the signature: `sha256=` and HMAC-SHA-256 of the body under the shared secret, in hex.
const SIGNATURE: &str = "tributary-signature";

/// Calls a URL.
pub(super) struct Webhook(WebhookSettings);

/// What is posted. Holds no personal data.
#[derive(Serialize)]
struct Body<'a> {
    /// The same over retries.
    id: String,
    /// `created`, `reminder`, `due` or `overdue-<days>`.
    event: String,
    entity: &'a str,
    question: String,
    case: String,
    kind: &'static str,
    /// Absent with `collection` for a decision, which is about everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    created_at: String,
    due_at: String,
    subject: &'a str,
}

impl Webhook {
    pub(super) fn new(settings: WebhookSettings) -> Self {
        Self(settings)
    }

    /// Posts what is told of a question. The error is for the log.
    pub(super) async fn send(&self, entity: &EntityId, notice: &Notice, told: &Told) -> Result<(), String> {
        let question = &notice.question;
        let (dataset, collection) = question.place().unzip();
        let body = Body {
            id: notice.id.to_string(),
            event: notice.stage.to_string(),
            entity: entity.as_str(),
            question: question.id.to_string(),
            case: question.case.to_string(),
            kind: question.kind.as_str(),
            dataset: dataset.map(FidesKey::as_str),
            collection,
            created_at: question.created_at.to_string(),
            due_at: question.due_at.to_string(),
            subject: &told.subject,
        };
        let body = serde_json::to_string(&body).map_err(|error| format!("webhook: {error}"))?;
        match tokio::time::timeout(PATIENCE, self.post(body)).await {
            Ok(posted) => posted.map_err(|error| format!("webhook: {error}")),
            Err(_) => Err(format!("webhook: no answer within {PATIENCE:?}")),
        }
    }

    async fn post(&self, body: String) -> Result<(), String> {
        let uri: Uri = self.0.url.parse().map_err(|_| "the URL cannot be read".to_owned())?;
        let host = uri.host().ok_or("the URL names no host")?.trim_matches(['[', ']']).to_owned();
        let is_https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let request = self.request(&uri, body)?;
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
        if !is_https {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|_| "the URL's host is no name".to_owned())?;
        let connector = TlsConnector::from(Arc::new(tls(self.0.ca.as_deref())?));
        let stream = connector.connect(name, stream).await.map_err(|error| format!("tls: {error}"))?;
        exchange(stream, request).await
    }

    fn request(&self, uri: &Uri, body: String) -> Result<Request<String>, String> {
        let secret = secret_file::read_secret(&self.0.secret_file).map_err(|error| format!("secret_file: {error}"))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.trim_ascii_end());
        let signature: String =
            hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority.as_str(), |(_, host)| host).to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Request::post(path)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, crate::SOFTWARE.replace(' ', "/"))
            .header(header::CONNECTION, "close")
            .header(SIGNATURE, format!("sha256={signature}"))
            .body(body)
            .map_err(|error| error.to_string())
    }
}

/// Sends one request and looks at the status of its answer.
async fn exchange<S>(stream: S, request: Request<String>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let mut connection = std::pin::pin!(connection);
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut response => response,
        // It may have ended with the answer.
        ended = &mut connection => match ended {
            Ok(()) => response.await,
            Err(error) => Err(error),
        },
    };
    let status = response.map_err(|error| error.to_string())?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let pem = secret_file::read_public(path).map_err(|error| format!("ca: {error}"))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| format!("ca: {error}"))?;
                roots.add(certificate).map_err(|error| format!("ca: {error}"))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
