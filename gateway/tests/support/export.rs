//! What an honest agent hands over: tables, parts with their bytes, and the attestation that covers them.

use flate2::{Compress, Compression, FlushCompress};
use tributary_archive::attestation::{Answer, Attestation, PartsSummary, Searched};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::{self, Information, Processing, SystemInformation};
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest};
use tributary_archive::preview::{self, OverviewField, Preview, PreviewCell};
use tributary_archive::redaction::RedactionReason;
use tributary_archive::table::{self, Code, Field, FieldKind, Labels, Table};
use tributary_model::disposition::Disposition;
use tributary_model::language::Texts;
use tributary_proto::agent::v1;

/// A name that somebody has in a database, markup, marks and all.
pub(crate) const MARKUP: &str = "<script>alert('x')</script></table>\u{202e}\u{0}&amp;";

/// One generation of an export.
#[derive(Clone)]
pub(crate) struct Export {
    pub(crate) disposition: Disposition,
    pub(crate) tables: Vec<Table>,
    pub(crate) parts: Vec<Part>,
    /// The parts' bytes as carried.
    pub(crate) carried: Vec<Vec<u8>>,
    pub(crate) previews: Vec<Preview>,
    pub(crate) information: Option<Information>,
}

impl Export {
    /// An export that hands nothing over.
    pub(crate) fn empty(disposition: Disposition) -> Self {
        Self {
            disposition,
            tables: Vec::new(),
            parts: Vec::new(),
            carried: Vec::new(),
            previews: Vec::new(),
            information: None,
        }
    }

    /// Three slices of one table, a document, a preview of them, and a record of processing.
    pub(crate) fn sample() -> Self {
        let mut export = Self { tables: vec![customer()], ..Self::empty(Disposition::Fulfilled) };
        for slice in 1..=3_u32 {
            let rows = 2000;
            let lines: String =
                (0..rows).map(|row| format!("{},customer {}\r\n", slice * rows + row, row * 7919)).collect();
            export.push_table(format!("id,name\r\n{lines}").as_bytes(), u64::from(rows));
        }
        export.push_document(&incompressible(100_000));
        export.previews.push(export.preview());
        export.information = Some(record());
        export
    }

    /// The first rows of the table, with what hostile people put into databases.
    fn preview(&self) -> Preview {
        let text = |text: &str| PreviewCell::Text(text.to_owned());
        let document = self.parts.iter().rfind(|part| part.kind == PartKind::Attachment).expect("there is a document");
        let row = |id: &str, cell| vec![text(id), cell];
        Preview {
            dataset: "crm".parse().unwrap(),
            collection: "customer".to_owned(),
            total_rows: self.parts.iter().map(|part| part.rows).sum(),
            rows: vec![
                row("2000", text(MARKUP)),
                row("2001", PreviewCell::Null),
                row("2002", PreviewCell::File { file: document.path.to_string() }),
                row("2003", PreviewCell::Cut { cut: "x".repeat(2048), bytes: 1 << 20 }),
                row("2004", PreviewCell::Redacted { redacted: RedactionReason::FreeText }),
            ],
            overview: vec![OverviewField { field: "name".to_owned(), values: vec![MARKUP.to_owned()], more: true }],
        }
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
        events.extend(self.previews.iter().map(|preview| Event::Preview(wire_preview(preview))));
        events.extend(self.information.iter().map(|information| Event::Information(wire_information(information))));
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
        attestation.previews_sha256 = (!self.previews.is_empty()).then(|| preview::digest(&self.previews));
        attestation.information_sha256 = self.information.as_ref().map(information::digest);
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
        labels: Labels { titles: texts(&[("fr-BE", "Nom <b>")]), descriptions: texts(&[("en", "a\nname")]) },
        codes: vec![Code { value: "X".to_owned(), labels: texts(&[("de", "unbekannt")]) }],
        unit: Some("kg".to_owned()),
        shown_as: Some(FieldKind::Date),
    };
    Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: Some("Customers".to_owned()),
        description: None,
        fields: vec![field("id", FieldKind::Integer), field("name", FieldKind::String)],
        primary_key: vec!["id".to_owned()],
        foreign_keys: Vec::new(),
        labels: Labels {
            titles: texts(&[("en", "Customers"), ("ar", "العملاء")]), descriptions: Texts::default()
        },
        dataset_labels: Labels {
            titles: texts(&[("fr", "Clientèle")]),
            descriptions: texts(&[("en", "All\ncustomers")]),
        },
        marks: vec![RedactionReason::ThirdParty, RedactionReason::FreeText],
    }
}

