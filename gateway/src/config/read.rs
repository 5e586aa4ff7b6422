//! Reads `gateway.yaml` into the types, with every problem at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use tributary_model::group::signed::Pins;
use tributary_model::language::Language;
use tributary_model::spiffe::TrustDomain;
use tributary_model::yaml::{Fields, Node, Problems, Reader, Value, parse};

use super::database as state;
use super::delivery as reach;
use super::size::Size;
use super::{Config, Delivery, GroupFiles, IdentityFiles, Limits, Retention, WaitingWord};
use crate::authorise::{Entities, Grant};
use crate::case::{MAX_WINDOW, Waiting};

/// Longest delivery date: the month of Art. 12(3) with both further months.
const MAX_DELIVERY_DAYS: u16 = 92;

pub(super) fn config(file: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
    let root = parse(file, text)?;
    let mut reader = Reader::new(file);
    let config = root_fields(&mut reader, &root, folder);
    reader.finish(config)
}

fn root_fields(r: &mut Reader, root: &Node, folder: &Path) -> Option<Config> {
    let mut f = r.fields(root, "the configuration")?;
    let path = |text: String| folder.join(text);
    let listen = f.required(r, "listen");
    let admin = f.optional(r, "admin");
    let data_dir = f.required(r, "data_dir").map(path);
    let objects = f.optional(r, "objects").map(path);
    let database = f.node("database").map_or(Some(None), |node| state::database(r, node, folder).map(Some));
    let identity = f.required_node(r, "identity").and_then(|node| identity(r, node, folder));
    let signing_key = f.required(r, "signing_key").map(path);
    let key_encryption_key = f.required(r, "key_encryption_key").map(path);
    let group = f.required_node(r, "group").and_then(|node| group(r, node, folder));
    let trust_domains = f.node("trust_domains").map_or(Some(BTreeMap::new()), |node| trust_domains(r, node, folder));
    let callers: Vec<Option<Grant>> = f
        .node("callers")
        .map(|node| r.list(node, "callers").iter().map(|item| caller(r, item)).collect())
        .unwrap_or_default();
    let delivery = f.node("delivery").map_or(Some(Delivery::default()), |node| delivery(r, node));
    let waiting = f.node("waiting").map_or(Some(Waiting::ByDeliveryDate), |node| waiting(r, node));
    let language = f.node("language").map_or(Some(Language::english()), |node| r.scalar(node, "language"));
    let links = f.node("links").map_or(Some(None), |node| reach::links(r, node, folder).map(Some));
    let retention = f.node("retention").map_or(Some(Retention::default()), |node| reach::retention(r, node));
    let limits = f.node("limits").map_or(Some(Limits::default()), |node| limits(r, node));
    let reflection = f.node("reflection").map_or(Some(true), |node| r.scalar(node, "reflection"));
    f.deny_unknown(r);
    Some(Config {
        listen: listen?,
        admin,
        objects: match objects {
            Some(objects) => objects,
            None => data_dir.as_ref()?.join("objects"),
        },
        data_dir: data_dir?,
        database: database?,
        identity: identity?,
        signing_key: signing_key?,
        key_encryption_key: key_encryption_key?,
        group: group?,
        trust_domains: trust_domains?,
        callers: callers.into_iter().collect::<Option<_>>()?,
        delivery: delivery?,
        waiting: waiting?,
        language: language?,
        links: links?,
        retention: retention?,
        limits: limits?,
        reflection: reflection?,
    })
}

fn identity(r: &mut Reader, node: &Node, folder: &Path) -> Option<IdentityFiles> {
    let mut f = r.fields(node, "`identity`")?;
    let certificate: Option<String> = f.required(r, "certificate");
    let key: Option<String> = f.required(r, "key");
    f.deny_unknown(r);
    Some(IdentityFiles { certificate: folder.join(certificate?), key: folder.join(key?) })
}

