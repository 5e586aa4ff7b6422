//! Two tables, CSV and lines of JSON, in which values of every type are hidden, with the counts that go with them.

use std::error::Error;

use tributary_archive::attestation::{Attestation, Searched};
use tributary_archive::part::Part;
use tributary_archive::redaction::{Redaction, RedactionReason};
use tributary_archive::table::{Field, FieldKind, Table};
use tributary_model::disposition::Disposition;

use crate::world::{Content, World, customer, field};

const KINDS: [(&str, FieldKind); 6] = [
    ("whole", FieldKind::Integer),
    ("number", FieldKind::Number),
    ("flag", FieldKind::Boolean),
    ("day", FieldKind::Date),
    ("time", FieldKind::Datetime),
    ("text", FieldKind::String),
];
const SHOWN: [&str; 6] = ["7", "0.5", "true", "1990-01-02", "2026-06-01T08:00:00Z", "'[redacted:ACTOR] is no mark"];

/// Writes the archive: of each table the first row is shown, and the second hidden.
pub(crate) fn write(path: &str) -> Result<(), Box<dyn Error>> {
    let (mut world, mut contributions) = World::sample();
    let hidden = [RedactionReason::ThirdParty.mark(); 6];
    let names = KINDS.map(|(name, _)| name).join(",");
    let csv = format!("id,{names}\r\n1,{}\r\n2,{}\r\n", SHOWN.join(","), hidden.join(","));
    let mut lines =
        Content::csv("crm/lines-0001.ndjson", "lines", 2, format!("{}\n{}\n", line(1, SHOWN), line(2, hidden)));
    lines.media_type = "application/x-ndjson";
    let parts = world.stage("acme-fr", vec![Content::csv("crm/rows-0001.csv", "rows", 2, csv), lines]);
    let tables = ["lines", "rows"].map(table);
    let searched =
        |part: &Part| Searched { dataset: part.dataset.clone(), collection: part.collection.clone(), rows: 2 };
    let counted = |table: &Table| {
        let (dataset, collection) = (table.dataset.clone(), table.collection.clone());
        let one = move |(name, _): (&str, FieldKind)| Redaction {
            dataset: dataset.clone(),
            collection: collection.clone(),
            field: Some(name.to_owned()),
            reason: RedactionReason::ThirdParty,
            count: 1,
        };
        KINDS.map(one)
    };
    let mut redactions: Vec<Redaction> = tables.iter().flat_map(counted).collect();
    redactions.sort();
    let attestation = Attestation {
        searched: parts.iter().map(searched).collect(),
        redactions,
        ..world.attestation("acme-fr", Disposition::Fulfilled, &parts, &tables)
    };
    contributions[0] = world.contribution(&attestation, tables.into(), parts);
    super::write(path, &world, &contributions)
}

fn table(collection: &str) -> Table {
    let fields: Vec<Field> =
        [("id", FieldKind::Integer)].iter().chain(&KINDS).map(|&(name, kind)| field(name, kind)).collect();
    let marks = vec![RedactionReason::ThirdParty, RedactionReason::Actor];
    Table { collection: collection.to_owned(), fields, marks, ..customer() }
}

/// A row as a line of JSON: numbers and flags as such, the rest as text.
fn line(id: u32, cells: [&str; 6]) -> String {
    let plain = |kind: FieldKind, cell: &str| {
        matches!(kind, FieldKind::Integer | FieldKind::Number | FieldKind::Boolean) && !cell.starts_with('[')
    };
    let cell = |((name, kind), cell): ((&str, FieldKind), &str)| match plain(kind, cell) {
        true => format!(",\"{name}\":{cell}"),
        false => format!(",\"{name}\":\"{cell}\""),
    };
    format!("{{\"id\":{id}{}}}", KINDS.into_iter().zip(cells).map(cell).collect::<String>())
}