fn texts(texts: &[(&str, &str)]) -> Texts {
    Texts(texts.iter().map(|(tag, text)| (tag.parse().unwrap(), (*text).to_owned())).collect())
}

fn record() -> Information {
    let processing = Processing {
        data_use: Some("essential.service".to_owned()),
        legal_basis: Some("Contract".to_owned()),
        recipients: vec!["a printer of letters".to_owned()],
        ..Processing::default()
    };
    Information {
        systems: vec![SystemInformation {
            system: "crm_system".parse().unwrap(),
            name: Some("CRM".to_owned()),
            description: Some("two\nlines".to_owned()),
            datasets: vec!["crm".parse().unwrap()],
            joint_controller: None,
            international_transfers: Some(false),
            transfer_safeguards: Vec::new(),
            processing: vec![processing],
        }],
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
                labels: wire_labels(&field.labels),
                codes: field.codes.iter().map(wire_code).collect(),
                unit: field.unit.clone().unwrap_or_default(),
                shown_as: field.shown_as.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            })
            .collect(),
        primary_key: table.primary_key.clone(),
        foreign_keys: Vec::new(),
        labels: wire_labels(&table.labels),
        dataset_labels: wire_labels(&table.dataset_labels),
        marks: table.marks.iter().map(|reason| wire_reason(*reason)).collect(),
    }
}

fn wire_texts(texts: &Texts) -> std::collections::HashMap<String, String> {
    texts.0.iter().map(|(tag, text)| (tag.to_string(), text.clone())).collect()
}

fn wire_labels(labels: &Labels) -> Option<v1::Labels> {
    let wire = v1::Labels { titles: wire_texts(&labels.titles), descriptions: wire_texts(&labels.descriptions) };
    (!labels.is_empty()).then_some(wire)
}

fn wire_reason(reason: RedactionReason) -> i32 {
    // The contract has the reasons in the profile's order, after an unused one.
    RedactionReason::ALL.iter().zip(1..).find(|(one, _)| **one == reason).map_or(0, |(_, number)| number)
}

fn wire_code(code: &Code) -> v1::Code {
    v1::Code { value: code.value.clone(), labels: wire_texts(&code.labels) }
}

/// A preview as the agent sends it.
pub(crate) fn wire_preview(preview: &Preview) -> v1::Preview {
    use v1::preview_cell::Content;
    let cell = |cell: &PreviewCell| v1::PreviewCell {
        content: match cell {
            PreviewCell::Null => None,
            PreviewCell::Text(text) => Some(Content::Text(text.clone())),
            PreviewCell::File { file } => Some(Content::File(file.clone())),
            PreviewCell::Cut { cut, bytes } => Some(Content::Cut(v1::CutText { text: cut.clone(), bytes: *bytes })),
            PreviewCell::Redacted { redacted } => Some(Content::Redacted(wire_reason(*redacted))),
        },
    };
    let overview = |field: &OverviewField| v1::OverviewField {
        field: field.field.clone(),
        values: field.values.clone(),
        more: field.more,
    };
    v1::Preview {
        dataset: preview.dataset.to_string(),
        collection: preview.collection.clone(),
        total_rows: preview.total_rows,
        rows: preview.rows.iter().map(|row| v1::PreviewRow { cells: row.iter().map(cell).collect() }).collect(),
        overview: preview.overview.iter().map(overview).collect(),
    }
}

fn wire_information(information: &Information) -> v1::Information {
    let keys = |keys: &[tributary_model::id::FidesKey]| keys.iter().map(ToString::to_string).collect();
    let processing = |processing: &Processing| v1::Processing {
        name: processing.name.clone(),
        data_use: processing.data_use.clone(),
        categories: processing.categories.clone(),
        data_subjects: processing.data_subjects.clone(),
        legal_basis: processing.legal_basis.clone(),
        special_category_basis: processing.special_category_basis.clone(),
        retention_period: processing.retention_period.clone(),
        recipients: processing.recipients.clone(),
        shared_categories: processing.shared_categories.clone(),
        sources: processing.sources.clone(),
        datasets: keys(&processing.datasets),
    };
    let system = |system: &SystemInformation| v1::SystemInformation {
        system: system.system.to_string(),
        name: system.name.clone(),
        description: system.description.clone(),
        datasets: keys(&system.datasets),
        joint_controller: system.joint_controller.clone(),
        international_transfers: system.international_transfers,
        transfer_safeguards: system.transfer_safeguards.clone(),
        processing: system.processing.iter().map(processing).collect(),
    };
    v1::Information { systems: information.systems.iter().map(system).collect() }
}
