//! The form of a table: columns, keys and references, with what they are called in several languages.

use std::collections::{BTreeMap, HashMap};

use tributary_archive::table::{Code, Field, ForeignKey, Labels, Table};
use tributary_model::language::{Language, Texts};
use tributary_proto::agent::v1;

use super::{
    ConversionError, MAX_FIELDS, MAX_LIST, MAX_NAME, invalid, list, name, parse, prose, redaction, text, words,
};

/// Most languages of one text.
const MAX_LANGUAGES: usize = 64;
/// Most codes of one column.
const MAX_CODES: usize = 4096;
/// Longest unit, in bytes.
const MAX_UNIT: usize = 64;

pub(in crate::entity) fn table(wire: v1::Table) -> Result<Table, ConversionError> {
    Ok(Table {
        dataset: parse("table.dataset", &wire.dataset)?,
        collection: name("table.collection", wire.collection)?,
        title: prose("table.title", wire.title)?,
        description: prose("table.description", wire.description)?,
        fields: list("table.fields", MAX_FIELDS, wire.fields, column)?,
        primary_key: list("table.primary_key", MAX_LIST, wire.primary_key, |key| name("table.primary_key", key))?,
        foreign_keys: list("table.foreign_keys", MAX_LIST, wire.foreign_keys, reference)?,
        labels: labels("table.labels", wire.labels)?,
        dataset_labels: labels("table.dataset_labels", wire.dataset_labels)?,
        marks: redaction::marks(wire.marks)?,
    })
}

fn column(wire: v1::Field) -> Result<Field, ConversionError> {
    Ok(Field {
        name: name("table.fields.name", wire.name)?,
        kind: parse("table.fields.type", &wire.r#type)?,
        format: prose("table.fields.format", wire.format)?,
        title: prose("table.fields.title", wire.title)?,
        description: prose("table.fields.description", wire.description)?,
        categories: list("table.fields.categories", MAX_LIST, wire.categories, |category| {
            name("table.fields.categories", category)
        })?,
        labels: labels("table.fields.labels", wire.labels)?,
        codes: list("table.fields.codes", MAX_CODES, wire.codes, code)?,
        unit: Some(text("table.fields.unit", wire.unit, MAX_UNIT)?).filter(|unit| !unit.is_empty()),
        shown_as: match wire.shown_as.as_str() {
            "" => None,
            kind => Some(parse("table.fields.shown_as", kind)?),
        },
    })
}

fn code(wire: v1::Code) -> Result<Code, ConversionError> {
    Ok(Code {
        value: text("table.fields.codes.value", wire.value, MAX_NAME)?,
        labels: texts("table.fields.codes.labels", wire.labels)?,
    })
}

fn reference(wire: v1::ForeignKey) -> Result<ForeignKey, ConversionError> {
    let names = |field, names| list(field, MAX_LIST, names, |one| name(field, one));
    Ok(ForeignKey {
        fields: names("table.foreign_keys.fields", wire.fields)?,
        dataset: parse("table.foreign_keys.dataset", &wire.dataset)?,
        collection: name("table.foreign_keys.collection", wire.collection)?,
        reference_fields: names("table.foreign_keys.reference_fields", wire.reference_fields)?,
    })
}

fn labels(field: &'static str, wire: Option<v1::Labels>) -> Result<Labels, ConversionError> {
    let wire = wire.unwrap_or_default();
    Ok(Labels { titles: texts(field, wire.titles)?, descriptions: texts(field, wire.descriptions)? })
}

fn texts(field: &'static str, wire: HashMap<String, String>) -> Result<Texts, ConversionError> {
    if wire.len() > MAX_LANGUAGES {
        return Err(invalid(field, format!("must be in at most {MAX_LANGUAGES} languages")));
    }
    let mut texts = BTreeMap::new();
    for (tag, text) in wire {
        let tag: Language = parse(field, &tag)?;
        if texts.insert(tag, words(field, text)?).is_some() {
            return Err(invalid(field, "must have one text for a language"));
        }
    }
    Ok(Texts(texts))
}
