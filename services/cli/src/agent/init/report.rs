//! What `agent init` made, and what comes next.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;
use tributary_agent::check::CheckReport;
use tributary_agent::init::{Proposal, Summary, Way};
use tributary_model::key::PublicKey;

use super::given::Group;
use super::{CONFIG, Init, MANIFEST};

/// What was made.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    /// Files that were not there before.
    written: Vec<PathBuf>,
    manifest: PathBuf,
    config: PathBuf,
    dataset: String,
    /// The entity, when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    /// For the group file.
    public_key: String,
    /// Whether the group file has that key; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_in_group: Option<bool>,
    #[serde(flatten)]
    summary: Summary,
    /// Searches that read whole tables.
    scans: Vec<String>,
    /// What does not fit together, or is missing.
    notes: Vec<String>,
    /// Commands to run next.
    next: Vec<String>,
}

/// Puts together what was made.
pub(super) fn made(
    args: &Init,
    group: &Group,
    proposal: Proposal,
    checked: CheckReport,
    key: &PublicKey,
    written: Vec<PathBuf>,
) -> Made {
    let config = args.out.join(CONFIG);
    let scans = checked.collections.iter().flat_map(|collection| {
        collection.scans.iter().map(|scan| format!("{}: {scan}", collection.collection)).collect::<Vec<_>>()
    });
    let known = group.file.as_ref().zip(group.entity.as_ref()).and_then(|(file, entity)| file.entity(entity));
    let key_in_group = known.map(|entity| entity.attestation_keys.iter().any(|valid| valid.public_key == *key));
    let mut notes = group.notes.clone();
    if group.file.is_none() {
        notes.push("the group file was not read: complete what agent.yaml marks with REPLACE".to_owned());
    }
    if matches!(&group.way, Way::DialOut(gateways) if gateways.is_empty()) {
        notes.push("this agent dials the gateway: put where that is in place of what agent.yaml marks with REPLACE, or say it with --gateway".to_owned());
    }
    let here = config == std::path::Path::new(CONFIG) || args.out == std::path::Path::new(".");
    let flag = if here { String::new() } else { format!(" --config {}", config.display()) };
    let kinds: Vec<&str> = proposal.summary.identities.iter().filter_map(|identity| kind(identity)).collect();
    let example = match kinds.first() {
        Some(kind) if !kinds.contains(&"email") => format!("{kind}=…"),
        _ => "email=someone@example.org".to_owned(),
    };
    Made {
        written,
        manifest: args.out.join(MANIFEST),
        next: vec![
            format!("tributary agent check{flag}"),
            format!("tributary agent dry-run{flag} --identifier {example}"),
            format!("tributary serve agent{}", if here { " --config agent.yaml" } else { &flag }),
        ],
        config,
        dataset: proposal.dataset.to_string(),
        entity: group.entity.as_ref().map(ToString::to_string),
        public_key: key.to_string(),
        key_in_group,
        summary: proposal.summary,
        scans: scans.collect(),
        notes,
    }
}

/// The type of an identity, which stands in brackets at its end.
fn kind(identity: &str) -> Option<&str> {
    identity.rsplit_once('(')?.1.strip_suffix(')')
}

/// The same for people.
pub(super) fn text(made: &Made) -> String {
    let Made { summary, .. } = made;
    let mut text = String::new();
    let (manifest, config) = (made.manifest.display(), made.config.display());
    let (declared, tables, reached) = (summary.declared.len(), summary.tables, summary.reached);
    let _ = writeln!(text, "{manifest}: {declared} of {tables} tables, of which identifiers lead to {reached}");
    let _ = writeln!(text, "{config}: the agent's configuration\n");
    let list = |text: &mut String, what: &str, names: &[String]| {
        if !names.is_empty() {
            let _ = writeln!(text, "{what}: {}", names.join(", "));
        }
    };
    list(&mut text, "taken for people", &summary.people);
    list(&mut text, "people are found by", &summary.identities);
    list(&mut text, "these searches read a whole table (see `no index` in the manifest)", &made.scans);
    list(&mut text, "this user may not read", &summary.unreadable);
    if !summary.views.is_empty() {
        let _ = writeln!(text, "views that are not declared: {}", summary.views.len());
    }
    if summary.odd_names > 0 {
        let _ = writeln!(text, "names that are no Fideslang keys, which other tools may refuse: {}", summary.odd_names);
    }
    let beside: Vec<String> = summary.beside.iter().map(|(name, tables)| format!("{name} ({tables} tables)")).collect();
    list(&mut text, "beside it, for a dataset of its own each", &beside);
    let guesses = summary.guesses;
    let _ = writeln!(text, "{guesses} lines are guesses, marked `# guess`: read them before anybody relies on them\n");
    let key = &made.public_key;
    let _ = match made.key_in_group {
        Some(true) => writeln!(text, "the group file has this entity's key {key}"),
        Some(false) => writeln!(text, "for the group file, which does not have it yet: {key}"),
        None => writeln!(text, "for the group file: {key}"),
    };
    for note in &made.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = write!(text, "\nnext:");
    for command in &made.next {
        let _ = write!(text, "\n  {command}");
    }
    text
}