fn group(r: &mut Reader, node: &Node, folder: &Path) -> Option<GroupFiles> {
    let mut f = r.fields(node, "`group`")?;
    let file: Option<String> = f.required(r, "file");
    let public_part: Option<String> = f.required(r, "public_part");
    let keys = f.required_node(r, "keys").and_then(|node| all(r, node, "keys"));
    let threshold = f.node("threshold").map_or(Some(1), |node| {
        let threshold: usize = r.scalar(node, "threshold")?;
        let most = keys.as_ref().map_or(usize::MAX, Vec::len);
        if !(1..=most).contains(&threshold) {
            r.problem(node.place, format!("`threshold` must be 1 to {most}, the number of keys"));
        }
        Some(threshold)
    });
    if keys.as_ref().is_some_and(Vec::is_empty) {
        r.problem(f.place(), "`keys` must hold at least one key of the group");
    }
    f.deny_unknown(r);
    let pins = Pins { keys: keys?, threshold: threshold? };
    Some(GroupFiles { file: folder.join(file?), public_part: folder.join(public_part?), pins })
}

fn trust_domains(r: &mut Reader, node: &Node, folder: &Path) -> Option<BTreeMap<TrustDomain, Vec<PathBuf>>> {
    let Value::Map(entries) = &node.value else {
        r.problem(node.place, "`trust_domains` must be a map from trust domain to a list of certificate files");
        return None;
    };
    let mut domains = BTreeMap::new();
    for (name, place, roots) in entries {
        let files: Vec<PathBuf> =
            all::<String>(r, roots, name).unwrap_or_default().iter().map(|file| folder.join(file)).collect();
        match name.parse::<TrustDomain>() {
            Ok(_) if files.is_empty() => r.problem(*place, format!("`{name}` needs at least one certificate file")),
            Ok(domain) => drop(domains.insert(domain, files)),
            Err(error) => r.problem(*place, format!("`{name}`: {error}")),
        }
    }
    Some(domains)
}

fn caller(r: &mut Reader, node: &Node) -> Option<Grant> {
    let mut f = r.fields(node, "a caller")?;
    let spiffe_id = f.required(r, "spiffe_id");
    let verbs = f.required_node(r, "verbs").and_then(|node| all(r, node, "verbs"));
    let rights = f.required_node(r, "rights").and_then(|node| all(r, node, "rights"));
    let entities = f.required_node(r, "entities").and_then(|node| {
        let texts: Vec<String> = all(r, node, "entities")?;
        match Entities::parse(&texts) {
            Ok(entities) => Some(entities),
            Err(error) => {
                r.problem(node.place, format!("`entities`: {error}, or \"*\" for all"));
                None
            }
        }
    });
    f.deny_unknown(r);
    let set = |list: Vec<_>| list.into_iter().collect::<BTreeSet<_>>();
    Some(Grant {
        spiffe_id: spiffe_id?,
        verbs: set(verbs?),
        rights: rights.map(|list: Vec<_>| list.into_iter().collect())?,
        entities: entities?,
    })
}

fn delivery(r: &mut Reader, node: &Node) -> Option<Delivery> {
    let mut f = r.fields(node, "`delivery`")?;
    let default = Delivery::default();
    let mut days = |r: &mut Reader, key: &'static str, default: u16, least: u16| {
        let Some(node) = f.node(key) else { return Some(default) };
        let days: u16 = r.scalar(node, key)?;
        if !(least..=MAX_DELIVERY_DAYS).contains(&days) {
            r.problem(node.place, format!("`{key}` must be {least} to {MAX_DELIVERY_DAYS} days (Art. 12(3) GDPR)"));
        }
        Some(days)
    };
    let after_days = days(r, "after_days", default.after_days, 1);
    let escalate_before_days = days(r, "escalate_before_days", default.escalate_before_days, 0);
    let least_window =
        f.node("least_window").map_or(Some(default.least_window), |node| duration(r, node, "least_window"));
    f.deny_unknown(r);
    let (after_days, escalate_before_days) = (after_days?, escalate_before_days?);
    Some(Delivery { after_days, escalate_before_days, least_window: least_window? })
}

