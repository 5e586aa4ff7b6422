//! Wire ↔ domain, the only place that knows both. What a request says wrongly is named by its field, never by value.

mod information;
mod preview;
mod redaction;

use std::collections::HashMap;

use jiff::Timestamp;
use tributary_archive::part::{Encoding, Part, PartKind};
use tributary_archive::table::{Field, ForeignKey, Labels, Table};
use tributary_model::id::{InstructionId, InvalidId};
use tributary_model::identifier::{Identifier, MAX_IDENTIFIERS};
use tributary_model::language::Texts;
use tributary_model::mandate::CLOCK_SKEW;
use tributary_model::right::{Right, TableFormat};
use tributary_proto::agent::v1 as wire;
use tributary_proto::types::v1 as types;

use crate::collect::{DatasetInfo, Located};
use crate::export::{Chunk, Event};
use crate::ledger::State;

/// Fields of a request that are missing or not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .fields.iter().map(|(field, what)| format!("`{field}` {what}")).collect::<Vec<_>>().join("; "))]
pub(crate) struct ConversionError {
    /// Each with what is wrong about it.
    pub(crate) fields: Vec<(String, String)>,
}

impl ConversionError {
    fn one(field: &str, what: impl Into<String>) -> Self {
        Self { fields: vec![(field.to_owned(), what.into())] }
    }
}

/// An instruction's id.
pub(crate) fn instruction(text: &str) -> Result<InstructionId, ConversionError> {
    text.parse().map_err(|error: InvalidId| ConversionError::one("instruction", error.to_string()))
}

/// Who is meant: 1 to [`MAX_IDENTIFIERS`] valid identifiers.
pub(crate) fn identifiers(given: &[types::Identifier]) -> Result<Vec<Identifier>, ConversionError> {
    if given.is_empty() || given.len() > MAX_IDENTIFIERS {
        return Err(ConversionError::one("identifiers", format!("must be 1 to {MAX_IDENTIFIERS} identifiers")));
    }
    let (mut found, mut fields) = (Vec::with_capacity(given.len()), Vec::new());
    for (at, identifier) in given.iter().enumerate() {
        let kind = identifier.r#type.parse().map_err(|error: InvalidId| {
            fields.push((format!("identifiers[{at}].type"), error.to_string()));
        });
        let Ok(kind) = kind else { continue };
        match Identifier::new(kind, &identifier.value) {
            Ok(identifier) => found.push(identifier),
            Err(error) => fields.push((format!("identifiers[{at}].value"), error.to_string())),
        }
    }
    if fields.is_empty() { Ok(found) } else { Err(ConversionError { fields }) }
}

/// When a request was received, as far as it can be: not in the future, give or take what clocks may differ by.
pub(crate) fn received_at(
    given: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, ConversionError> {
    let Some(given) = given else { return Ok(None) };
    let at = Some(given).filter(|at| (0..1_000_000_000).contains(&at.nanos));
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    let at =
        at.ok_or_else(|| ConversionError::one("received_at", "must be an instant between the years 1 and 9999"))?;
    if at.duration_since(now) > CLOCK_SKEW {
        return Err(ConversionError::one("received_at", "must not be in the future"));
    }
    Ok(Some(at))
}

/// How tables are written.
pub(crate) fn table_format(given: i32) -> Result<TableFormat, ConversionError> {
    match types::TableFormat::try_from(given) {
        Ok(types::TableFormat::Unspecified | types::TableFormat::Csv) => Ok(TableFormat::Csv),
        Ok(types::TableFormat::Ndjson) => Ok(TableFormat::Ndjson),
        Err(_) => Err(ConversionError::one("format", "must be one of the published table formats")),
    }
}

pub(crate) fn right(right: Right) -> i32 {
    match right {
        Right::Access => types::Right::Access.into(),
    }
}

pub(crate) fn located(located: Located) -> i32 {
    match located {
        Located::Found => wire::LocateOutcome::Found.into(),
        Located::NotFound => wire::LocateOutcome::NotFound.into(),
        Located::NeedsIdentity => wire::LocateOutcome::NeedsIdentity.into(),
    }
}

pub(crate) fn state(state: State) -> i32 {
    match state {
        State::Pending | State::Held => wire::ExportState::Pending.into(),
        State::Running => wire::ExportState::Running.into(),
        State::Attested => wire::ExportState::Attested.into(),
        State::Finished | State::Expired => wire::ExportState::Finished.into(),
    }
}

pub(crate) fn dataset(dataset: DatasetInfo) -> wire::Dataset {
    wire::Dataset {
        key: dataset.shown.into(),
        name: dataset.name.unwrap_or_default(),
        connected: dataset.connected,
        collections: dataset.collections,
    }
}

pub(crate) fn event(event: Event) -> wire::WatchExportResponse {
    use wire::watch_export_response::Event as Wire;
    let event = match event {
        Event::GenerationStarted(generation) => Wire::GenerationStarted(wire::GenerationStarted { generation }),
        Event::Table(found) => Wire::Table(table(found)),
        Event::Part(generation, found) => Wire::Part(part(generation, found)),
        Event::Preview(found) => Wire::Preview(preview::preview(found)),
        Event::Information(found) => Wire::Information(information::information(found)),
        Event::Pending { reason, retry_at } => {
            let retry_at =
                retry_at.map(|at| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() });
            Wire::Pending(wire::Pending { reason, retry_at })
        }
        Event::Attested { envelope, parts } => Wire::Attested(wire::Attested { attestation: envelope, parts }),
    };
    wire::WatchExportResponse { event: Some(event) }
}

