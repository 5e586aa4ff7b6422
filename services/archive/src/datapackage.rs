//! `datapackage.json` of an entity: a Frictionless Data Package from which the entity's part list and tables can be
//! read back, so that anyone can recompute what the entity attested.

mod shared;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tributary_model::id::{EntityId, FidesKey};

use crate::digest::Sha256Hex;
use crate::json;
use crate::part::{Encoding, Part, PartKind, PartPath};
use crate::redaction::RedactionReason;
use crate::table::{Code, Field, FieldKind, ForeignKey, Labels, Table, is_blank};
use shared::Shared;

/// The file. Properties that the Data Package specification does not have stand under `tributary`.
///
/// Written from parts and tables as they are: a person may have thousands of parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataPackage<'a> {
    name: Cow<'a, EntityId>,
    title: Cow<'a, str>,
    created: Timestamp,
    resources: Vec<Resource<'a>>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource<'a> {
    name: String,
    #[serde(rename = "type")]
    kind: ResourceType,
    #[serde(default, skip_serializing_if = "is_none_or_blank")]
    title: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_none_or_blank")]
    description: Option<Cow<'a, str>>,
    path: Cow<'a, PartPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<Cow<'a, str>>,
    mediatype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    bytes: u64,
    hash: String,
    /// One for all parts of a table: a person's table may have hundreds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<Arc<Shared>>,
    tributary: Carried<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResourceType {
    Table,
    File,
}

/// How lines of JSON are to be read: one object each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dialect {
    json: JsonDialect,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonDialect {
    keyed: bool,
}

/// Table Schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Schema {
    fields: Vec<SchemaField>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    primary_key: Vec<String>,
    /// What stands for no value: nothing, and the marks of what is hidden. Absent: nothing alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing_values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SchemaField {
    name: String,
    #[serde(rename = "type")]
    kind: FieldKind,
    #[serde(default, skip_serializing_if = "is_blank")]
    format: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    description: Option<String>,
    /// Fideslang data categories. `categories` would mean a list of allowed values there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data_categories: Vec<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    codes: Vec<Code>,
    #[serde(default, skip_serializing_if = "is_blank")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_as: Option<FieldKind>,
}

/// What the specification has no property for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Carried<'a> {
    part: u32,
    dataset: Cow<'a, FidesKey>,
    collection: Cow<'a, str>,
    rows: u64,
    crc32: String,
    encoding: Encoding,
    encoded_bytes: u64,
    encoded_sha256: Sha256Hex,
    /// References. Not `foreignKeys` of the schema: that needs the row referred to in one named file, and a
    /// person's rows refer to ones that are not theirs, or lie in another part.
    #[serde(default, skip_serializing_if = "<[ForeignKey]>::is_empty")]
    references: Cow<'a, [ForeignKey]>,
    /// The table's title and description in several languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    labels: Cow<'a, Labels>,
    /// The dataset's.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    dataset_labels: Cow<'a, Labels>,
}

/// Parts that belong to no table that is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("part {0} belongs to a collection that no table describes")]
pub(crate) struct Undescribed(pub(crate) u32);

impl<'a> DataPackage<'a> {
    /// Describes an entity's parts.
    pub(crate) fn new(
        entity: &'a EntityId,
        title: &'a str,
        created: Timestamp,
        tables: &'a [Table],
        parts: &'a [Part],
    ) -> Result<Self, Undescribed> {
        let described = |table| (table, Arc::new(Shared::new(Schema::new(table))));
        let tables: BTreeMap<_, _> =
            tables.iter().map(|t| ((&t.dataset, t.collection.as_str()), described(t))).collect();
        let resources = parts.iter().map(|part| {
            let table = tables.get(&(&part.dataset, part.collection.as_str()));
            match (part.kind, table) {
                (PartKind::Table, None) => Err(Undescribed(part.index)),
                (PartKind::Table, table) => Ok(Resource::new(part, table)),
                (PartKind::Attachment, _) => Ok(Resource::new(part, None)),
            }
        });
        let resources = resources.collect::<Result<_, _>>()?;
        Ok(Self { name: Cow::Borrowed(entity), title: title.into(), created, resources })
    }

    pub(crate) fn to_file(&self) -> Vec<u8> {
        let file = json::to_file(self);
        let schemas = self.resources.iter().filter_map(|resource| resource.schema.as_deref());
        shared::put(schemas, &String::from_utf8_lossy(&file)).into_bytes()
    }

    /// Whether the heading is the one for this entity.
    pub(crate) fn is_headed(&self, entity: &EntityId, title: &str, created: Timestamp) -> bool {
        *self.name == *entity && self.title == title && self.created == created
    }
}

impl DataPackage<'static> {
    /// Reads the file back. Everything in it must be what [`DataPackage::new`] makes of the parts and tables found.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, Vec<Part>, Vec<Table>), String> {
        let package: Self = json::read(bytes)?;
        let parts: Vec<Part> = package
            .resources
            .iter()
            .map(Resource::part)
            .collect::<Option<_>>()
            .ok_or("a resource's hash or checksum cannot be read")?;
        let mut tables: BTreeMap<(FidesKey, String), Table> = BTreeMap::new();
        for table in package.resources.iter().filter_map(Resource::table) {
            let key = (table.dataset.clone(), table.collection.clone());
            if tables.insert(key, table.clone()).is_some_and(|before| before != table) {
                return Err("two parts of one collection are described differently".to_owned());
            }
        }
        let tables: Vec<Table> = tables.into_values().collect();
        let again = DataPackage::new(&package.name, &package.title, package.created, &tables, &parts);
        if again.is_ok_and(|again| again == package && again.to_file() == bytes) {
            Ok((package, parts, tables))
        } else {
            Err("it is not spelt as the profile has it".to_owned())
        }
    }
}

