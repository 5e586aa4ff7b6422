//! The way out through an HTTP proxy: with a password, without, refused, and over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tributary_transport::dial::{Credentials, DialError, Dialer, Proxy, ProxyError, Via};
use tributary_transport::outbound::{NotLinked, Outbound};
use tributary_transport::tasks::Tasks;
use tributary_transport::tls::Tls;

use super::{BRISK, Gateway, routes, try_out};
use crate::world::{Entity, PATIENCE, who_am_i};

/// How a proxy behaves.
#[derive(Clone)]
enum Manner {
    Open,
    Password,
    Answers(&'static str),
}

struct TestProxy {
    address: String,
    tunnels: Arc<AtomicUsize>,
    ca: String,
    _tasks: Tasks,
}

async fn proxy(manner: Manner, over_tls: bool) -> TestProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, ca) = acceptor();
    let (tunnels, tasks) = (Arc::new(AtomicUsize::new(0)), Tasks::new());
    let (counted, all) = (Arc::clone(&tunnels), tasks.clone());
    tasks.spawn("proxy", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (manner, counted, acceptor) = (manner.clone(), Arc::clone(&counted), acceptor.clone());
            all.spawn("tunnel", async move {
                if over_tls {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    tunnel(stream, manner, &counted).await;
                } else {
                    tunnel(stream, manner, &counted).await;
                }
            });
        }
    });
    let address = if over_tls { format!("https://localhost:{}", address.port()) } else { format!("http://{address}") };
    TestProxy { address, tunnels, ca, _tasks: tasks }
}

async fn tunnel(mut stream: impl AsyncRead + AsyncWrite + Unpin, manner: Manner, tunnels: &AtomicUsize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    assert!(head.contains(&format!("\r\nHost: {target}\r\n")), "{head}");
    let basic = base64::prelude::BASE64_STANDARD.encode("agent:let me: out");
    let answer = match manner {
        Manner::Answers(answer) => answer,
        Manner::Password if !head.contains(&format!("\r\nProxy-Authorization: Basic {basic}\r\n")) => {
            "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"out\"\r\nContent-Length: 0\r\n\r\n"
        }
        Manner::Open | Manner::Password => "HTTP/1.1 200 Connection established\r\n\r\n",
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    if !answer.starts_with("HTTP/1.1 200") {
        return;
    }
    let mut to = TcpStream::connect(target).await.unwrap();
    tunnels.fetch_add(1, Ordering::SeqCst);
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut to).await;
}

/// An ordinary web certificate for `localhost`, valid at any time of these tests.
fn acceptor() -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::from_params(&ca, &ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}

fn through(tls: Tls, proxy: Proxy) -> Dialer {
    Dialer::new(tls).via(Via::Proxy(proxy))
}

async fn refused(manner: Manner, credentials: Option<Credentials>) -> (ProxyError, bool) {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let between = proxy(manner, false).await;
    let mut proxy = Proxy::from_url(&between.address).unwrap();
    if let Some(credentials) = credentials {
        proxy = proxy.with_credentials(credentials);
    }
    let dialer = through(agent.tls("agent", &[&acme]), proxy);
    let error = try_out(&dialer, &acme, &gateway.address()).await.unwrap_err();
    assert!(error.to_string().contains(&between.address), "{error}");
    assert!(!error.to_string().contains("let me"), "no password in {error}");
    let NotLinked::Dial(error) = error else { panic!("{error}") };
    let is_unreachable = error.is_unreachable();
    let DialError::Proxy { error, .. } = error else { panic!("{error}") };
    (*error, is_unreachable)
}

#[tokio::test]
async fn an_agent_dials_out_through_a_proxy_that_wants_a_password() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let between = proxy(Manner::Password, false).await;
    let proxy = Proxy::from_url(&between.address).unwrap().with_credentials(Credentials::new("agent", "let me: out"));
    let dialer = through(agent.tls("agent", &[&acme]), proxy);
    let outbound = Outbound::new(dialer, acme.id("gateway"), vec![gateway.address()], BRISK);
    let (tasks, stop) = (Tasks::new(), tokio_util::sync::CancellationToken::new());
    let token = stop.clone();
    tasks.spawn("agent", async move {
        outbound.run(routes(), token, PATIENCE).await;
    });
    who_am_i(&gateway.link(&agent).await).await.unwrap();
    assert_eq!(between.tunnels.load(Ordering::SeqCst), 1);
    stop.cancel();
}

#[tokio::test]
async fn the_proxy_may_itself_be_spoken_to_over_tls() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let gateway = Gateway::start(acme.tls("gateway", &[&agent]));
    let between = proxy(Manner::Open, true).await;
    let tls = agent.tls("agent", &[&acme]);
    let trusted = Proxy::from_url(&between.address).unwrap().with_roots(between.ca.as_bytes()).unwrap();
    let probed = try_out(&through(tls.clone(), trusted), &acme, &gateway.address()).await.unwrap();
    assert_eq!(probed.replica, "a");
    assert_eq!(between.tunnels.load(Ordering::SeqCst), 1);

    let (_, other) = acceptor();
    let untrusted = Proxy::from_url(&between.address).unwrap().with_roots(other.as_bytes()).unwrap();
    let error = try_out(&through(tls, untrusted), &acme, &gateway.address()).await;
    let NotLinked::Dial(DialError::Proxy { error, .. }) = error.unwrap_err() else { panic!() };
    assert!(matches!(*error, ProxyError::Tls(_)), "{error}");
}

#[tokio::test]
async fn a_proxy_that_refuses_says_what_its_administrator_must_do() {
    let (error, _) = refused(Manner::Password, None).await;
    assert_eq!(error, ProxyError::WantsAuthentication { offered: " (Basic)".to_owned() });
    let (error, is_unreachable) = refused(Manner::Password, Some(Credentials::new("agent", "wrong"))).await;
    assert_eq!((error, is_unreachable), (ProxyError::RefusedCredentials, false));
    let (error, _) = refused(Manner::Answers("HTTP/1.1 403 Forbidden\r\n\r\n"), None).await;
    assert!(matches!(error, ProxyError::Denied { status: 403, .. }), "{error}");
    let (error, is_unreachable) = refused(Manner::Answers("HTTP/1.0 502 Bad Gateway\r\n\r\n"), None).await;
    assert!(matches!(error, ProxyError::CannotReach { status: 502, .. }) && is_unreachable, "{error}");
    for nonsense in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nwelcome", ""] {
        let (error, _) = refused(Manner::Answers(nonsense), None).await;
        assert_eq!(error, ProxyError::NotAProxy, "{nonsense}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let dialer = through(agent.tls("agent", &[&acme]), Proxy::from_url(&url).unwrap());
    let error = try_out(&dialer, &acme, "gateway.acme.example:8443").await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("no way out through the proxy {url}: it cannot be reached")),
        "{error}"
    );
}
