//! Between the agent's wire types and the words of `model` and `archive`: whatever does not convert is not believed.
//!
//! `table`, `preview` and `information` read what describes the parts; here is the rest, and what all of them share.

mod information;
mod preview;
mod redaction;
mod table;

use jiff::Timestamp;
use tributary_archive::part::{Encoding, Part, PartKind};
use tributary_model::id::{EntityId, FidesKey, IdentifierType};
use tributary_model::identifier::Identifier;
use tributary_model::right::{Right, TableFormat};
use tributary_proto::agent::v1;
use tributary_proto::types::v1 as types;

pub(super) use self::information::information;
pub(super) use self::preview::preview;
pub(super) use self::table::table;

/// Longest name of a column or collection, in bytes.
const MAX_NAME: usize = 500;
/// Longest text for people, in bytes.
const MAX_TEXT: usize = 4096;
/// Most columns of a table.
const MAX_FIELDS: usize = 4096;
/// Most references, categories or key columns in one list.
const MAX_LIST: usize = 256;
/// Largest part: beyond this, sizes are lies.
const MAX_PART: u64 = 1 << 40;
/// Longest reason of a pause that is passed on, in characters.
const MAX_REASON: usize = 200;

/// A field of a message that is not valid. Names the rule, not the value, which a stranger chose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct ConversionError {
    /// The field, as the contract names it.
    pub field: &'static str,
    /// The rule it breaks.
    pub problem: String,
}

/// What an agent says it can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The entity served.
    pub entity: EntityId,
    /// Name and version of the software.
    pub software: String,
    /// Rights served; those this version does not know are left out.
    pub rights: Vec<Right>,
    /// Identifier types by which its systems can be searched.
    pub identifier_types: Vec<IdentifierType>,
    /// Datasets declared, in the order in which they are walked.
    pub datasets: Vec<Dataset>,
    /// Version of the group file in force there.
    pub group_version: u64,
    /// Its digest, hex.
    pub group_sha256: String,
    /// Largest plain size of a table's part, in bytes.
    pub max_part_bytes: u64,
}

/// A dataset that an agent declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Its key.
    pub key: FidesKey,
    /// Its name for people.
    pub name: String,
    /// Whether the agent has a connection to it.
    pub connected: bool,
    /// Number of declared collections.
    pub collections: u32,
}

/// Whether an entity knows the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// It does.
    Found,
    /// It does not, in what could be searched.
    NotFound,
    /// The identifiers do not single one person out.
    NeedsIdentity,
}

/// Where an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// Waiting for its turn or for a system.
    Pending,
    /// Reading databases.
    Running,
    /// At its end: parts can be read.
    Attested,
    /// Finished: only the attestation remains.
    Finished,
}

/// An export that was started, now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The current generation; 0 before the first.
    pub generation: u32,
    /// Where it stands.
    pub state: ExportState,
}

/// A part with the generation that it belongs to.
pub(super) struct Announced {
    pub(super) generation: u32,
    pub(super) part: Part,
}

fn invalid(field: &'static str, problem: impl Into<String>) -> ConversionError {
    ConversionError { field, problem: problem.into() }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(field: &'static str, text: &str) -> Result<T, ConversionError> {
    text.parse().map_err(|error: T::Err| invalid(field, format!("is not valid: {error}")))
}

fn text(field: &'static str, text: String, longest: usize) -> Result<String, ConversionError> {
    if text.len() > longest || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("must be at most {longest} bytes without control characters")));
    }
    Ok(text)
}

/// Texts for people may have line feeds.
fn words(field: &'static str, words: String) -> Result<String, ConversionError> {
    if words.len() > MAX_TEXT || words.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return Err(invalid(field, format!("must be at most {MAX_TEXT} bytes without control characters")));
    }
    Ok(words)
}

/// As [`words`], where empty means absent.
fn prose(field: &'static str, prose: String) -> Result<Option<String>, ConversionError> {
    Ok(Some(words(field, prose)?).filter(|prose| !prose.is_empty()))
}

fn name(field: &'static str, name: String) -> Result<String, ConversionError> {
    if name.is_empty() { Err(invalid(field, "must not be empty")) } else { text(field, name, MAX_NAME) }
}

fn list<A, B>(
    field: &'static str,
    most: usize,
    items: Vec<A>,
    item: impl FnMut(A) -> Result<B, ConversionError>,
) -> Result<Vec<B>, ConversionError> {
    if items.len() > most {
        return Err(invalid(field, format!("must have at most {most} entries")));
    }
    items.into_iter().map(item).collect()
}

pub(super) fn identifiers(identifiers: &[Identifier]) -> Vec<types::Identifier> {
    let wire = |identifier: &Identifier| types::Identifier {
        r#type: identifier.kind.to_string(),
        value: identifier.value.expose().clone(),
    };
    identifiers.iter().map(wire).collect()
}

pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

pub(super) fn format(format: TableFormat) -> types::TableFormat {
    match format {
        TableFormat::Csv => types::TableFormat::Csv,
        TableFormat::Ndjson => types::TableFormat::Ndjson,
    }
}

