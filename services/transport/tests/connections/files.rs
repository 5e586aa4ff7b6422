//! Certificates, keys and roots on disk: what is wrong with a file is said at start, with its name and the remedy.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tributary_model::spiffe::TrustDomain;
use tributary_transport::identity::{Identity, IdentityError};
use tributary_transport::pki::{Authority, PkiError, Subject};
use tributary_transport::secret_file::FileError;
use tributary_transport::svid::SvidError;
use tributary_transport::trust::{BundleMap, TrustError};

use crate::world::{Entity, HOUR, start_of_time};

fn subject(entity: &Entity, path: &str) -> Subject {
    Subject { id: entity.id(path), dns_names: vec!["agent.acme-fr.example".to_owned()], ip_addresses: Vec::new() }
}

#[test]
fn a_missing_key_file_is_named() {
    let agent = Entity::new("acme-fr");
    agent.identity("agent");
    let (certificate, key) = (agent.folder.path().join("agent.pem"), agent.folder.path().join("nowhere-key.pem"));
    let error = Identity::load(&certificate, &key).unwrap_err();
    assert!(matches!(error, IdentityError::File(FileError::Read { .. })));
    assert!(error.to_string().contains(&key.display().to_string()), "{error}");
}

#[test]
fn a_key_of_another_certificate_is_refused_and_both_files_are_named() {
    let agent = Entity::new("acme-fr");
    agent.identity("one");
    agent.identity("two");
    let (certificate, key) = (agent.folder.path().join("one.pem"), agent.folder.path().join("two-key.pem"));
    let error = Identity::load(&certificate, &key).unwrap_err();
    assert!(matches!(error, IdentityError::Mismatch { .. }));
    let text = error.to_string();
    assert!(text.contains("one.pem") && text.contains("two-key.pem"), "{text}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let agent = Entity::new("acme-fr");
    agent.identity("agent");
    let (certificate, key) = (agent.folder.path().join("agent.pem"), agent.folder.path().join("agent-key.pem"));
    for mode in [0o640, 0o604, 0o644] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Identity::load(&certificate, &key).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        Identity::load(&certificate, &key).unwrap();
    }
}

#[test]
fn files_given_in_the_wrong_order_are_refused() {
    let agent = Entity::new("acme-fr");
    agent.identity("agent");
    let (certificate, key) = (agent.folder.path().join("agent.pem"), agent.folder.path().join("agent-key.pem"));
    assert!(matches!(Identity::load(&key, &key), Err(IdentityError::NoCertificate { .. })));
    std::fs::set_permissions(&certificate, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Identity::load(&certificate, &certificate), Err(IdentityError::NoKey { .. })));
}

#[test]
fn an_authority_is_not_an_identity() {
    let agent = Entity::new("acme-fr");
    agent.authority.save(agent.folder.path()).unwrap();
    let folder = agent.folder.path();
    let error = Identity::load(&folder.join("ca.pem"), &folder.join("ca-key.pem")).unwrap_err();
    assert!(matches!(&error, IdentityError::Svid { source: SvidError::NotSpiffe(_), .. }), "{error}");
}

#[test]
fn an_authority_goes_on_after_it_was_saved_and_loaded() {
    let agent = Entity::new("acme-fr");
    agent.authority.save(agent.folder.path()).unwrap();
    let loaded = Authority::load(agent.folder.path()).unwrap();
    assert_eq!((loaded.domain(), loaded.root_pem()), (agent.authority.domain(), agent.authority.root_pem()));
    let issued = loaded.issue(&subject(&agent, "agent"), HOUR, start_of_time()).unwrap();
    let (certificate, key) = issued.save(agent.folder.path(), "agent").unwrap();
    Identity::load(&certificate, &key).unwrap();
    // Its leaves are accepted under the root that was published before.
    let mut map = BundleMap::new();
    map.add_file(agent.domain.clone(), &agent.folder.path().join("ca.pem")).unwrap();
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let agent = Entity::new("acme-fr");
    agent.authority.save(agent.folder.path()).unwrap();
    let before = std::fs::read(agent.folder.path().join("ca-key.pem")).unwrap();
    let other = Authority::create(&agent.domain, HOUR, start_of_time()).unwrap();
    assert!(matches!(other.save(agent.folder.path()), Err(PkiError::File(FileError::Exists { .. }))));
    assert_eq!(std::fs::read(agent.folder.path().join("ca-key.pem")).unwrap(), before);
    assert_eq!(std::fs::metadata(agent.folder.path().join("ca-key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_of_another_authority_is_noticed_when_it_is_loaded() {
    let agent = Entity::new("acme-fr");
    agent.authority.save(agent.folder.path()).unwrap();
    let other = Entity::new("acme-de");
    other.authority.save(other.folder.path()).unwrap();
    std::fs::copy(other.folder.path().join("ca-key.pem"), agent.folder.path().join("ca-key.pem")).unwrap();
    assert!(matches!(Authority::load(agent.folder.path()), Err(PkiError::NotAuthority { .. })));
}

#[test]
fn an_authority_issues_for_its_own_domain_and_lifetime_only() {
    let (agent, other) = (Entity::new("acme-fr"), Entity::new("acme-de"));
    let foreign = agent.authority.issue(&subject(&other, "agent"), HOUR, start_of_time());
    assert!(matches!(foreign, Err(PkiError::ForeignDomain { .. })));
    let long =
        agent.authority.issue(&subject(&agent, "agent"), Duration::from_secs(10 * 365 * 86_400), start_of_time());
    assert!(matches!(long, Err(PkiError::Outlives { .. })));
}

#[test]
fn roots_that_are_missing_doubled_or_no_authority_are_refused() {
    let agent = Entity::new("acme-fr");
    agent.identity("agent");
    let domain = || -> TrustDomain { agent.domain.clone() };
    let root = agent.authority.root_pem().as_bytes();
    let mut map = BundleMap::new();
    assert!(matches!(map.add_pem(domain(), b"no pem"), Err(TrustError::Empty { .. })));
    let leaf = std::fs::read(agent.folder.path().join("agent.pem")).unwrap();
    assert!(matches!(map.add_pem(domain(), &leaf), Err(TrustError::NotAuthority { position: 1, .. })));
    let nowhere = map.add_file(domain(), &agent.folder.path().join("nowhere.pem")).unwrap_err();
    assert!(nowhere.to_string().contains("acme-fr.example") && nowhere.to_string().contains("nowhere.pem"));
    map.add_pem(domain(), root).unwrap();
    assert!(matches!(map.add_pem(domain(), root), Err(TrustError::Twice { .. })));
    assert_eq!(map.domains().count(), 1);
}
