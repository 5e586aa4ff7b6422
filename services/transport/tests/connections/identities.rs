//! Nobody is taken for somebody else: the impersonations that the group's trust model must refuse.

use tonic::Code;
use tributary_transport::cause::TlsFailure;
use tributary_transport::dial::DialError;
use tributary_transport::identity::Identity;
use tributary_transport::tls::Tls;

use crate::world::{Entity, HOUR, bundles, dial, serve, start_of_time, who_am_i};

#[tokio::test]
async fn both_sides_know_each_other_by_certificate() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    assert_eq!(link.peer().id, agent.id("agent"));
    assert_eq!(who_am_i(&link).await.unwrap(), "spiffe://acme.example/gateway");
    assert_eq!(server.stop().await.cut, 0);
}

#[tokio::test]
async fn another_entitys_agent_is_not_taken_for_the_one_that_was_meant() {
    let (gateway, a, b) = (Entity::new("acme"), Entity::new("acme-fr"), Entity::new("acme-de"));
    let server = serve(b.tls("agent", &[&gateway]));
    let error = dial(gateway.tls("gateway", &[&a, &b]), &server.address, &a.id("agent")).await.unwrap_err();
    let DialError::WrongPeer { expected, found, .. } = &error else { panic!("{error}") };
    assert_eq!((&**expected, &**found), (&a.id("agent"), &b.id("agent")));
    assert!(error.is_identity() && !error.is_unreachable());
}

#[tokio::test]
async fn another_path_of_the_same_entity_is_not_the_one_that_was_meant() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent/other", &[&gateway]));
    let error = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap_err();
    assert!(matches!(error, DialError::WrongPeer { .. }), "{error}");
}

/// `forger`'s authority signs a leaf that names `victim`'s domain, which our own tools refuse to do.
fn forged(forger: &Entity, victim: &Entity, path: &str) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    forger.authority.save(forger.folder.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(forger.folder.path().join(name)).unwrap();
    let issuer_key = rcgen::KeyPair::from_pem(&read("ca-key.pem")).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&read("ca.pem"), issuer_key).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(victim.id(path).as_str().try_into().unwrap())];
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(2026, 11, 20);
    params.not_after = rcgen::date_time_ymd(2026, 11, 23);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let (leaf, secret) = (forger.folder.path().join("forged.pem"), forger.folder.path().join("forged-key.pem"));
    tributary_transport::secret_file::create_public(&leaf, certificate.pem().as_bytes()).unwrap();
    tributary_transport::secret_file::create_secret(&secret, key.serialize_pem().as_bytes()).unwrap();
    Identity::load(&leaf, &secret).unwrap()
}

#[tokio::test]
async fn one_entitys_authority_cannot_vouch_for_an_agent_of_another() {
    let (gateway, a, b) = (Entity::new("acme"), Entity::new("acme-fr"), Entity::new("acme-de"));
    let identity = forged(&a, &b, "agent");
    let server = serve(Tls::new(identity, bundles(&[&gateway]), a.clock.clone()));
    // The gateway trusts both authorities, each for its own domain.
    let error = dial(gateway.tls("gateway", &[&a, &b]), &server.address, &b.id("agent")).await.unwrap_err();
    let DialError::Stranger { failure, .. } = &error else { panic!("{error}") };
    assert_eq!(**failure, TlsFailure::UnknownAuthority);
    assert!(error.is_identity());
}

#[tokio::test]
async fn one_entitys_authority_cannot_vouch_for_a_caller_of_another() {
    let (server_side, a, b) = (Entity::new("acme"), Entity::new("acme-fr"), Entity::new("acme-de"));
    let server = serve(server_side.tls("gateway", &[&a, &b]));
    let tls = Tls::new(forged(&a, &b, "portal"), bundles(&[&server_side]), a.clock.clone());
    let error = dial(tls, &server.address, &server_side.id("gateway")).await.unwrap_err();
    let DialError::Tls { failure: TlsFailure::RefusedByPeer(reason), .. } = &error else { panic!("{error}") };
    assert!(reason.contains("authority"), "{reason}");
}

#[tokio::test]
async fn an_expired_agent_is_refused() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let tls = gateway.tls("gateway", &[&agent]);
    gateway.later(2 * HOUR);
    let error = dial(tls, &server.address, &agent.id("agent")).await.unwrap_err();
    assert!(matches!(&error, DialError::Tls { failure: TlsFailure::Expired, .. }), "{error}");
}

