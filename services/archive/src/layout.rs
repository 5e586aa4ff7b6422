//! Where everything lies in an archive's folder. The manual for readers, `PROFILE.md`, lists the same paths.

use tributary_model::id::EntityId;

/// Who answered and what is missing.
pub(crate) const COMPLETENESS: &str = "completeness.json";
/// The public part of the group file.
pub(crate) const TRUST: &str = "trust.json";
/// The public part of an earlier group file, see `former`.
pub(crate) fn former_trust(version: u64) -> String {
    format!("trust-{version}.json")
}
/// The gateway's signature over the tag manifest; therefore not listed in it.
pub(crate) const CLOSING: &str = "attestations/gateway.dsse.json";
/// What makes a folder a bag.
pub(crate) const BAG_DECLARATION: &str = "bagit.txt";
/// Facts of the bag.
pub(crate) const BAG_INFO: &str = "bag-info.txt";
/// Digests of everything below `data/`.
pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
/// Digests of everything else.
pub(crate) const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
/// What BagIt calls the payload.
pub(crate) const PAYLOAD: &str = "data/";
/// A word to whoever looks into the folder.
pub(crate) const README: &str = "data/README.txt";
/// Values of one category side by side.
pub(crate) const OVERVIEW: &str = "data/overview.json";
/// What the entities recorded about their processing.
pub(crate) const INFORMATION: &str = "data/information.json";
/// The RO-Crate of the payload.
pub(crate) const CRATE: &str = "data/ro-crate-metadata.json";

/// An entity's folder, without the slash at its end.
pub(crate) fn entity_folder(entity: &EntityId) -> String {
    format!("data/entities/{entity}")
}

/// Where an entity's descriptor lies.
pub(crate) fn datapackage(entity: &EntityId) -> String {
    format!("data/entities/{entity}/datapackage.json")
}

/// Where an entity's previews lie.
pub(crate) fn previews(entity: &EntityId) -> String {
    format!("data/entities/{entity}/previews.ndjson")
}
