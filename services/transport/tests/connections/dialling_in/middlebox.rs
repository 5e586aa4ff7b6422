//! A box in between that inspects TLS: it answers in the gateway's place, with a certificate of an authority of its own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tributary_transport::dial::{DialError, Dialer};
use tributary_transport::outbound::NotLinked;
use tributary_transport::tasks::Tasks;

use super::try_out;
use crate::world::{Entity, dial};

fn named(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
}

/// Forges a certificate for whatever host it is asked for, as such boxes do.
async fn middlebox(issuer_name: &str, protocols: &[&[u8]]) -> (String, Tasks) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    named(&mut ca, issuer_name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::from_params(&ca, &ca_key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["gateway.acme.example".to_owned()]).unwrap();
    named(&mut leaf, "gateway.acme.example");
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap().to_string(), Tasks::new());
    tasks.spawn("middlebox", async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    (address, tasks)
}

fn names_it(error: &DialError, address: &str) {
    let said = error.to_string();
    assert!(matches!(error, DialError::Stranger { .. }) && error.is_identity(), "{error:?}");
    for part in [
        "CN=gateway.acme.example",
        "issued by [CN=Corp Inspection CA]",
        "spiffe://acme.example/gateway was expected",
        "trust domain acme.example",
        &format!("exempt {address} from inspection"),
    ] {
        assert!(said.contains(part), "{part} not in: {said}");
    }
}

#[tokio::test]
async fn an_agent_names_the_box_that_answers_in_its_gateways_place() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let all: [&[&[u8]]; 3] = [&[], &[b"h2", b"http/1.1"], &[b"tributary-agent/1"]];
    let dialer = Dialer::new(agent.tls("agent", &[&acme]));
    for protocols in all {
        let (address, _tasks) = middlebox("Corp Inspection CA", protocols).await;
        let error = try_out(&dialer, &acme, &address).await.unwrap_err();
        let NotLinked::Dial(error) = &error else { panic!("{error}") };
        names_it(error, &address);
    }
}

#[tokio::test]
async fn a_gateway_names_the_box_that_answers_in_an_agents_place() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let (address, _tasks) = middlebox("Corp Inspection CA", &[b"h2"]).await;
    let error = dial(agent.tls("agent", &[&acme]), &address, &acme.id("gateway")).await.unwrap_err();
    names_it(&error, &address);
}

#[tokio::test]
async fn what_a_stranger_calls_itself_cannot_forge_lines_of_a_log() {
    let (acme, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let (address, _tasks) = middlebox(&format!("evil\n\u{1b}[31m{}", "x".repeat(500)), &[]).await;
    let error = try_out(&Dialer::new(agent.tls("agent", &[&acme])), &acme, &address).await.unwrap_err().to_string();
    assert!(!error.contains('\n') && !error.contains('\u{1b}') && error.len() < 1000, "{error}");
}
