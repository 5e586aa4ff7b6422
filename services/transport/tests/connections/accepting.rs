//! The accept loop under callers that misbehave: slow, silent, plain, many, or without a certificate.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tributary_transport::cause::TlsFailure;
use tributary_transport::dial::DialError;
use tributary_transport::limits::Limits;

use crate::world::{Entity, PATIENCE, ask, dial, health, serve, serve_with, who_am_i};

struct Pair {
    gateway: Entity,
    agent: Entity,
}

fn pair() -> Pair {
    Pair { gateway: Entity::new("acme"), agent: Entity::new("acme-fr") }
}

impl Pair {
    async fn works(&self, name: &str, address: &str) {
        let tls = self.gateway.tls(name, &[&self.agent]);
        let link = dial(tls, address, &self.agent.id("agent")).await.unwrap();
        who_am_i(&link).await.unwrap();
    }
}

/// An ordinary TLS client of another stack: it checks the host's name and shows no certificate.
async fn anonymous(
    entity: &Entity,
    address: std::net::SocketAddr,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(entity.authority.root_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Then))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[derive(Debug)]
struct Then;

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<rustls_pki_types::UnixTime> {
        let seconds = u64::try_from(crate::world::start_of_time().as_second()).unwrap();
        Some(rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused() {
    let pair = pair();
    let server = serve(pair.agent.tls("agent", &[&pair.gateway]));
    // In TLS 1.3 the client's side of the handshake succeeds; the refusal is the first thing it reads. That it got so
    // far shows that a stock client accepts the leaf by its DNS name.
    let mut stream = anonymous(&pair.agent, server.socket, &[b"h2"]).await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[tokio::test]
async fn a_caller_of_another_protocol_is_refused_in_the_handshake() {
    let pair = pair();
    let server = serve(pair.agent.tls("agent", &[&pair.gateway]));
    let error = anonymous(&pair.agent, server.socket, &[b"http/1.1"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn a_caller_that_never_finishes_its_handshake_holds_up_nobody() {
    let pair = pair();
    let server = serve(pair.agent.tls("agent", &[&pair.gateway]));
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.socket).await.unwrap();
        stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        slow.push(stream);
    }
    pair.works("gateway", &server.address).await;
}

#[tokio::test]
async fn a_flood_of_handshakes_beyond_the_limit_is_recovered_from() {
    let pair = pair();
    let limits = Limits { handshakes: 4, handshake_time: Duration::from_millis(200), ..Limits::default() };
    let server = serve_with(pair.agent.tls("agent", &[&pair.gateway]), limits, PATIENCE);
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(server.socket).await.unwrap());
    }
    // Behind three times as many silent callers as there are places: it waits its turn and is served.
    pair.works("gateway", &server.address).await;
    for mut stream in silent {
        let ended = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1])).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "a silent caller is closed after its time");
    }
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_and_its_place_is_given_back() {
    let pair = pair();
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = serve_with(pair.agent.tls("agent", &[&pair.gateway]), limits, PATIENCE);
    let (tls, id) = (pair.gateway.tls("gateway", &[&pair.agent]), pair.agent.id("agent"));
    let first = dial(tls.clone(), &server.address, &id).await.unwrap();
    let second = dial(tls.clone(), &server.address, &id).await;
    assert!(second.as_ref().is_err_and(DialError::is_unreachable), "{second:?}");
    assert!(who_am_i(&first).await.is_ok());

    let gone = first.gone().clone();
    drop(first);
    tokio::time::timeout(PATIENCE, gone.cancelled()).await.unwrap();
    // The server notices a little later than this side.
    let again = async { while dial(tls.clone(), &server.address, &id).await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn no_peer_takes_the_connections_or_calls_of_the_others() {
    let pair = pair();
    let limits = Limits { connections_per_peer: 1, rpcs_per_peer: 1, ..Limits::default() };
    let server = serve_with(pair.agent.tls("agent", &[&pair.gateway]), limits, PATIENCE);
    let id = pair.agent.id("agent");
    let greedy = pair.gateway.tls("greedy", &[&pair.agent]);
    let first = dial(greedy.clone(), &server.address, &id).await.unwrap();
    let second = dial(greedy.clone(), &server.address, &id).await;
    assert!(second.as_ref().is_err_and(DialError::is_unreachable), "{second:?}");
    let mut busy = health(&first).watch(ask("hang")).await.unwrap().into_inner();
    assert!(busy.message().await.unwrap().is_some());
    assert_eq!(who_am_i(&first).await.unwrap_err().code(), tonic::Code::Unavailable);

    let other = dial(pair.gateway.tls("gateway", &[&pair.agent]), &server.address, &id).await.unwrap();
    who_am_i(&other).await.unwrap();
    drop((first, busy));
    // The server notices a little later than this side.
    let again = async {
        loop {
            let Ok(link) = dial(greedy.clone(), &server.address, &id).await else { continue };
            if who_am_i(&link).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_says_nothing_after_the_handshake_is_closed() {
    let pair = pair();
    let limits = Limits { handshake_time: Duration::from_millis(200), ..Limits::default() };
    let server = serve_with(pair.agent.tls("agent", &[&pair.gateway]), limits, PATIENCE);
    let mut stream = authenticated(&pair, server.socket).await;
    let mut heard = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    assert!(ended.is_ok(), "the server closes it");
    assert!(!heard.is_empty(), "the server had sent its settings");
}

/// A member of the group whose HTTP/2 we write ourselves.
async fn authenticated(pair: &Pair, address: std::net::SocketAddr) -> TlsStream<TcpStream> {
    speaking(pair, address, &rustls::version::TLS13).await
}

async fn speaking(
    pair: &Pair,
    address: std::net::SocketAddr,
    version: &'static rustls::SupportedProtocolVersion,
) -> TlsStream<TcpStream> {
    pair.gateway.identity("raw");
    attempt(pair, address, version).await.unwrap()
}

async fn attempt(
    pair: &Pair,
    address: std::net::SocketAddr,
    version: &'static rustls::SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let pem = |name: &str| std::fs::read(pair.gateway.folder.path().join(name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(&pem("raw.pem")).collect::<Result<Vec<_>, _>>().unwrap();
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(&pem("raw-key.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pair.agent.authority.root_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Then))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn a_caller_of_an_older_stack_is_verified_the_same_way() {
    let pair = pair();
    let server = serve(pair.agent.tls("agent", &[&pair.gateway]));
    let mut stream = speaking(&pair, server.socket, &rustls::version::TLS12).await;
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    // Its settings frame: nine bytes of header, of which the fourth is the type, 4.
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(header[3], 4);

    let strict = serve(pair.agent.tls("agent/other", &[]));
    let refused = tokio::time::timeout(PATIENCE, attempt(&pair, strict.socket, &rustls::version::TLS12)).await.unwrap();
    assert!(refused.is_err(), "no roots are configured for its trust domain");
}

#[tokio::test]
async fn bytes_that_are_no_tls_are_refused() {
    let pair = pair();
    let server = serve(pair.agent.tls("agent", &[&pair.gateway]));
    let mut stream = TcpStream::connect(server.socket).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("closed");
    assert!(!heard.starts_with(b"HTTP"), "nothing is served in the clear");
    pair.works("gateway", &server.address).await;
}

#[tokio::test]
async fn a_dialler_says_when_the_other_side_is_no_tls_server() {
    let pair = pair();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 512]).await;
    };
    let tls = pair.gateway.tls("gateway", &[&pair.agent]);
    let id = pair.agent.id("agent");
    let (outcome, ()) = tokio::join!(dial(tls, &address, &id), plain);
    let error = outcome.unwrap_err();
    assert!(matches!(&error, DialError::Tls { failure: TlsFailure::NotTls, .. }), "{error}");
    assert!(!error.is_identity());
}
