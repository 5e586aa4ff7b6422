//! The group file in force: verified, with its public part, and the roots it gives to each trust domain.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tributary_model::group::signed::{GroupFileError, InForce, Pins, VerifiedGroup};
use tributary_model::group::{Entity, GroupFile, PublicGroup};
use tributary_model::id::EntityId;
use tributary_transport::trust::{BundleMap, TrustError};

use crate::config::Config;

/// A name that the archive keeps for the gateway's own statement.
const RESERVED: &str = "gateway";

/// The group as this gateway knows it.
#[derive(Debug)]
pub(crate) struct Group {
    verified: VerifiedGroup,
    /// The signed public part, as archives carry it.
    pub(crate) public_envelope: Vec<u8>,
}

/// Why the group's files are not usable.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}; check the path and that this user may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Not signed, older, expired, or the two files do not belong together.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: GroupFileError,
    },
    /// An entity whose name is taken.
    #[error("the group file has an entity called `gateway`; archives need that name for the gateway's own statement")]
    Reserved,
    /// Roots that cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Group {
    pub(crate) fn load(config: &Config, now: Timestamp, in_force: Option<&InForce>) -> Result<Self, GroupError> {
        let files = &config.group;
        let bad = |path: &Path, error| GroupError::File { path: path.to_owned(), error };
        let (whole, public_envelope) = (read(&files.file)?, read(&files.public_part)?);
        let pins: &Pins = &files.pins;
        let verified = VerifiedGroup::open(&whole, pins, now, in_force).map_err(|error| bad(&files.file, error))?;
        verified.check_public_part(&public_envelope, pins).map_err(|error| bad(&files.public_part, error))?;
        if verified.file().entities.iter().any(|entity| entity.id.as_str() == RESERVED) {
            return Err(GroupError::Reserved);
        }
        Ok(Self { verified, public_envelope })
    }

    pub(crate) fn file(&self) -> &GroupFile {
        self.verified.file()
    }

    pub(crate) fn in_force(&self) -> InForce {
        self.verified.in_force()
    }

    pub(crate) fn entity(&self, id: &EntityId) -> Option<&Entity> {
        self.file().entity(id)
    }

    /// The roots of every trust domain: the group's own, and those that the configuration adds for callers.
    pub(crate) fn bundles(&self, config: &Config) -> Result<BundleMap, GroupError> {
        let mut bundles = BundleMap::new();
        for (domain, roots) in &self.file().trust_domains {
            bundles.add_pem(domain.clone(), roots.join("\n").as_bytes())?;
        }
        for (domain, files) in &config.trust_domains {
            let mut pem = Vec::new();
            for file in files {
                pem.extend(read(file)?);
                pem.push(b'\n');
            }
            bundles.add_pem(domain.clone(), &pem)?;
        }
        Ok(bundles)
    }
}

/// Reads the public part that an archive needs from its envelope, which was verified when it was put in force.
pub(crate) fn public_of(envelope: &[u8]) -> Option<PublicGroup> {
    let payload = tributary_model::dsse::Envelope::from_json(envelope).ok()?.unverified_payload().ok()?;
    serde_json::from_slice(&payload).ok()
}

fn read(path: &Path) -> Result<Vec<u8>, GroupError> {
    std::fs::read(path).map_err(|error| GroupError::Read { path: path.to_owned(), error })
}
