//! The HTTPS listener over real sockets: whoever holds on to a connection is let go of, and the others are served.

#![expect(clippy::unwrap_used, reason = "a step of the set-up that fails is a failed test")]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tributary_model::clock::SystemClock;
use tributary_transport::https::{HttpsServer, Limits, ServerCertificate};
use tributary_transport::listen::listen;
use tributary_transport::tasks::Tasks;

const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(300);

/// A listener that answers `/` with a word, and a client that trusts it.
struct World {
    address: SocketAddr,
    connector: TlsConnector,
    stop: CancellationToken,
    tasks: Tasks,
    _folder: tempfile::TempDir,
}

impl World {
    fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = params.self_signed(&key).unwrap();
        let (certificate, key_file) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&certificate, leaf.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).unwrap();

        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let certificate = ServerCertificate::load(&certificate, &key_file).unwrap();
        let server = HttpsServer::new(listener, certificate, limits, Arc::new(SystemClock)).unwrap();
        let address = server.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), Tasks::new());
        let router = Router::new().route("/", get(|| async { "word" }));
        tasks.spawn("server", server.run(router, stop.clone(), SOON));

        let mut roots = RootCertStore::empty();
        roots.add(leaf.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Self { address, connector: TlsConnector::from(Arc::new(config)), stop, tasks, _folder: folder }
    }

    async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        self.connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    /// Sends `text` and waits for the end of the connection.
    async fn last_words(&self, text: &str) -> String {
        let mut stream = self.connect().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        ended(&mut stream).await
    }
}

/// Everything until the connection ends, however it does.
async fn ended(stream: &mut TlsStream<TcpStream>) -> String {
    let mut said = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the connection stays open");
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn half_a_request_is_not_waited_for() {
    let world = World::start(Limits { header_time: SOON, ..Limits::default() });
    let said = world.last_words("GET / HTTP/1.1\r\nHost: local").await;
    assert!(!said.contains("200"), "{said}");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let world = World::start(Limits { idle: SOON, header_time: PATIENCE * 2, ..Limits::default() });
    assert_eq!(world.last_words("").await, "");
    let said = world.last_words("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("word"), "{said}");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_not_waited_for() {
    let world = World::start(Limits { handshake_time: SOON, ..Limits::default() });
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("it stays open");
    assert_eq!((read.unwrap_or(0), said), (0, Vec::new()));
}

#[tokio::test]
async fn one_network_takes_no_more_than_its_share_and_gets_it_back() {
    let world = World::start(Limits { connections_per_network: 2, ..Limits::default() });
    let (mut first, _second) = (world.connect().await.unwrap(), world.connect().await.unwrap());
    assert!(world.connect().await.is_err(), "a third connection was taken");
    first.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(ended(&mut first).await.ends_with("word"));
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while world.connect().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the place was never given back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_lets_go_of_open_connections() {
    let world = World::start(Limits::default());
    let mut open = world.connect().await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(open.read_u8().await.unwrap(), b'H');
    world.stop.cancel();
    ended(&mut open).await;
    assert_eq!(world.tasks.drain(PATIENCE).await.forced, 0);
    assert!(TcpStream::connect(world.address).await.is_err(), "the port is still open");
}
