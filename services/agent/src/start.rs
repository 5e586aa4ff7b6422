//! What must hold before an agent serves: its certificate, the group file, and each entity's keys and data directory.
//!
//! Everything that can be wrong is found here, before anything listens; `run` puts the checked parts together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tributary_archive::digest::InvalidDigest;
use tributary_archive::frames::{KeyEncryptionKey, KeyFileError};
use tributary_model::group::signed::{GroupFileError, VerifiedGroup};
use tributary_model::group::{Entity, find_key};
use tributary_model::id::{CountryCode, EntityId};
use tributary_model::key::SigningKey;
use tributary_model::spiffe::SpiffeId;
use tributary_model::yaml::Problems;
use tributary_transport::identity::{Identity, IdentityError};
use tributary_transport::secret_file::{self, FileError};
use tributary_transport::server::ServeError;
use tributary_transport::services::DescriptorError;
use tributary_transport::trust::{BundleMap, TrustError};

use crate::attest::Signer;
use crate::config::{Config, Served};
use crate::export::ExportError;
use crate::ledger::{DirLock, Ledger, LedgerError};

/// Why an agent does not start, or did not end as asked. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The certificate or its key.
    #[error("identity: {0}")]
    Identity(#[from] IdentityError),
    /// The certificate is somebody else's.
    #[error(
        "identity: the certificate is of {found}, but the group file names {expected} as the agent of `{entity}`; use that certificate, or correct the group file"
    )]
    NotTheAgent {
        /// The entity that is configured.
        entity: EntityId,
        /// Whom the group file names.
        expected: Box<SpiffeId>,
        /// Whose the certificate is.
        found: Box<SpiffeId>,
    },
    /// The signing key's file.
    #[error("signing_key {}: {reason}", path.display())]
    SigningKey {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The signing key's file cannot be read, or others can.
    #[error("signing_key: {0}")]
    SigningKeyFile(FileError),
    /// The key-encryption key's file.
    #[error("key_encryption_key: {0}")]
    KeyEncryptionKey(#[from] KeyFileError),
    /// The group file cannot be read.
    #[error("group: {0}")]
    GroupUnread(FileError),
    /// The group file is not accepted.
    #[error("{}: {error}", path.display())]
    Group {
        /// The file.
        path: PathBuf,
        /// Why.
        error: GroupFileError,
    },
    /// The group file does not know the entity.
    #[error("entity: `{entity}` is not in the group file; its entities are {}", known.join(", "))]
    UnknownEntity {
        /// The entity that is configured.
        entity: EntityId,
        /// Those that are known.
        known: Vec<String>,
    },
    /// A trust domain's roots.
    #[error("group: {0}")]
    Trust(#[from] TrustError),
    /// The manifests, or the databases that they describe.
    #[error("manifests:\n{0}")]
    Manifests(Problems),
    /// The data directory: in use, full, written by a newer version, or made with another key.
    #[error("data_dir: {0}")]
    Data(String),
    /// The way to the gateway.
    #[error("dial_out: {0}")]
    DialOut(String),
    /// A listening socket.
    #[error("{setting}: {error}; choose a free address of this machine")]
    Listen {
        /// The setting.
        setting: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// A defect of the build.
    #[error(transparent)]
    Contract(#[from] DescriptorError),
    /// Serving ended by itself.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<LedgerError> for StartError {
    fn from(error: LedgerError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<ExportError> for StartError {
    fn from(error: ExportError) -> Self {
        Self::Data(error.to_string())
    }
}

/// What was found in order.
pub(crate) struct Checked {
    pub(crate) identity: Identity,
    pub(crate) group: VerifiedGroup,
    pub(crate) bundles: BundleMap,
    pub(crate) entities: Vec<Ready>,
    /// Keeps others out of the folder in which several entities have theirs.
    pub(crate) lock: Option<DirLock>,
}

/// An entity of which everything was found in order.
pub(crate) struct Ready {
    pub(crate) served: Served,
    pub(crate) signer: Signer,
    pub(crate) ledger: Ledger,
}

/// Checks everything and opens the ledgers, in which the group file is then in force. Blocks.
pub(crate) fn check(config: &Config, now: Timestamp) -> Result<Checked, StartError> {
    let keys: Vec<(KeyEncryptionKey, SigningKey)> = config.entities.iter().map(keys).collect::<Result<_, _>>()?;
    let identity = Identity::load(&config.identity.certificate, &config.identity.key)?;
    let envelope = secret_file::read_public(&config.group.file).map_err(StartError::GroupUnread)?;
    let not_accepted = |error| StartError::Group { path: config.group.file.clone(), error };
    // A wrong file is found without a data directory; whether it is an older one, only with it.
    let verified = VerifiedGroup::open(&envelope, &config.group.pins, now, None).map_err(not_accepted)?;
    let mut signers = Vec::new();
    for (served, (kek, key)) in config.entities.iter().zip(keys) {
        let entity = entity(&verified, &served.id)?;
        check_identity(entity, &identity)?;
        signers.push((served, kek, signer(&verified, entity, key, &served.signing_key, now)?));
    }
    let bundles = bundles(&verified)?;
    let lock = shared_folder(config)?;
    let mut entities = Vec::new();
    for (served, kek, signer) in signers {
        let ledger = Ledger::open(&served.data_dir, kek)?;
        let in_force = ledger.group_in_force()?;
        VerifiedGroup::open(&envelope, &config.group.pins, now, in_force.as_ref()).map_err(not_accepted)?;
        entities.push(Ready { served: served.clone(), signer, ledger });
    }
    // Only when every entity accepts it.
    entities.iter().try_for_each(|ready| ready.ledger.put_group_in_force(&verified.in_force(), now))?;
    Ok(Checked { identity, group: verified, bundles, entities, lock })
}

fn keys(served: &Served) -> Result<(KeyEncryptionKey, SigningKey), StartError> {
    Ok((KeyEncryptionKey::load(&served.key_encryption_key)?, signing_key(&served.signing_key)?))
}

/// The folder in which several entities have theirs. A ledger in it was one entity's, and nobody would look there again.
fn shared_folder(config: &Config) -> Result<Option<DirLock>, StartError> {
    let Some(first) = config.entities.iter().find(|served| served.data_dir != config.data_dir) else { return Ok(None) };
    if config.data_dir.join("ledger.sqlite").exists() {
        let (folder, own) = (config.data_dir.display(), first.data_dir.display());
        let remedy = "move `ledger.sqlite*` and `spool` into the folder of the entity that it was";
        return Err(StartError::Data(format!(
            "{folder} holds the ledger of an agent of one entity; {remedy}, such as {own}"
        )));
    }
    Ok(Some(DirLock::take(&config.data_dir)?))
}

/// Where an entity is, if the group file can be read and is accepted.
pub(crate) fn country(config: &Config, entity: &EntityId, now: Timestamp) -> Option<CountryCode> {
    readable_group(config, now)?.file().entity(entity).map(|entity| entity.country.clone())
}

fn readable_group(config: &Config, now: Timestamp) -> Option<VerifiedGroup> {
    let envelope = secret_file::read_public(&config.group.file).ok()?;
    VerifiedGroup::open(&envelope, &config.group.pins, now, None).ok()
}

/// The group's entities, if the group file can be read and is accepted.
pub(crate) fn known_entities(config: &Config, now: Timestamp) -> Option<BTreeSet<EntityId>> {
    let group = readable_group(config, now)?;
    Some(group.file().entities.iter().map(|entity| entity.id.clone()).collect())
}

/// What a connection needs, without a data directory.
pub(crate) fn identity_and_group(
    config: &Config,
    now: Timestamp,
) -> Result<(Identity, VerifiedGroup, BundleMap), StartError> {
    let identity = Identity::load(&config.identity.certificate, &config.identity.key)?;
    let envelope = secret_file::read_public(&config.group.file).map_err(StartError::GroupUnread)?;
    let not_accepted = |error| StartError::Group { path: config.group.file.clone(), error };
    let group = VerifiedGroup::open(&envelope, &config.group.pins, now, None).map_err(not_accepted)?;
    for served in &config.entities {
        check_identity(entity(&group, &served.id)?, &identity)?;
    }
    let bundles = bundles(&group)?;
    Ok((identity, group, bundles))
}

fn signing_key(path: &Path) -> Result<SigningKey, StartError> {
    let bad = |reason: String| StartError::SigningKey { path: path.to_owned(), reason };
    let bytes = secret_file::read_secret(path).map_err(StartError::SigningKeyFile)?;
    let pem = std::str::from_utf8(&bytes).map_err(|_| bad("it is not PEM text; name the right file".to_owned()))?;
    SigningKey::from_pem(pem).map_err(|error| bad(error.to_string()))
}

fn entity<'g>(group: &'g VerifiedGroup, id: &EntityId) -> Result<&'g Entity, StartError> {
    group.file().entity(id).ok_or_else(|| StartError::UnknownEntity {
        entity: id.clone(),
        known: group.file().entities.iter().map(|entity| entity.id.to_string()).collect(),
    })
}

fn check_identity(entity: &Entity, identity: &Identity) -> Result<(), StartError> {
    let expected = &entity.agent.spiffe_id;
    if identity.id() == expected {
        return Ok(());
    }
    Err(StartError::NotTheAgent {
        entity: entity.id.clone(),
        expected: Box::new(expected.clone()),
        found: Box::new(identity.id().clone()),
    })
}

fn signer(
    group: &VerifiedGroup,
    entity: &Entity,
    key: SigningKey,
    path: &Path,
    now: Timestamp,
) -> Result<Signer, StartError> {
    let bad = |reason: String| StartError::SigningKey { path: path.to_owned(), reason };
    let published = find_key(&entity.attestation_keys, &key.public().id()).cloned().ok_or_else(|| {
        let (public, id) = (key.public(), &entity.id);
        bad(format!(
            "the group file does not list this key for `{id}`; have {public} added there and the file signed anew"
        ))
    })?;
    published.check(now).map_err(|invalid| {
        bad(format!("by the group file {invalid}; make a new one with `tributary agent keygen` and have it listed"))
    })?;
    let group_sha256 = group.digest().parse().map_err(|error: InvalidDigest| bad(error.to_string()))?;
    Ok(Signer { entity: entity.id.clone(), key, published, group_version: group.file().version, group_sha256 })
}

/// Everybody in the group may connect, so that who is not the gateway is told so; only the gateway is served.
fn bundles(group: &VerifiedGroup) -> Result<BundleMap, StartError> {
    let mut bundles = BundleMap::new();
    for (domain, roots) in &group.file().trust_domains {
        bundles.add_pem(domain.clone(), roots.join("\n").as_bytes())?;
    }
    Ok(bundles)
}