fn waiting(r: &mut Reader, node: &Node) -> Option<Waiting> {
    let mut f = r.fields(node, "`waiting`")?;
    let policy: Option<WaitingWord> = f.required(r, "policy");
    let window = f.node("window");
    f.deny_unknown(r);
    match (policy?, window) {
        (WaitingWord::BestEffort, Some(node)) => {
            let window = duration(r, node, "window")?;
            if window > MAX_WINDOW {
                r.problem(node.place, "`window` must be at most 30 days (720h)");
            }
            Some(Waiting::BestEffort { window })
        }
        (WaitingWord::BestEffort, None) => {
            r.problem(f.place(), "best_effort needs a `window`, such as 10m");
            None
        }
        (_, Some(node)) => {
            r.problem(node.place, "`window` belongs to best_effort only");
            None
        }
        (WaitingWord::ByDeliveryDate, None) => Some(Waiting::ByDeliveryDate),
        (WaitingWord::RequireComplete, None) => Some(Waiting::RequireComplete),
    }
}

fn limits(r: &mut Reader, node: &Node) -> Option<Limits> {
    let mut f = r.fields(node, "`limits`")?;
    let mut limits = Limits::default();
    for (key, slot) in [
        ("tasks_per_entity", &mut limits.tasks_per_entity),
        ("tasks", &mut limits.tasks),
        ("parts_per_export", &mut limits.parts_per_export),
        ("parts", &mut limits.parts),
        ("downloads", &mut limits.downloads),
        ("entity_parts", &mut limits.entity_parts),
    ] {
        count(r, &mut f, key, slot);
    }
    let mut failed = limits.failed_attempts as usize;
    count(r, &mut f, "failed_attempts", &mut failed);
    limits.failed_attempts = u32::try_from(failed).unwrap_or(u32::MAX);
    for (key, slot) in [
        ("backoff_min", &mut limits.backoff_min),
        ("backoff_max", &mut limits.backoff_max),
        ("connect_timeout", &mut limits.connect_timeout),
        ("rpc_timeout", &mut limits.rpc_timeout),
        ("silence_timeout", &mut limits.silence_timeout),
        ("lease", &mut limits.lease),
        ("drain", &mut limits.drain),
        ("download_stall", &mut limits.download_stall),
    ] {
        time(r, &mut f, key, slot);
    }
    if let Some(Size(bytes)) = f.optional(r, "entity_bytes") {
        limits.entity_bytes = bytes;
    }
    limits.disk_reserve = f.optional(r, "disk_reserve").map(|Size(bytes)| bytes);
    if limits.backoff_min > limits.backoff_max {
        r.problem(f.place(), "`backoff_min` must not be longer than `backoff_max`");
    }
    f.deny_unknown(r);
    Some(limits)
}

pub(super) fn count(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, slot: &mut usize) {
    let Some(node) = f.node(key) else { return };
    match r.scalar::<u32>(node, key) {
        Some(0) => r.problem(node.place, format!("`{key}` must be at least 1")),
        Some(value) => *slot = value as usize,
        None => {}
    }
}

pub(super) fn time(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, slot: &mut Duration) {
    if let Some(time) = f.node(key).and_then(|node| duration(r, node, key)) {
        *slot = time;
    }
}

fn duration(r: &mut Reader, node: &Node, key: &str) -> Option<Duration> {
    let time: SignedDuration = r.scalar(node, key)?;
    let time = Duration::try_from(time).ok().filter(|time| !time.is_zero());
    if time.is_none() {
        r.problem(node.place, format!("`{key}` must be longer than nothing, such as 30s"));
    }
    time
}

/// A list of scalars; `None` when one of them is wrong.
fn all<T: FromStr>(r: &mut Reader, node: &Node, what: &str) -> Option<Vec<T>>
where
    T::Err: std::fmt::Display,
{
    let items: Vec<Option<T>> = r.list(node, what).iter().map(|item| r.scalar(item, what)).collect();
    items.into_iter().collect()
}
