//! Reads a downloaded archive as a recipient would: with another ZIP reader, nothing of the product's own.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

/// One row of a table, by column.
pub type Row = Map<String, Value>;

/// An archive in memory.
#[derive(Debug)]
pub struct Archive {
    /// Plain content by name, without the top folder.
    entries: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Reads the file at `path`, every entry inflated and its CRC checked.
    ///
    /// # Errors
    /// When it is not a ZIP with one top folder.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let archive = rawzip::ZipArchive::from_slice(&bytes)?;
        let mut entries = BTreeMap::new();
        let mut records = archive.entries();
        while let Some(record) = records.next_entry()? {
            let name = record.file_path().try_normalize()?.as_ref().to_owned();
            let (_, name) = name.split_once('/').with_context(|| format!("{name} lies outside the top folder"))?;
            let method = record.compression_method();
            let entry = archive.get_entry(record.wayfinder())?;
            let mut plain = Vec::new();
            if method == rawzip::CompressionMethod::DEFLATE {
                let inflated = flate2::bufread::DeflateDecoder::new(entry.data());
                entry.verifying_reader(inflated).read_to_end(&mut plain)?;
            } else {
                ensure!(method == rawzip::CompressionMethod::STORE, "{name} has the method {method:?}");
                entry.verifying_reader(entry.data()).read_to_end(&mut plain)?;
            }
            ensure!(entries.insert(name.to_owned(), plain).is_none(), "{name} stands twice in the archive");
        }
        Ok(Self { entries })
    }

    /// Names of all entries, without the top folder.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The plain content of an entry.
    ///
    /// # Errors
    /// When there is no such entry.
    pub fn bytes(&self, name: &str) -> Result<&[u8]> {
        self.entries.get(name).map(Vec::as_slice).with_context(|| format!("the archive has no {name}"))
    }

    /// An entry as JSON.
    ///
    /// # Errors
    /// When there is no such entry or it is no JSON.
    pub fn json(&self, name: &str) -> Result<Value> {
        serde_json::from_slice(self.bytes(name)?).with_context(|| name.to_owned())
    }

    /// Every byte that came from an entity.
    pub fn of_entity(&self, entity: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let prefix = format!("data/entities/{entity}/");
        self.entries
            .iter()
            .filter(move |(name, _)| name.starts_with(&prefix))
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The rows of a collection over all its parts, whatever format they are in.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub fn rows(&self, entity: &str, dataset: &str, collection: &str) -> Result<Vec<Row>> {
        let prefix = format!("data/entities/{entity}/{dataset}/{collection}-");
        let mut rows = Vec::new();
        for (name, bytes) in self.entries.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            if name.ends_with(".ndjson") {
                for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    rows.push(serde_json::from_slice(line).with_context(|| name.clone())?);
                }
            } else if name.ends_with(".csv") {
                let mut reader = csv::Reader::from_reader(bytes.as_slice());
                for record in reader.deserialize::<BTreeMap<String, String>>() {
                    let record = record.with_context(|| name.clone())?;
                    rows.push(record.into_iter().map(|(key, value)| (key, Value::String(value))).collect());
                }
            }
        }
        Ok(rows)
    }

    /// Disposition of each entity as `completeness.json` says it.
    ///
    /// # Errors
    /// When the file is missing or has another form.
    pub fn dispositions(&self) -> Result<BTreeMap<String, String>> {
        let completeness = self.json("completeness.json")?;
        let entities = completeness["entities"].as_array().context("completeness.json lists no entities")?;
        let pair = |entity: &Value| {
            let id = entity["entity"].as_str().or(entity["id"].as_str())?;
            Some((id.to_owned(), entity["disposition"].as_str()?.to_owned()))
        };
        entities
            .iter()
            .map(|entity| pair(entity).with_context(|| format!("an entity without a name: {entity}")))
            .collect()
    }
}

/// A cell as text, as a spreadsheet would show it; `None` for NULL and missing.
pub fn cell(row: &Row, column: &str) -> Option<String> {
    match row.get(column)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