pub(crate) fn chunk(chunk: Chunk) -> wire::ReadPartResponse {
    wire::ReadPartResponse { offset: chunk.offset, data: chunk.data }
}

fn table(table: Table) -> wire::Table {
    wire::Table {
        dataset: table.dataset.into(),
        collection: table.collection,
        title: table.title.unwrap_or_default(),
        description: table.description.unwrap_or_default(),
        fields: table.fields.into_iter().map(field).collect(),
        primary_key: table.primary_key,
        foreign_keys: table.foreign_keys.into_iter().map(foreign_key).collect(),
        labels: labels(table.labels),
        dataset_labels: labels(table.dataset_labels),
        marks: table.marks.into_iter().map(redaction::reason).map(i32::from).collect(),
    }
}

fn field(field: Field) -> wire::Field {
    wire::Field {
        name: field.name,
        r#type: field.kind.as_str().to_owned(),
        format: field.format.unwrap_or_default(),
        title: field.title.unwrap_or_default(),
        description: field.description.unwrap_or_default(),
        categories: field.categories,
        labels: labels(field.labels),
        codes: field
            .codes
            .into_iter()
            .map(|code| wire::Code { value: code.value, labels: texts(code.labels) })
            .collect(),
        unit: field.unit.unwrap_or_default(),
        shown_as: field.shown_as.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
    }
}

/// Absent when there are none.
fn labels(labels: Labels) -> Option<wire::Labels> {
    (!labels.is_empty())
        .then(|| wire::Labels { titles: texts(labels.titles), descriptions: texts(labels.descriptions) })
}

fn texts(texts: Texts) -> HashMap<String, String> {
    texts.0.into_iter().map(|(language, text)| (language.into(), text)).collect()
}

fn foreign_key(key: ForeignKey) -> wire::ForeignKey {
    wire::ForeignKey {
        fields: key.fields,
        dataset: key.dataset.into(),
        collection: key.collection,
        reference_fields: key.reference_fields,
    }
}

fn part(generation: u32, part: Part) -> wire::Part {
    wire::Part {
        generation,
        index: part.index,
        path: part.path.into(),
        dataset: part.dataset.into(),
        collection: part.collection,
        kind: match part.kind {
            PartKind::Table => wire::PartKind::Table.into(),
            PartKind::Attachment => wire::PartKind::Attachment.into(),
        },
        media_type: part.media_type,
        encoding: match part.encoding {
            Encoding::Deflate => wire::PartEncoding::Deflate.into(),
            Encoding::Identity => wire::PartEncoding::Identity.into(),
        },
        rows: part.rows,
        bytes: part.bytes,
        encoded_bytes: part.encoded_bytes,
        crc32: part.crc32,
        sha256: part.sha256.as_bytes().to_vec(),
        encoded_sha256: part.encoded_sha256.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named_by_its_place_and_never_by_its_value() {
        let given = |kind: &str, value: &str| types::Identifier { r#type: kind.to_owned(), value: value.to_owned() };
        assert_eq!(identifiers(&[given("email", " anna@example.org ")]).unwrap()[0].value.expose(), "anna@example.org");
        let error =
            identifiers(&[given("E-mail", "anna"), given("email", "an\u{0}na"), given("email", " ")]).unwrap_err();
        let fields: Vec<&str> = error.fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["identifiers[0].type", "identifiers[1].value", "identifiers[2].value"]);
        assert!(!error.to_string().contains("na@") && !error.to_string().contains("an\u{0}"));
        assert!(identifiers(&[]).is_err());
        assert!(identifiers(&vec![given("email", "a"); MAX_IDENTIFIERS + 1]).is_err());
        assert!(table_format(7).is_err());
        assert!(instruction("not-a-uuid").is_err());
    }

    #[test]
    fn a_reception_in_the_future_or_outside_of_time_is_refused() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let given = |seconds, nanos| received_at(Some(&prost_types::Timestamp { seconds, nanos }), now);
        assert_eq!(received_at(None, now), Ok(None));
        let second = now.as_second();
        assert_eq!(given(second - 86_400, 5).unwrap().unwrap().subsec_nanosecond(), 5);
        assert!(given(second + 60, 0).is_ok(), "clocks may differ");
        for (seconds, nanos) in
            [(second + 60, 1), (second + 86_400, 0), (i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)]
        {
            let error = given(seconds, nanos).unwrap_err();
            assert_eq!(error.fields[0].0, "received_at", "{seconds} {nanos}");
        }
    }
}
