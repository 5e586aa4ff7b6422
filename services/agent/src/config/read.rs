//! Reads `agent.yaml` into the types, with every problem at its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tributary_model::group::signed::Pins;
use tributary_model::yaml::{Fields, Node, Problems, Reader, parse};

use super::database::databases;
use super::entities::{Entities, entities};
use super::quantity::{ByteSize, Span};
use super::{Config, GroupSource, IdentityFiles, InboxSettings, Limits, MAX_PART_BYTES, SpoolLimits};
use crate::collect::{LARGE_CELL, Sources};

/// Smaller parts than this would be all headers.
const MIN_PART_BYTES: u64 = 64 * 1024;
/// Smallest cell that may become a file of its own: less would drown a person in files.
const MIN_LARGE_CELL: u64 = 1024;

pub(super) fn config(file: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
    let root = parse(file, text)?;
    let mut reader = Reader::new(file);
    let config = root_fields(&mut reader, &root, folder);
    reader.finish(config)
}

fn root_fields(r: &mut Reader, root: &Node, folder: &Path) -> Option<Config> {
    let mut f = r.fields(root, "the configuration")?;
    let path = |text: String| folder.join(text);
    let listen = f.node("listen").map_or(Some(None), |node| r.scalar(node, "listen").map(Some));
    let out = f.node("dial_out");
    let dial_out = out.map_or(Some(None), |node| super::dial_out::dial_out(r, node, folder).map(Some));
    if listen == Some(None) && out.is_none() {
        r.problem(
            f.place(),
            "the configuration needs `listen`, where the gateway connects, or `dial_out`, when this agent connects",
        );
    }
    let admin = f.node("admin").map_or(Some(None), |node| r.scalar(node, "admin").map(Some));
    let data_dir = f.required(r, "data_dir").map(path);
    let entities = entities(r, &mut f, data_dir.as_deref(), folder);
    let identity = f.required_node(r, "identity").and_then(|node| identity(r, node, folder));
    let group = f.required_node(r, "group").and_then(|node| group(r, node, folder));
    let manifests = shared_manifests(r, &mut f, entities.as_ref(), folder);
    let databases = f.node("databases").map_or(Some(BTreeMap::new()), |node| databases(r, node, folder));
    let spool = f.node("spool").map_or(Some(SpoolLimits::default()), |node| spool(r, node));
    let inbox = f.node("inbox");
    let inbox = inbox.map_or(Some(InboxSettings::default()), |node| super::inbox::inbox(r, node, folder));
    let limits = f.node("limits").map_or(Some(Limits::default()), |node| limits(r, node));
    let reflection = f.node("reflection").map_or(Some(true), |node| r.scalar(node, "reflection"));
    f.deny_unknown(r);
    let Entities { served, own } = entities?;
    Some(Config {
        listen: listen?,
        dial_out: dial_out?,
        admin: admin?,
        data_dir: data_dir?,
        entities: served,
        identity: identity?,
        group: group?,
        sources: Sources { manifests: manifests?, own, databases: databases? },
        spool: spool?,
        inbox: inbox?,
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

fn group(r: &mut Reader, node: &Node, folder: &Path) -> Option<GroupSource> {
    let mut f = r.fields(node, "`group`")?;
    let file: Option<String> = f.required(r, "file");
    let keys = f.required_node(r, "keys").and_then(|node| all(r, node, "keys"));
    if keys.as_ref().is_some_and(Vec::is_empty) {
        r.problem(f.place(), "`keys` must hold at least one key of the group");
    }
    let threshold = f.node("threshold").map_or(Some(1), |node| {
        let threshold: usize = r.scalar(node, "threshold")?;
        let most = keys.as_ref().map_or(usize::MAX, Vec::len);
        if !(1..=most).contains(&threshold) {
            r.problem(node.place, format!("`threshold` must be 1 to {most}, the number of keys"));
        }
        Some(threshold)
    });
    f.deny_unknown(r);
    Some(GroupSource { file: folder.join(file?), pins: Pins { keys: keys?, threshold: threshold? } })
}

/// Manifests for all entities. There may be none when each entity has its own.
fn shared_manifests(
    r: &mut Reader,
    f: &mut Fields<'_>,
    entities: Option<&Entities>,
    folder: &Path,
) -> Option<Vec<PathBuf>> {
    let each_has_own = entities.is_some_and(|all| all.served.iter().all(|served| all.own.contains_key(&served.id)));
    match f.node("manifests") {
        None if each_has_own => Some(Vec::new()),
        None => f.required_node(r, "manifests").map(|_| Vec::new()),
        Some(node) => manifests(r, node, folder),
    }
}

pub(super) fn manifests(r: &mut Reader, node: &Node, folder: &Path) -> Option<Vec<PathBuf>> {
    let files: Vec<String> = all(r, node, "manifests")?;
    if files.is_empty() {
        r.problem(node.place, "`manifests` must name at least one Fideslang file or a folder of them");
    }
    Some(files.iter().map(|file| folder.join(file)).collect())
}

fn spool(r: &mut Reader, node: &Node) -> Option<SpoolLimits> {
    let mut f = r.fields(node, "`spool`")?;
    let mut spool = SpoolLimits::default();
    size(r, &mut f, "quota", &mut spool.quota);
    time(r, &mut f, "keep", &mut spool.keep);
    f.deny_unknown(r);
    Some(spool)
}

fn limits(r: &mut Reader, node: &Node) -> Option<Limits> {
    let mut f = r.fields(node, "`limits`")?;
    let mut limits = Limits::default();
    for (key, slot) in [
        ("concurrent_exports", &mut limits.concurrent_exports),
        ("concurrent_locates", &mut limits.concurrent_locates),
        ("concurrent_reads", &mut limits.concurrent_reads),
        ("open_exports", &mut limits.open_exports),
    ] {
        count(r, &mut f, key, slot);
    }
    let mut attempts = limits.snapshot_attempts as usize;
    count(r, &mut f, "snapshot_attempts", &mut attempts);
    limits.snapshot_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    size(r, &mut f, "part_bytes", &mut limits.part_bytes);
    size(r, &mut f, "large_cell", &mut limits.large_cell);
    size(r, &mut f, "walk_memory", &mut limits.walk_memory);
    for (key, slot) in [
        ("snapshot_max", &mut limits.snapshot_max),
        ("unavailable_for", &mut limits.unavailable_for),
        ("retry_min", &mut limits.retry_min),
        ("retry_max", &mut limits.retry_max),
        ("drain", &mut limits.drain),
    ] {
        time(r, &mut f, key, slot);
    }
    if !(MIN_PART_BYTES..=MAX_PART_BYTES).contains(&limits.part_bytes) {
        r.problem(f.place(), "`part_bytes` must be 64KiB to 64MiB");
    }
    if !(MIN_LARGE_CELL..=LARGE_CELL).contains(&limits.large_cell) {
        r.problem(f.place(), "`large_cell` must be 1KiB to 1MiB");
    }
    if limits.retry_min > limits.retry_max {
        r.problem(f.place(), "`retry_min` must not be longer than `retry_max`");
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

fn size(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, slot: &mut u64) {
    if let Some(ByteSize(bytes)) = f.optional(r, key) {
        *slot = bytes;
    }
}

pub(super) fn time(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, slot: &mut Duration) {
    if let Some(Span(time)) = f.optional(r, key) {
        *slot = time;
    }
}

/// A list of scalars; `None` when one of them is wrong.
fn all<T: FromStr>(r: &mut Reader, node: &Node, what: &str) -> Option<Vec<T>>
where
    T::Err: std::fmt::Display,
{
    let items: Vec<Option<T>> = r.list(node, what).iter().map(|item| r.scalar(item, what)).collect();
    items.into_iter().collect()
}