#[tokio::test]
async fn an_agent_from_the_future_is_refused() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let tls = gateway.tls("gateway", &[&agent]);
    gateway.clock.advance(jiff::SignedDuration::from_hours(-1));
    let error = dial(tls, &server.address, &agent.id("agent")).await.unwrap_err();
    assert!(matches!(&error, DialError::Tls { failure: TlsFailure::NotYetValid, .. }), "{error}");
}

#[tokio::test]
async fn an_expired_caller_is_refused_and_told_why_when_it_dials() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let tls = gateway.tls("gateway", &[&agent]);
    agent.later(2 * HOUR);
    let error = dial(tls, &server.address, &agent.id("agent")).await.unwrap_err();
    let DialError::Tls { failure: TlsFailure::RefusedByPeer(reason), .. } = &error else { panic!("{error}") };
    assert!(reason.contains("expired"), "{reason}");
    assert!(error.is_identity());
}

#[tokio::test]
async fn a_trust_domain_without_roots_is_refused_on_both_sides() {
    let (gateway, agent, stranger) = (Entity::new("acme"), Entity::new("acme-fr"), Entity::new("stranger"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let error = dial(stranger.tls("portal", &[&agent]), &server.address, &agent.id("agent")).await.unwrap_err();
    assert!(matches!(&error, DialError::Tls { failure: TlsFailure::RefusedByPeer(_), .. }), "{error}");
    let error = dial(gateway.tls("gateway", &[&stranger]), &server.address, &agent.id("agent")).await.unwrap_err();
    let DialError::Stranger { failure, .. } = &error else { panic!("{error}") };
    assert_eq!(**failure, TlsFailure::UnknownDomain("acme-fr.example".to_owned()));
}

#[tokio::test]
async fn new_roots_count_from_the_next_handshake_on() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let tls = agent.tls("agent", &[]);
    let trusted = tls.bundles().clone();
    let server = serve(tls);
    let caller = gateway.tls("gateway", &[&agent]);
    let error = dial(caller.clone(), &server.address, &agent.id("agent")).await.unwrap_err();
    assert!(error.is_identity(), "{error}");

    let mut map = tributary_transport::trust::BundleMap::new();
    map.add_pem(gateway.domain.clone(), gateway.authority.root_pem().as_bytes()).unwrap();
    trusted.replace(map);
    let link = dial(caller.clone(), &server.address, &agent.id("agent")).await.unwrap();

    // Taken away again: the open connection stays, a new one is refused, and no session is resumed around the check.
    trusted.replace(tributary_transport::trust::BundleMap::new());
    assert!(who_am_i(&link).await.is_ok());
    assert!(dial(caller, &server.address, &agent.id("agent")).await.unwrap_err().is_identity());
}

#[tokio::test]
async fn the_peer_of_a_request_is_its_connections_not_another_callers() {
    let (agent, gateway, other) = (Entity::new("acme-fr"), Entity::new("acme"), Entity::new("other"));
    let server = serve(agent.tls("agent", &[&gateway, &other]));
    let id = agent.id("agent");
    let first = dial(gateway.tls("gateway", &[&agent]), &server.address, &id).await.unwrap();
    let second = dial(other.tls("portal", &[&agent]), &server.address, &id).await.unwrap();
    for _ in 0..3 {
        let (one, two) = tokio::join!(who_am_i(&first), who_am_i(&second));
        assert_eq!(one.unwrap(), "spiffe://acme.example/gateway");
        assert_eq!(two.unwrap(), "spiffe://other.example/portal");
    }
}

#[tokio::test]
async fn a_status_of_the_peer_keeps_its_reason() {
    let (gateway, agent) = (Entity::new("acme"), Entity::new("acme-fr"));
    let server = serve(agent.tls("agent", &[&gateway]));
    let link = dial(gateway.tls("gateway", &[&agent]), &server.address, &agent.id("agent")).await.unwrap();
    let status = crate::world::health(&link).check(crate::world::ask("refuse")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(tributary_transport::status::reason_of(&status).as_deref(), Some("GONE"));
}

#[test]
fn an_identity_knows_until_when_it_is_valid() {
    let agent = Entity::new("acme-fr");
    let identity = agent.identity("agent");
    assert_eq!(identity.not_after(), start_of_time() + HOUR);
    assert_eq!(identity.id(), &agent.id("agent"));
}
