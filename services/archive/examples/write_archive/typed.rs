//! One table with the values that loaders get wrong, spelt as agents spell them in CSV.

use std::error::Error;

use tributary_archive::table::{Code, Field, FieldKind, Labels, Table};
use tributary_model::language::Texts;

use crate::world::{Content, World, customer, field};

/// The table as it is to be read back, in lines of JSON: what the loaders are compared with.
pub(crate) const EXPECTED: &str = include_str!("typed.json");

/// Writes the archive; the expected values stand in it as an attachment.
pub(crate) fn write(path: &str) -> Result<(), Box<dyn Error>> {
    let (mut world, mut contributions) = World::sample();
    let contents = vec![
        Content::csv("crm/typed-0001.csv", "typed", 5, rows()),
        Content::attachment("expected.json", "typed", "application/json", EXPECTED.as_bytes()),
    ];
    contributions[0] = world.describes("acme-fr", contents, vec![table()?], Vec::new(), None);
    super::write(path, &world, &contributions)
}

fn table() -> Result<Table, Box<dyn Error>> {
    let texts = |texts: &[(&str, &str)]| -> Result<Texts, Box<dyn Error>> {
        let pairs = texts.iter().map(|(language, text)| Ok((language.parse()?, (*text).to_owned())));
        Ok(Texts(pairs.collect::<Result<_, Box<dyn Error>>>()?))
    };
    let status = Field {
        codes: vec![
            Code { value: "A".to_owned(), labels: texts(&[("en", "active"), ("fr", "actif")])? },
            Code { value: "B".to_owned(), labels: texts(&[("en", "blocked"), ("he", "חסום")])? },
        ],
        ..field("status", FieldKind::String)
    };
    let total = Field { unit: Some("EUR".to_owned()), ..field("total", FieldKind::Number) };
    let since = Field { shown_as: Some(FieldKind::Date), ..field("big", FieldKind::Integer) };
    let fields = vec![
        field("id", FieldKind::Integer),
        since,
        total,
        field("note", FieldKind::String),
        field("born", FieldKind::Date),
        field("seen", FieldKind::Datetime),
        status,
    ];
    let labels = Labels { titles: texts(&[("en", "Typed"), ("ar", "مكتوب")])?, descriptions: Texts::default() };
    let dataset_labels = Labels { titles: texts(&[("en", "Customers"), ("fr", "Clients")])?, ..Labels::default() };
    Ok(Table { collection: "typed".to_owned(), fields, labels, dataset_labels, ..customer() })
}

fn rows() -> String {
    [
        "id,big,total,note,born,seen,status",
        "1,9007199254740993,0.1,\"a \"\"quoted\"\", one\",1990-01-02,2026-06-01T08:00:00Z,A",
        "2,9223372036854775807,1000000,\"two\r\nlines\",2000-02-29,2026-06-01T08:00:00.123Z,B",
        "3,-1,,\"\",,,",
        "4,,-2.5,,1970-01-01,1970-01-01T00:00:00Z,A",
        "5,0,3,שלום עולם — Zoë 日本 😀,0001-01-01,2026-12-31T23:59:59Z,B",
        "",
    ]
    .join("\r\n")
}
