//! Mail through SMTP. A server that is down or says no costs a later try; the Message-ID stays the same, so that a mail
//! that was taken twice is seen to be one.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tributary_transport::secret_file;

use super::notify::Told;
use crate::config::{MailSettings, MailTls};
use crate::ledger::Notice;

/// How long one mail may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends mail.
pub(super) struct Mailer(MailSettings);

impl Mailer {
    pub(super) fn new(settings: MailSettings) -> Self {
        Self(settings)
    }

    /// Sends what is told of a question. The error is for the log.
    pub(super) async fn send(&self, notice: &Notice, told: &Told) -> Result<(), String> {
        let message = self.message(notice, told)?;
        // Read anew each time: a password that was changed counts from the next mail on.
        let transport = self.transport()?;
        match tokio::time::timeout(PATIENCE, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("mail: {}", caused(&error))),
            Err(_) => Err(format!("mail: the server did not answer within {PATIENCE:?}")),
        }
    }

    fn message(&self, notice: &Notice, told: &Told) -> Result<Message, String> {
        let MailSettings { from, to, escalate_to, .. } = &self.0;
        let recipients = if notice.stage.is_escalation() && !escalate_to.is_empty() { escalate_to } else { to };
        let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let mailbox = |address: &String| address.parse::<Mailbox>().map_err(|error| format!("mail: {error}"));
        let mut message = Message::builder()
            .from(mailbox(from)?)
            .subject(told.subject.clone())
            .message_id(Some(format!("<{}@{}>", notice.id, domain.trim_end_matches('>'))))
            .header(ContentType::TEXT_PLAIN);
        for address in recipients {
            message = message.to(mailbox(address)?);
        }
        message.body(told.text.clone()).map_err(|error| format!("mail: {error}"))
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let MailSettings { host, port, tls, ca, login, .. } = &self.0;
        let tls = match tls {
            MailTls::None => Tls::None,
            MailTls::Required => Tls::Wrapper(parameters(host, ca.as_deref())?),
            MailTls::StartTls => Tls::Required(parameters(host, ca.as_deref())?),
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(*port).tls(tls).timeout(Some(PATIENCE));
        if let Some((user, file)) = login {
            let password = secret_file::read_secret(file).map_err(|error| format!("mail: password_file: {error}"))?;
            let password =
                std::str::from_utf8(&password).map_err(|_| "mail: password_file: it is not text".to_owned())?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(transport.build())
    }
}

fn parameters(host: &str, ca: Option<&std::path::Path>) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(ca) = ca {
        let pem = secret_file::read_public(ca).map_err(|error| format!("mail: ca: {error}"))?;
        let root = Certificate::from_pem(&pem).map_err(|error| format!("mail: ca: {error}"))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(root);
    }
    parameters.build_rustls().map_err(|error| format!("mail: tls: {error}"))
}

/// The error with what caused it.
fn caused(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}
