//! Promises about the ways in which people are told: over TLS, to those whom a certificate names, and to nobody else.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tributary_model::id::{CaseId, InstructionId, QuestionId};
use tributary_transport::pki::{Authority, Subject};
use tributary_transport::secret_file::create_secret;
use uuid::Uuid;

use super::mail::Mailer;
use super::notify::told;
use super::webhook::Webhook;
use super::{Channel, Kind, Stage, Standing};
use crate::config::{MailSettings, MailTls, WebhookSettings};
use crate::ledger::{Notice, Question};

/// A server's certificate and the authority behind it.
struct Server {
    folder: tempfile::TempDir,
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Server {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = tributary_model::clock::Clock::now(&tributary_model::clock::SystemClock);
        let day = Duration::from_secs(24 * 3600);
        let authority = Authority::create(&"mail.example".parse().unwrap(), day, now).unwrap();
        let subject = Subject {
            id: "spiffe://mail.example/server".parse().unwrap(),
            dns_names: vec!["localhost".to_owned()],
            ip_addresses: vec![Ipv4Addr::LOCALHOST.into()],
        };
        authority.issue(&subject, day, now).unwrap().save(folder.path(), "svid").unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.root_pem()).unwrap();
        let chain = CertificateDer::pem_file_iter(folder.path().join("svid.pem")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.path().join("svid-key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self { folder, listener, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn secret(&self, content: &str) -> PathBuf {
        let path = self.folder.path().join("secret");
        if !path.exists() {
            create_secret(&path, content.as_bytes()).unwrap();
        }
        path
    }

    async fn accept(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    fn mail(&self, tls: MailTls, ca: Option<&Path>) -> Mailer {
        Mailer::new(MailSettings {
            host: "localhost".to_owned(),
            port: self.port(),
            tls,
            ca: ca.map(Path::to_owned),
            login: Some(("agent".to_owned(), self.secret("a password\n"))),
            from: "agent@acme.example".to_owned(),
            to: vec!["desk@acme.example".to_owned()],
            escalate_to: vec!["head@acme.example".to_owned()],
        })
    }
}

fn notice(stage: Stage) -> Notice {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let question = Question {
        id: QuestionId::new(now),
        instruction: InstructionId::new(now),
        case: CaseId::new(now),
        received_at: None,
        kind: Kind::Manual,
        dataset: "paper".parse().unwrap(),
        collection: "binder".to_owned(),
        created_at: now,
        due_at: now,
        standing: Standing::Open,
        answered: None,
    };
    Notice { id: Uuid::nil(), question, channel: Channel::Mail, stage, attempts: 0 }
}

async fn line(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>, answer: &str) -> String {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line.trim().to_owned()
}

/// Takes one mail, from the answer to EHLO on, and gives all that was said.
async fn taken(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> Vec<String> {
    let mut said = vec![line(stream, "250-here\r\n250 AUTH PLAIN").await];
    for answer in ["235 in", "250 ok", "250 ok", "354 go on"] {
        said.push(line(stream, answer).await);
    }
    while said.last().is_some_and(|line| line != ".") {
        let mut text = String::new();
        assert_ne!(stream.read_line(&mut text).await.unwrap(), 0, "{said:?}");
        said.push(text.trim_end().to_owned());
    }
    stream.write_all(b"250 taken\r\n").await.unwrap();
    stream.flush().await.unwrap();
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_the_server_that_the_authority_vouches_for_with_the_password() {
    let server = Server::new().await;
    let (notice, entity) = (notice(Stage::Due), "acme".parse().unwrap());
    let told = told(&entity, &notice.question, notice.stage);
    let ca = server.ca();
    let mailer = server.mail(MailTls::Required, Some(&ca));
    let serving = async {
        let stream = server.acceptor.accept(server.accept().await).await.unwrap();
        let mut stream = BufReader::new(stream);
        assert!(line(&mut stream, "220 here").await.starts_with("EHLO"));
        taken(&mut stream).await
    };
    let (sent, said) = tokio::join!(mailer.send(&notice, &told), serving);
    assert_eq!(sent, Ok(()));
    // user and password as RFC 4616 has them: \0agent\0a password
    assert_eq!(said[0], "AUTH PLAIN AGFnZW50AGEgcGFzc3dvcmQ=");
    assert!(
        said.contains(&"RCPT TO:<head@acme.example>".to_owned()),
        "what is late goes to whom it is escalated: {said:?}"
    );
    assert!(
        said.iter().any(|line| line.starts_with("Message-ID: <00000000-0000-0000-0000-000000000000@acme.example>"))
    );
    assert!(said.iter().any(|line| line.contains("inbox show")));
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_kept_back_from_a_server_that_nobody_vouches_for_or_that_speaks_no_tls() {
    let server = Server::new().await;
    let (notice, entity) = (notice(Stage::Created), "acme".parse().unwrap());
    let told = told(&entity, &notice.question, notice.stage);
    let stranger = server.mail(MailTls::Required, None);
    let (sent, met) = tokio::join!(stranger.send(&notice, &told), async {
        server.acceptor.accept(server.accept().await).await.is_err()
    });
    assert!(sent.is_err() && met, "{sent:?}");

    let ca = server.ca();
    let starttls = server.mail(MailTls::StartTls, Some(&ca));
    let (sent, said) = tokio::join!(starttls.send(&notice, &told), async {
        let mut stream = BufReader::new(server.accept().await);
        line(&mut stream, "220 here").await;
        line(&mut stream, "250 here").await
    });
    assert!(sent.is_err() && !said.starts_with("AUTH") && !said.starts_with("MAIL"), "{said}");

    let (sent, said) = tokio::join!(starttls.send(&notice, &told), async {
        let mut stream = BufReader::new(server.accept().await);
        line(&mut stream, "220 here").await;
        assert_eq!(line(&mut stream, "250-here\r\n250 STARTTLS").await, "STARTTLS");
        stream.write_all(b"220 go on\r\n").await.unwrap();
        let stream = server.acceptor.accept(stream.into_inner()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut ehlo = String::new();
        stream.read_line(&mut ehlo).await.unwrap();
        taken(&mut stream).await
    });
    assert_eq!(sent, Ok(()));
    assert!(said.contains(&"RCPT TO:<desk@acme.example>".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_called_over_tls_and_only_success_counts() {
    let server = Server::new().await;
    let (notice, entity) = (notice(Stage::Created), "acme".parse().unwrap());
    let told = told(&entity, &notice.question, notice.stage);
    let hook = |ca: Option<PathBuf>| {
        let url = format!("https://localhost:{}/hook?x=1", server.port());
        Webhook::new(WebhookSettings { url, secret_file: server.secret("a password\n"), ca })
    };
    for (status, is_taken) in [("204 No Content", true), ("500 Internal Server Error", false), ("302 Found", false)] {
        let hook = hook(Some(server.ca()));
        let (sent, head) = tokio::join!(hook.send(&entity, &notice, &told), async {
            let mut stream = server.acceptor.accept(server.accept().await).await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        assert_eq!(sent.is_ok(), is_taken, "{sent:?}");
        assert!(head.starts_with("POST /hook?x=1 HTTP/1.1"), "{head}");
        assert!(head.to_ascii_lowercase().contains("tributary-signature: sha256="), "{head}");
    }
    let hook = hook(None);
    let (sent, met) = tokio::join!(hook.send(&entity, &notice, &told), async {
        server.acceptor.accept(server.accept().await).await.is_err()
    });
    assert!(sent.is_err() && met, "{sent:?}");
}