impl TryFrom<v1::DescribeResponse> for Description {
    type Error = ConversionError;
    fn try_from(wire: v1::DescribeResponse) -> Result<Self, ConversionError> {
        let rights = wire.rights().filter_map(|right| match right {
            types::Right::Access => Some(Right::Access),
            types::Right::Unspecified => None,
        });
        Ok(Self {
            rights: rights.collect(),
            entity: parse("entity", &wire.entity)?,
            software: text("software", wire.software, MAX_NAME)?,
            identifier_types: list("identifier_types", MAX_LIST, wire.identifier_types, |kind| {
                parse("identifier_types", &kind)
            })?,
            datasets: list("datasets", MAX_FIELDS, wire.datasets, Dataset::try_from)?,
            group_version: wire.group_version,
            group_sha256: text("group_sha256", wire.group_sha256, 64)?,
            max_part_bytes: wire.max_part_bytes,
        })
    }
}

impl TryFrom<v1::Dataset> for Dataset {
    type Error = ConversionError;
    fn try_from(wire: v1::Dataset) -> Result<Self, ConversionError> {
        Ok(Self {
            key: parse("datasets.key", &wire.key)?,
            name: text("datasets.name", wire.name, MAX_NAME)?,
            connected: wire.connected,
            collections: wire.collections,
        })
    }
}

impl TryFrom<v1::LocateResponse> for Located {
    type Error = ConversionError;
    fn try_from(wire: v1::LocateResponse) -> Result<Self, ConversionError> {
        match wire.outcome() {
            v1::LocateOutcome::Found => Ok(Self::Found),
            v1::LocateOutcome::NotFound => Ok(Self::NotFound),
            v1::LocateOutcome::NeedsIdentity => Ok(Self::NeedsIdentity),
            v1::LocateOutcome::Unspecified => Err(invalid("outcome", "is not a known value")),
        }
    }
}

impl TryFrom<v1::StartExportResponse> for Started {
    type Error = ConversionError;
    fn try_from(wire: v1::StartExportResponse) -> Result<Self, ConversionError> {
        let state = match wire.state() {
            v1::ExportState::Pending => ExportState::Pending,
            v1::ExportState::Running => ExportState::Running,
            v1::ExportState::Attested => ExportState::Attested,
            v1::ExportState::Finished => ExportState::Finished,
            v1::ExportState::Unspecified => return Err(invalid("state", "is not a known value")),
        };
        Ok(Self { generation: wire.generation, state })
    }
}

impl TryFrom<v1::Part> for Announced {
    type Error = ConversionError;
    fn try_from(wire: v1::Part) -> Result<Self, ConversionError> {
        let kind = match wire.kind() {
            v1::PartKind::Table => PartKind::Table,
            v1::PartKind::Attachment => PartKind::Attachment,
            v1::PartKind::Unspecified => return Err(invalid("part.kind", "is not a known value")),
        };
        let encoding = match wire.encoding() {
            v1::PartEncoding::Deflate => Encoding::Deflate,
            v1::PartEncoding::Identity => Encoding::Identity,
            v1::PartEncoding::Unspecified => return Err(invalid("part.encoding", "is not a known value")),
        };
        for (field, bytes) in [("part.bytes", wire.bytes), ("part.encoded_bytes", wire.encoded_bytes)] {
            if bytes > MAX_PART {
                return Err(invalid(field, "must be at most one tebibyte"));
            }
        }
        let part = Part {
            index: wire.index,
            path: parse("part.path", &wire.path)?,
            dataset: parse("part.dataset", &wire.dataset)?,
            collection: name("part.collection", wire.collection)?,
            kind,
            media_type: wire.media_type,
            encoding,
            rows: wire.rows,
            bytes: wire.bytes,
            encoded_bytes: wire.encoded_bytes,
            crc32: wire.crc32,
            sha256: digest("part.sha256", &wire.sha256)?,
            encoded_sha256: digest("part.encoded_sha256", &wire.encoded_sha256)?,
        };
        Ok(Self { generation: wire.generation, part })
    }
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<tributary_archive::digest::Sha256Hex, ConversionError> {
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| invalid(field, "must be 32 bytes"))?;
    Ok(bytes.into())
}

/// Why an export waits, fit for one line that people read, and until when.
pub(super) fn pending(wire: v1::Pending) -> (String, Option<Timestamp>) {
    // A message holds a megabyte: no more of it is looked at than could be passed on.
    let shown = wire.reason.chars().take(4 * MAX_REASON).map(|c| if steers(c) { ' ' } else { c });
    let words = shown.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = words.chars().take(MAX_REASON).collect();
    let retry_at = wire.retry_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    (reason, retry_at)
}

/// Characters that steer a terminal, turn text around or carry some that nobody sees.
fn steers(c: char) -> bool {
    let unseen = matches!(c, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c.is_control() || unseen || matches!(c, '\u{e0000}'..='\u{e0fff}')
}
