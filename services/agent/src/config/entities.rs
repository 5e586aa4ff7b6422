//! The entities that the process serves: one, named at the top of the file, or several, each with keys and a folder of
//! its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tributary_model::id::EntityId;
use tributary_model::yaml::{Fields, Node, Reader};

use super::read::manifests;

/// An entity that the process answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The entity.
    pub id: EntityId,
    /// Ed25519 key with which its attestations are signed, PKCS#8 PEM. No two entities have the same.
    pub signing_key: PathBuf,
    /// The key that wraps each of its exports' keys. Entities may share one.
    pub key_encryption_key: PathBuf,
    /// Where its ledger and its spool are.
    pub data_dir: PathBuf,
    /// Whether a person there decides on each export; what `inbox` says for all when absent.
    pub decide: Option<bool>,
}

/// The entities and the manifests that are theirs alone.
pub(super) struct Entities {
    pub(super) served: Vec<Served>,
    pub(super) own: BTreeMap<EntityId, Vec<PathBuf>>,
}

/// Reads `entities`, or `entity` with its keys.
pub(super) fn entities(r: &mut Reader, f: &mut Fields<'_>, data_dir: Option<&Path>, folder: &Path) -> Option<Entities> {
    let shared = f.optional::<String>(r, "key_encryption_key").map(|text| folder.join(text));
    let Some(list) = f.node("entities") else {
        let id = f.required(r, "entity");
        let signing_key: Option<String> = f.required(r, "signing_key");
        if shared.is_none() {
            r.problem(f.place(), "the configuration lacks the key `key_encryption_key`");
        }
        let signing_key = folder.join(signing_key?);
        let data_dir = data_dir?.to_owned();
        let served = Served { id: id?, signing_key, key_encryption_key: shared?, data_dir, decide: None };
        return Some(Entities { served: vec![served], own: BTreeMap::new() });
    };
    for key in ["entity", "signing_key"] {
        if let Some(node) = f.node(key) {
            r.problem(node.place, format!("`{key}` stands beside `entities`; each entity there has its own"));
        }
    }
    let items = r.list(list, "entities");
    if items.is_empty() {
        r.problem(list.place, "`entities` must name at least one entity");
    }
    let (mut all, mut seen) = (Entities { served: Vec::new(), own: BTreeMap::new() }, Seen::default());
    for item in items {
        let Some((served, own)) = one(r, item, shared.as_deref(), data_dir, folder) else { continue };
        seen.check(r, item, &served);
        all.own.extend(own.map(|own| (served.id.clone(), own)));
        all.served.push(served);
    }
    (all.served.len() == items.len()).then_some(all)
}

fn one(
    r: &mut Reader,
    node: &Node,
    shared: Option<&Path>,
    data_dir: Option<&Path>,
    folder: &Path,
) -> Option<(Served, Option<Vec<PathBuf>>)> {
    let mut f = r.fields(node, "an entity")?;
    let id: Option<EntityId> = f.required(r, "id");
    let signing_key: Option<String> = f.required(r, "signing_key");
    let own_key = f.optional::<String>(r, "key_encryption_key").map(|text| folder.join(text));
    let key_encryption_key = own_key.or_else(|| shared.map(Path::to_owned));
    if key_encryption_key.is_none() {
        r.problem(node.place, "the entity has no `key_encryption_key`, and the configuration has none for all");
    }
    let own = f.node("manifests").map(|node| manifests(r, node, folder));
    let decide = f.node("inbox").and_then(|node| super::inbox::own(r, node));
    f.deny_unknown(r);
    let id = id?;
    // A name of an entity is a name of a folder: see `EntityId`.
    let data_dir = data_dir?.join(id.as_str());
    let signing_key = folder.join(signing_key?);
    let served = Served { id, signing_key, key_encryption_key: key_encryption_key?, data_dir, decide };
    Some((served, own.flatten()))
}

/// What no two entities may share.
#[derive(Default)]
struct Seen {
    ids: BTreeSet<EntityId>,
    keys: BTreeSet<PathBuf>,
}

impl Seen {
    fn check(&mut self, r: &mut Reader, node: &Node, served: &Served) {
        if !self.ids.insert(served.id.clone()) {
            r.problem(node.place, format!("the entity `{}` stands here a second time", served.id));
        }
        if !self.keys.insert(served.signing_key.clone()) {
            r.problem(node.place, "another entity has the same `signing_key`; make one for each with `agent keygen`");
        }
    }
}
