//! What an honest agent hands over: tables, parts with their bytes, and the attestation that covers them.

use flate2::{Compress, Compression, FlushCompress};
use tributary_archive::attestation::{Answer, Attestation, PartsSummary, Searched};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::table::{self, Field, FieldKind, Labels, Table};
use tributary_model::disposition::Disposition;
use tributary_proto::agent::v1;

/// One generation of an export.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) disposition: Disposition,
    pub(crate) tables: Vec<Table>,
    pub(crate) parts: Vec<Part>,
    /// The parts' bytes as carried.
    pub(crate) carried: Vec<Vec<u8>>,
}

impl Export {
    /// An export that hands nothing over.
    pub(crate) fn empty(disposition: Disposition) -> Self {
        Self { disposition, tables: Vec::new(), parts: Vec::new(), carried: Vec::new() }
    }

    /// Three slices of one table and a document.
    pub(crate) fn sample() -> Self {
        let mut export = Self { tables: vec![customer()], ..Self::empty(Disposition::Fulfilled) };
        for slice in 1..=3_u32 {
            let rows = 2000;
            let lines: String =
                (0..rows).map(|row| format!("{},customer {}\r\n", slice * rows + row, row * 7919)).collect();
            export.push_table(format!("id,name\r\n{lines}").as_bytes(), u64::from(rows));
        }
        export.push_document(&incompressible(100_000));
        export
    }

    /// One document of `size` bytes that no compression makes smaller.
    pub(crate) fn document(size: usize) -> Self {
        let mut export = Self::empty(Disposition::Fulfilled);
        export.push_document(&incompressible(size));
        export
    }

    fn push_table(&mut self, plain: &[u8], rows: u64) {
        let mut carried = Vec::with_capacity(plain.len() + 1024);
        Compress::new(Compression::new(1), false).compress_vec(plain, &mut carried, FlushCompress::Finish).unwrap();
        let path = format!("crm/customer-{:04}.csv", self.parts.len() + 1);
        self.push(path, PartKind::Table, Encoding::Deflate, rows, plain, carried);
    }

    fn push_document(&mut self, plain: &[u8]) {
        let path = format!("crm/documents/{:04}.bin", self.parts.len() + 1);
        self.push(path, PartKind::Attachment, Encoding::Identity, 0, plain, plain.to_vec());
    }

    fn push(&mut self, path: String, kind: PartKind, encoding: Encoding, rows: u64, plain: &[u8], carried: Vec<u8>) {
        self.parts.push(Part {
            index: self.parts.len() as u32 + 1,
            path: path.parse().unwrap(),
            dataset: "crm".parse().unwrap(),
            collection: "customer".to_owned(),
            kind,
            media_type: if kind == PartKind::Table { "text/csv" } else { "application/octet-stream" }.to_owned(),
            encoding,
            rows,
            bytes: plain.len() as u64,
            encoded_bytes: carried.len() as u64,
            crc32: crc32fast::hash(plain),
            sha256: Sha256Hex::of(plain),
            encoded_sha256: Sha256Hex::of(&carried),
        });
        self.carried.push(carried);
    }

    /// Everything that a watcher of generation `generation` hears, but for the end.
    pub(crate) fn events(&self, generation: u32) -> Vec<v1::watch_export_response::Event> {
        use v1::watch_export_response::Event;
        let mut events = vec![Event::GenerationStarted(v1::GenerationStarted { generation })];
        events.extend(self.tables.iter().map(|table| Event::Table(wire_table(table))));
        events.extend(self.parts.iter().map(|part| Event::Part(wire_part(part, generation))));
        events
    }

    /// Sums, answers and digests of an attestation that covers this export; who, when and what for stay as given.
    pub(crate) fn fill(&self, attestation: &mut Attestation) {
        let sum = |of: fn(&Part) -> u64| self.parts.iter().map(of).sum();
        let rows = sum(|part| part.rows);
        attestation.disposition = self.disposition;
        attestation.answers = vec![Answer {
            controller: attestation.entity.clone(),
            dataset: "crm".parse().unwrap(),
            disposition: self.disposition,
            reason: Some("as the script says".to_owned()),
            rows,
            snapshot_at: None,
        }];
        attestation.searched =
            vec![Searched { dataset: "crm".parse().unwrap(), collection: "customer".to_owned(), rows }];
        attestation.parts = PartsSummary {
            count: self.parts.len() as u32,
            bytes: sum(|part| part.bytes),
            encoded_bytes: sum(|part| part.encoded_bytes),
            rows,
            sha256: PartListDigest::of(&self.parts),
        };
        attestation.tables_sha256 = table::digest(&self.tables);
    }
}

fn customer() -> Table {
    let field = |name: &str, kind| Field {
        name: name.to_owned(),
        kind,
        format: None,
        title: None,
        description: None,
        categories: vec!["user".to_owned()],
        labels: Labels::default(),
        codes: Vec::new(),
        unit: None,
    };
    Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: Some("Customers".to_owned()),
        description: None,
        fields: vec![field("id", FieldKind::Integer), field("name", FieldKind::String)],
        primary_key: vec!["id".to_owned()],
        foreign_keys: Vec::new(),
        labels: Labels::default(),
    }
}

/// Bytes that repeat in no way that deflate finds, the same each time.
fn incompressible(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(size)
    .collect()
}

fn wire_part(part: &Part, generation: u32) -> v1::Part {
    v1::Part {
        generation,
        index: part.index,
        path: part.path.to_string(),
        dataset: part.dataset.to_string(),
        collection: part.collection.clone(),
        kind: match part.kind {
            PartKind::Table => v1::PartKind::Table,
            PartKind::Attachment => v1::PartKind::Attachment,
        }
        .into(),
        media_type: part.media_type.clone(),
        encoding: match part.encoding {
            Encoding::Deflate => v1::PartEncoding::Deflate,
            Encoding::Identity => v1::PartEncoding::Identity,
        }
        .into(),
        rows: part.rows,
        bytes: part.bytes,
        encoded_bytes: part.encoded_bytes,
        crc32: part.crc32,
        sha256: part.sha256.as_bytes().to_vec(),
        encoded_sha256: part.encoded_sha256.as_bytes().to_vec(),
    }
}

fn wire_table(table: &Table) -> v1::Table {
    v1::Table {
        dataset: table.dataset.to_string(),
        collection: table.collection.clone(),
        title: table.title.clone().unwrap_or_default(),
        description: table.description.clone().unwrap_or_default(),
        fields: table
            .fields
            .iter()
            .map(|field| v1::Field {
                name: field.name.clone(),
                r#type: field.kind.as_str().to_owned(),
                format: field.format.clone().unwrap_or_default(),
                title: field.title.clone().unwrap_or_default(),
                description: field.description.clone().unwrap_or_default(),
                categories: field.categories.clone(),
                ..v1::Field::default()
            })
            .collect(),
        primary_key: table.primary_key.clone(),
        foreign_keys: Vec::new(),
        labels: None,
    }
}