impl<'a> Resource<'a> {
    fn new(part: &'a Part, described: Option<&(&'a Table, Arc<Shared>)>) -> Self {
        let table = described.map(|(table, _)| *table);
        let lines = part.media_type == "application/x-ndjson";
        let format = match (part.kind, part.media_type.as_str()) {
            (PartKind::Table, "text/csv") => Some("csv".into()),
            (PartKind::Table, _) if lines => Some("ndjson".into()),
            _ => None,
        };
        let is_table = part.kind == PartKind::Table;
        Self {
            name: name(part),
            kind: if is_table { ResourceType::Table } else { ResourceType::File },
            title: table.and_then(|t| t.title.as_deref()).map(Cow::Borrowed),
            description: table.and_then(|t| t.description.as_deref()).map(Cow::Borrowed),
            path: Cow::Borrowed(&part.path),
            format,
            mediatype: part.media_type.as_str().into(),
            encoding: is_table.then(|| "utf-8".into()),
            dialect: (is_table && lines).then_some(Dialect { json: JsonDialect { keyed: true } }),
            bytes: part.bytes,
            hash: format!("sha256:{}", part.sha256),
            schema: described.map(|(_, schema)| Arc::clone(schema)),
            tributary: Carried {
                part: part.index,
                dataset: Cow::Borrowed(&part.dataset),
                collection: part.collection.as_str().into(),
                rows: part.rows,
                crc32: format!("{:08x}", part.crc32),
                encoding: part.encoding,
                encoded_bytes: part.encoded_bytes,
                encoded_sha256: part.encoded_sha256,
                references: table.map(|t| Cow::Borrowed(t.foreign_keys.as_slice())).unwrap_or_default(),
                labels: table.map(|t| Cow::Borrowed(&t.labels)).unwrap_or_default(),
                dataset_labels: table.map(|t| Cow::Borrowed(&t.dataset_labels)).unwrap_or_default(),
            },
        }
    }

    fn part(&self) -> Option<Part> {
        let carried = &self.tributary;
        Some(Part {
            index: carried.part,
            path: self.path.clone().into_owned(),
            dataset: carried.dataset.clone().into_owned(),
            collection: carried.collection.clone().into_owned(),
            kind: match self.kind {
                ResourceType::Table => PartKind::Table,
                ResourceType::File => PartKind::Attachment,
            },
            media_type: self.mediatype.clone().into_owned(),
            encoding: carried.encoding,
            rows: carried.rows,
            bytes: self.bytes,
            encoded_bytes: carried.encoded_bytes,
            crc32: u32::from_str_radix(&carried.crc32, 16).ok()?,
            sha256: self.hash.strip_prefix("sha256:")?.parse().ok()?,
            encoded_sha256: carried.encoded_sha256,
        })
    }

    fn table(&self) -> Option<Table> {
        let schema = self.schema.as_ref()?.schema();
        Some(Table {
            dataset: self.tributary.dataset.clone().into_owned(),
            collection: self.tributary.collection.clone().into_owned(),
            title: self.title.clone().map(Cow::into_owned),
            description: self.description.clone().map(Cow::into_owned),
            fields: schema.fields.iter().map(SchemaField::field).collect(),
            primary_key: schema.primary_key.clone(),
            foreign_keys: self.tributary.references.clone().into_owned(),
            labels: self.tributary.labels.clone().into_owned(),
            dataset_labels: self.tributary.dataset_labels.clone().into_owned(),
            marks: schema.missing_values.iter().filter_map(|text| RedactionReason::of_mark(text)).collect(),
        })
    }
}

fn is_none_or_blank(text: &Option<Cow<'_, str>>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

/// A resource's name: unique through the index, and of the characters that every version of the specification allows.
fn name(part: &Part) -> String {
    let slug: String = part.path.as_str().to_ascii_lowercase().chars().map(allowed_in_name).collect();
    format!("{:04}-{slug}", part.index)
}

fn allowed_in_name(c: char) -> char {
    if c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c) { c } else { '-' }
}

impl Schema {
    fn new(table: &Table) -> Self {
        let fields = table.fields.iter().map(SchemaField::new).collect();
        let marks = table.marks.iter().map(|reason| reason.mark());
        let missing = marks.enumerate().flat_map(|(n, mark)| ["", mark].into_iter().skip(usize::from(n > 0)));
        Self { fields, primary_key: table.primary_key.clone(), missing_values: missing.map(str::to_owned).collect() }
    }
}

impl SchemaField {
    fn new(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            kind: field.kind,
            format: field.format.clone(),
            title: field.title.clone(),
            description: field.description.clone(),
            data_categories: field.categories.clone(),
            labels: field.labels.clone(),
            codes: field.codes.clone(),
            unit: field.unit.clone(),
            shown_as: field.shown_as,
        }
    }

    fn field(&self) -> Field {
        Field {
            name: self.name.clone(),
            kind: self.kind,
            format: self.format.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            categories: self.data_categories.clone(),
            labels: self.labels.clone(),
            codes: self.codes.clone(),
            unit: self.unit.clone(),
            shown_as: self.shown_as,
        }
    }
}
