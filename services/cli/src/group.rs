//! `tributary group`: check the group file, sign it with offline keys, print its schema.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use tributary_model::dsse::Envelope;
use tributary_model::group::signed::{SignedPair, sign};
use tributary_model::group::{GroupFile, json_schema};
use tributary_model::key::SigningKey;

use crate::exit::{Failure, Outcome};
use crate::files;
use crate::output::{Output, say};

/// What can be done with a group file.
#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Check a group file and print every error with line and column
    Check(Check),
    /// Sign a group file: writes the whole file's envelope and its public part's
    Sign(Sign),
    /// Make an offline key of the group
    Keygen(crate::keys::Keygen),
    /// Print the JSON Schema of group.yaml
    Schema,
}

/// `group check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The group file
    file: PathBuf,
}

/// `group sign`
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The group file
    file: PathBuf,
    /// An offline key of the group (PKCS#8 PEM)
    #[arg(long)]
    key: PathBuf,
    /// The whole file's envelope, for agents and gateways
    #[arg(long, default_value = "group.dsse.json")]
    out: PathBuf,
    /// The public part's envelope, which archives carry as trust.json
    #[arg(long, default_value = "trust.dsse.json")]
    public_out: PathBuf,
    /// Add this key's signatures to the two envelopes, which another key of the group signed first (m of n)
    #[arg(long)]
    add: bool,
}

#[derive(Serialize)]
struct Checked {
    group: String,
    version: u64,
    entities: usize,
    expires_at: String,
}

/// Runs the command.
pub(crate) fn run(command: Group, output: Output) -> Outcome {
    match command {
        Group::Check(args) => check(&args, output),
        Group::Sign(args) => sign_files(&args, output),
        Group::Keygen(args) => crate::keys::keygen(&args, output),
        Group::Schema => say(&serde_json::to_string_pretty(&json_schema())?),
    }
}

fn load(path: &std::path::Path) -> Result<GroupFile, Failure> {
    let text = files::read_text(path)?;
    GroupFile::from_yaml(&path.display().to_string(), &text)
        .map_err(|problems| Failure::invalid(format!("the group file is not valid\n{problems}")))
}

fn summary(group: &GroupFile) -> Checked {
    Checked {
        group: group.group.to_string(),
        version: group.version,
        entities: group.entities.len(),
        expires_at: group.expires_at.to_string(),
    }
}

fn check(args: &Check, output: Output) -> Outcome {
    let group = load(&args.file)?;
    output.print(&summary(&group), |g| {
        format!("{}: version {} with {} entities is valid until {}", g.group, g.version, g.entities, g.expires_at)
    })
}

fn sign_files(args: &Sign, output: Output) -> Outcome {
    let group = load(&args.file)?;
    let key = SigningKey::from_pem(&files::read_text(&args.key)?)
        .map_err(|error| Failure::invalid(format!("{}: {error}", args.key.display())))?;
    let mut pair = sign(&group, &key).map_err(Failure::invalid)?;
    if args.add {
        pair = add(&pair, &args.out, &args.public_out, &key)?;
    }
    files::replace(&args.out, &pair.whole.to_json())?;
    files::replace(&args.public_out, &pair.public.to_json())?;
    output.print(&summary(&group), |g| {
        let signatures = pair.whole.key_ids().count();
        let (whole, public) = (args.out.display(), args.public_out.display());
        format!("{}: version {} carries {signatures} signature(s) in {whole} and {public}", g.group, g.version)
    })
}

/// The two envelopes on disk with `key`'s signatures added, when they carry exactly what `fresh` carries.
fn add(
    fresh: &SignedPair,
    out: &std::path::Path,
    public: &std::path::Path,
    key: &SigningKey,
) -> Result<SignedPair, Failure> {
    let read = |path: &std::path::Path, fresh: &Envelope| {
        let named = |error: &dyn std::fmt::Display| Failure::invalid(format!("{}: {error}", path.display()));
        let envelope = Envelope::from_json(&files::read(path)?).map_err(|error| named(&error))?;
        if envelope.unverified_payload().ok() != fresh.unverified_payload().ok() {
            return Err(named(&"was signed over another group file; sign anew without --add"));
        }
        Ok(envelope)
    };
    let mut pair = SignedPair { whole: read(out, &fresh.whole)?, public: read(public, &fresh.public)? };
    pair.add_signature(key).map_err(Failure::invalid)?;
    Ok(pair)
}
