//! What the command line names: the database, the group file, the entity.

use std::path::{Path, PathBuf};

use tributary_agent::init::{Connection, GroupPins, Tls, Way};
use tributary_agent::source::server::Secret;
use tributary_model::clock::SharedClock;
use tributary_model::group::signed::{Pins, VerifiedGroup};
use tributary_model::group::{Entity, GroupFile, Reach};
use tributary_model::id::EntityId;
use tributary_transport::identity::Identity;

use super::Init;
use crate::exit::Failure;
use crate::files;

/// Where the URL may be instead of on the command line.
const VARIABLE: &str = "TRIBUTARY_DATABASE_URL";
/// The group's signed file, unless said otherwise.
const GROUP: &str = "group.dsse.json";
/// The port that agents listen on, unless the group file names one.
const PORT: u16 = 7443;

/// What is known of the group.
pub(super) struct Group {
    /// Where its signed file is, or will be.
    pub(super) path: PathBuf,
    /// Its content, when it is there and a key was given.
    pub(super) file: Option<GroupFile>,
    /// Whose signatures count.
    pub(super) pins: GroupPins,
    /// The entity.
    pub(super) entity: Option<EntityId>,
    /// Who opens the connection.
    pub(super) way: Way,
    /// What does not fit together.
    pub(super) notes: Vec<String>,
}

/// The database, and where its password is.
pub(super) fn connection(args: &Init) -> Result<Connection, Failure> {
    let tls = if args.no_tls { Tls::Disabled } else { Tls::Verified(args.ca.clone()) };
    let password = args.password_file.clone().map(Secret::File);
    let (url, secret) = match (&args.database, &args.database_file) {
        (Some(url), _) => (url.clone(), password),
        (None, Some(file)) => (files::read_text(file)?, password.or(Some(Secret::UrlFile(file.clone())))),
        (None, None) => {
            let url = std::env::var(VARIABLE).map_err(|_| {
                Failure::invalid(format!("which database? give --database or --database-file, or set {VARIABLE}"))
            })?;
            (url, password.or(Some(Secret::UrlEnvironment(VARIABLE.to_owned()))))
        }
    };
    let connection = Connection::new(url.trim(), secret, tls).map_err(Failure::invalid)?;
    if args.schema.is_some() && !connection.has_schemas() {
        return Err(Failure::invalid("--schema is for PostgreSQL; elsewhere the URL names the database"));
    }
    Ok(connection)
}

/// The group file, as far as it is there, and what it says of this entity.
pub(super) fn group(args: &Init, clock: &SharedClock) -> Result<Group, Failure> {
    let path = args.group.clone().unwrap_or_else(|| PathBuf::from(GROUP));
    let pins = GroupPins { keys: args.group_keys.clone(), threshold: args.threshold };
    if args.group.is_some() && pins.keys.is_empty() {
        return Err(Failure::invalid("--group-key is missing: the public key that signed the group file, ed25519:…"));
    }
    if !pins.keys.is_empty() && !(1..=pins.keys.len()).contains(&pins.threshold) {
        return Err(Failure::invalid(format!("--threshold must be 1 to {}, the number of keys", pins.keys.len())));
    }
    let mut notes = Vec::new();
    let file = match (&args.group, path.exists()) {
        (Some(_), _) | (None, true) if !pins.keys.is_empty() => Some(open(&path, &pins, clock)?),
        _ => None,
    };
    let identity = match Identity::load(&args.certificate, &args.key) {
        Ok(identity) => Some(identity),
        Err(_) if !args.certificate.exists() => {
            notes.push(format!("the certificate {} is not there yet", args.certificate.display()));
            None
        }
        Err(error) => return Err(Failure::invalid(error)),
    };
    let id = identity.as_ref().map(|identity| identity.id().clone());
    let entity = match (&args.entity, &file, &id) {
        (Some(entity), ..) => Some(entity.clone()),
        (None, Some(file), Some(id)) => {
            let mut named = file.entities.iter().filter(|entity| entity.agent.spiffe_id == *id);
            match (named.next(), named.next()) {
                (Some(entity), None) => Some(entity.id.clone()),
                (None, _) => {
                    return Err(Failure::invalid(format!(
                        "no entity of the group file has an agent called {id}, as the certificate says; give --entity, or ask for another certificate"
                    )));
                }
                (Some(_), Some(_)) => {
                    return Err(Failure::invalid(format!("several entities have an agent called {id}; give --entity")));
                }
            }
        }
        _ => None,
    };
    let known = match (&file, &entity) {
        (Some(file), Some(entity)) => Some(file.entity(entity).ok_or_else(|| {
            Failure::invalid(format!("the group file has no entity `{entity}`; it has {}", names(file)))
        })?),
        _ => None,
    };
    if let (Some(known), Some(id)) = (known, &id)
        && known.agent.spiffe_id != *id
    {
        let expected = &known.agent.spiffe_id;
        notes.push(format!(
            "the group file calls this agent {expected}, and the certificate says {id}: the gateway will refuse it"
        ));
    }
    let way = known.map_or(Way::Listen(PORT), |entity| way(entity, &args.gateways));
    Ok(Group { path, pins, entity, way, notes, file })
}

fn open(path: &Path, pins: &GroupPins, clock: &SharedClock) -> Result<GroupFile, Failure> {
    let pins = Pins { keys: pins.keys.clone(), threshold: pins.threshold };
    let verified = VerifiedGroup::open(&files::read(path)?, &pins, clock.now(), None);
    Ok(verified.map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))?.file().clone())
}

fn names(file: &GroupFile) -> String {
    file.entities.iter().map(|entity| entity.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn way(entity: &Entity, gateways: &[String]) -> Way {
    match &entity.agent.reach {
        Reach::DialsIn => Way::DialOut(gateways.to_vec()),
        Reach::At(address) => {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            Way::Listen(port.unwrap_or(PORT))
        }
    }
}
