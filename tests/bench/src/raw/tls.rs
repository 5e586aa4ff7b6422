//! mTLS with nothing around it: one authority, two leaves, rustls as it comes; blocking, and below tonic.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Polled, Poll};
use std::time::Duration;

use anyhow::Result;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Uri};
use tributary_model::clock::{Clock, SystemClock};
use tributary_transport::pki::{Authority, Subject};

/// What streams and connections may have under way, and the frames they come in: as the product's are.
pub(crate) const WINDOWS: (u32, u32, u32) = (256 * 1024, 1024 * 1024, 64 * 1024);

const HOST: &str = "localhost";
const DOMAIN: &str = "raw.test.example";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Makes an authority and a leaf in `folder`, for both sides.
pub(crate) fn make(folder: &Path) -> Result<()> {
    let now = SystemClock.now() - SignedDuration::from_secs(1);
    let authority = Authority::create(&DOMAIN.parse()?, DAY * 2, now)?;
    authority.save(folder)?;
    let id = format!("spiffe://{DOMAIN}/raw").parse()?;
    let subject = Subject { id, dns_names: vec![HOST.to_owned()], ip_addresses: vec![Ipv4Addr::LOCALHOST.into()] };
    authority.issue(&subject, DAY, now)?.save(folder, "svid")?;
    Ok(())
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, Arc<RootCertStore>);

fn identity(folder: &Path) -> Result<Identity> {
    let chain = CertificateDer::pem_file_iter(folder.join("svid.pem"))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(folder.join("svid-key.pem"))?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem"))?)?;
    Ok((chain, key, Arc::new(roots)))
}

/// Settings of who accepts.
pub(crate) fn accepting(folder: &Path) -> Result<ServerConfig> {
    let (chain, key, roots) = identity(folder)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let callers = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_client_cert_verifier(callers).with_single_cert(chain, key)?;
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Settings of who dials.
pub(crate) fn dialling(folder: &Path) -> Result<ClientConfig> {
    let (chain, key, roots) = identity(folder)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_client_auth_cert(chain, key)?)
}

/// The name that the leaf has.
pub(crate) fn name() -> Result<ServerName<'static>> {
    Ok(ServerName::try_from(HOST)?)
}

/// A listener on a free port of loopback.
pub(crate) fn listen() -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(socket.listen(1024)?)
}

/// Connections to `listener`, for tonic to serve. Handshakes come one after another.
pub(crate) fn incoming(
    listener: TcpListener,
    folder: &Path,
) -> Result<impl futures::Stream<Item = io::Result<Served>> + use<>> {
    let mut config = accepting(folder)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(futures::stream::try_unfold((listener, acceptor), |(listener, acceptor)| async move {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let tls = acceptor.accept(tcp).await?;
        Ok(Some((Served(tls.into()), (listener, acceptor))))
    }))
}

/// A channel of tonic's to a port of loopback.
pub(crate) async fn channel(port: u16, folder: &Path) -> Result<Channel> {
    let mut config = dialling(folder)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let (stream, connection, frame) = WINDOWS;
    let endpoint = Endpoint::from_shared(format!("http://{HOST}:{port}"))?
        .initial_stream_window_size(stream)
        .initial_connection_window_size(connection)
        .max_frame_size(frame);
    let dial = tower::service_fn(move |_: Uri| -> Pin<Box<dyn Future<Output = io::Result<_>> + Send>> {
        let connector = connector.clone();
        Box::pin(async move {
            let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            tcp.set_nodelay(true)?;
            let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
            Ok(TokioIo::new(connector.connect(name, tcp).await?))
        })
    });
    Ok(endpoint.connect_with_connector(dial).await?)
}

/// A connection that tonic serves.
pub(crate) struct Served(TlsStream<TcpStream>);

impl Connected for Served {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Served {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Polled<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Served {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Polled<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Polled<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Polled<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
