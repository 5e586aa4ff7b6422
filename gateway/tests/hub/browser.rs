//! A person's browser, as raw as HTTP/1.1 over TLS is: what it sends and how much it takes is up to the test.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tributary_model::clock::{Clock, ManualClock};

use crate::support::world::PATIENCE;

/// A browser. Every request has a connection of its own.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    connector: TlsConnector,
}

/// The head of an answer, with the connection its body comes over.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    stream: TlsStream<TcpStream>,
    begun: Vec<u8>,
}

#[derive(Debug)]
struct TestTime(Arc<ManualClock>);

impl TimeProvider for TestTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.0.now().as_second().try_into().ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, root_pem: &str, clock: Arc<ManualClock>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(TestTime(clock)))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address, connector: TlsConnector::from(Arc::new(config)) }
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let asked = async {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = self.connector.connect(name, stream).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut begun = Vec::new();
            let end = loop {
                if let Some(end) = begun.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end;
                }
                assert!(stream.read_buf(&mut begun).await.unwrap() > 0, "the answer has no head");
            };
            let head = String::from_utf8(begun[..end].to_vec()).unwrap();
            let mut lines = head.split("\r\n");
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let header = |line: &str| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            };
            Answer { status, headers: lines.map(header).collect(), begun: begun.split_off(end + 4), stream }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    /// Presses the button of a link: where the bytes are.
    pub(crate) async fn press(&self, path: &str) -> String {
        let answer = self.ask("POST", path, &[]).await;
        assert_eq!(answer.status, 303);
        answer.header("location").unwrap().to_owned()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// How long the body says it is.
    pub(crate) fn length(&self) -> usize {
        self.header("content-length").unwrap().parse().unwrap()
    }

    /// Whether nothing came with the head.
    pub(crate) fn begun_is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// The whole body, which must be as long as it says.
    pub(crate) async fn body(self) -> Vec<u8> {
        let length = self.length();
        let body = self.read(length).await;
        assert_eq!(body.len(), length, "the body was cut");
        body
    }

    /// The first bytes of the body, at most `most` of them; then the connection is gone. Fewer when it was cut.
    pub(crate) async fn read(mut self, most: usize) -> Vec<u8> {
        let mut body = std::mem::take(&mut self.begun);
        let reading = async {
            while body.len() < most {
                match self.stream.read_buf(&mut body).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        body.truncate(most);
        body
    }

    /// Takes some bytes and leaves the rest for later.
    pub(crate) async fn take(&mut self, least: usize) {
        while self.begun.len() < least {
            assert!(self.stream.read_buf(&mut self.begun).await.unwrap() > 0, "the body was cut");
        }
    }
}
