//! `tributary agent init`: a first manifest and configuration from a live schema, ready for `agent check`.
//!
//! `given` reads what the command line names: database, group file, certificate. `staged` writes the files, all or none. `report`
//! says what was made and what comes next.

mod given;
mod report;
mod staged;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tributary_agent::Config;
use tributary_agent::check::{CheckReport, check};
use tributary_agent::init::{AgentFile, Connection, InitError, Proposal, Wishes, propose};
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::clock::{SharedClock, SystemClock};
use tributary_model::id::{EntityId, FidesKey};
use tributary_model::key::{PublicKey, SigningKey};
use tributary_transport::dial::{DialError, check_address};

use self::report::Made;
use self::staged::Staged;
use crate::exit::{Exit, Failure, Outcome};
use crate::files;
use crate::output::Output;

/// The file with the proposed manifest.
const MANIFEST: &str = "manifest.yml";
/// The configuration.
const CONFIG: &str = "agent.yaml";
/// Where a password goes that was given in the open.
const PASSWORD: &str = "database.password";
/// The entity's signing key.
const SIGNING_KEY: &str = "attestation.key";
/// The key for data at rest.
const STORAGE_KEY: &str = "kek.key";

/// `agent init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// sqlite:///path, postgres://user@host/database or mysql://user@host/database; or in TRIBUTARY_DATABASE_URL
    #[arg(long, value_name = "URL", conflicts_with = "database_file")]
    database: Option<String>,
    /// File with that URL, which may then hold the password
    #[arg(long, value_name = "FILE")]
    database_file: Option<PathBuf>,
    /// File with the database user's password, readable by its owner only
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// PEM file of the authority that vouches for the database server, where no public one does
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// No TLS to the database: for this machine only
    #[arg(long, conflicts_with = "ca")]
    no_tls: bool,
    /// PostgreSQL: the schema, where it is not the user's first
    #[arg(long)]
    schema: Option<String>,
    /// The dataset's key; otherwise the database's name
    #[arg(long)]
    dataset: Option<FidesKey>,
    /// The entity that this agent answers for; otherwise the one whose agent the certificate names
    #[arg(long)]
    entity: Option<EntityId>,
    /// The group's signed file [default: group.dsse.json]
    #[arg(long, value_name = "FILE")]
    group: Option<PathBuf>,
    /// A public key of the group, ed25519:…; repeatable
    #[arg(long = "group-key", value_name = "KEY")]
    group_keys: Vec<PublicKey>,
    /// How many of these keys must have signed
    #[arg(long, default_value_t = 1)]
    threshold: usize,
    /// The agent's certificate
    #[arg(long, value_name = "FILE", default_value = "svid.pem")]
    certificate: PathBuf,
    /// Its private key
    #[arg(long, value_name = "FILE", default_value = "svid-key.pem")]
    key: PathBuf,
    /// For an entity that dials in: the gateway as host:port; repeatable
    #[arg(long = "gateway", value_name = "HOST:PORT", value_parser = gateway)]
    gateways: Vec<String>,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Replace manifest.yml and agent.yaml if they exist; keys are never replaced
    #[arg(long)]
    force: bool,
}

fn gateway(text: &str) -> Result<String, DialError> {
    check_address(text).map(|()| text.to_owned())
}

/// Runs the command. Databases are read by drivers that wait on runtimes of their own.
pub(super) fn run(args: &Init, output: Output) -> Outcome {
    let made = tokio::task::block_in_place(|| make(args))?;
    output.print(&made, report::text)
}

fn make(args: &Init) -> Result<Made, Failure> {
    let clock: SharedClock = Arc::new(SystemClock);
    let mut connection = given::connection(args)?;
    let group = given::group(args, &clock)?;
    let mut staged = Staged::new(&args.out, args.force)?;
    if let Some(password) = connection.password().cloned() {
        let path = staged.private(PASSWORD, password.expose().as_bytes())?;
        connection = connection.with_password_in(&path);
    }
    staged.refuse_existing(&[MANIFEST, CONFIG])?;
    let wishes = Wishes {
        dataset: args.dataset.clone(),
        schema: args.schema.clone(),
        identifier_types: group.file.as_ref().map(|file| file.identifier_types.clone()),
    };
    let proposal = propose(&connection.database(args.schema.as_deref()), &wishes, &clock)
        .map_err(|error| cannot_propose(error, connection.is_server()))?;
    let signing_key = signing_key(&mut staged, &args.out)?;
    let key_encryption_key = args.out.join(STORAGE_KEY);
    if !key_encryption_key.exists() {
        staged.private(STORAGE_KEY, KeyEncryptionKey::generate()?.as_bytes())?;
    }
    let manifest = staged.public(MANIFEST, proposal.manifest.as_bytes())?;
    let file = |manifest: &Path| AgentFile {
        folder: args.out.clone(),
        entity: group.entity.as_ref().map(ToString::to_string),
        way: group.way.clone(),
        certificate: args.certificate.clone(),
        key: args.key.clone(),
        group: group.path.clone(),
        pins: group.pins.clone(),
        signing_key: args.out.join(SIGNING_KEY),
        key_encryption_key: key_encryption_key.clone(),
        manifest: manifest.to_owned(),
    };
    let checked = rehearse(&file(&manifest), &proposal, &connection, args, &clock)?;
    // From here on the password is where the configuration says.
    let connection =
        if staged.has(PASSWORD) { connection.with_password_in(&args.out.join(PASSWORD)) } else { connection };
    let text = file(&args.out.join(MANIFEST)).write(proposal.dataset.as_str(), &connection, args.schema.as_deref());
    staged.public(CONFIG, text.as_bytes())?;
    let written = staged.commit()?;
    Ok(report::made(args, &group, proposal, checked, &signing_key, written))
}

/// The entity's key: the one that is there, or a new one.
fn signing_key(staged: &mut Staged, out: &Path) -> Result<PublicKey, Failure> {
    let path = out.join(SIGNING_KEY);
    if path.exists() {
        return Ok(SigningKey::from_pem(&files::read_text(&path)?)?.public());
    }
    let key = SigningKey::generate()?;
    staged.private(SIGNING_KEY, key.to_pem()?.as_bytes())?;
    Ok(key.public())
}

/// Checks what was made as `agent check` will, before it gets its names.
fn rehearse(
    file: &AgentFile,
    proposal: &Proposal,
    connection: &Connection,
    args: &Init,
    clock: &SharedClock,
) -> Result<CheckReport, Failure> {
    let text = file.write(proposal.dataset.as_str(), connection, args.schema.as_deref());
    let defect =
        |what: String| Failure::new(Exit::Failure, format!("what was made is not valid, which is a defect\n{what}"));
    let config = Config::from_yaml(CONFIG, &text, &args.out).map_err(|problems| defect(problems.to_string()))?;
    let report = check(&config, Arc::clone(clock));
    if report.is_ok() { Ok(report) } else { Err(defect(report.problems.join("\n"))) }
}

fn cannot_propose(error: InitError, server: bool) -> Failure {
    match error {
        InitError::Database(_) if server => {
            let here =
                "here: --ca names the authority of the server's certificate, --password-file the user's password";
            Failure::new(Exit::TryAgain, format!("{error}\n{here}"))
        }
        InitError::Database(_) => Failure::new(Exit::TryAgain, error),
        InitError::Empty(_) | InitError::Key(_) => Failure::invalid(error),
        InitError::Names(_) => Failure::new(Exit::Failure, error),
    }
}
