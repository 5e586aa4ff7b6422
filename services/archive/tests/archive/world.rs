//! A group with keys and entities that hand over parts, over the public API. Shared with the example that writes archives.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use tributary_archive::attestation::{Answer, Attestation, NotSearched, NotSearchedReason, PartsSummary, Searched};
use tributary_archive::bag::{Bag, BuildError, CaseFacts, Contribution, Observed, build};
use tributary_archive::digest::Sha256Hex;
use tributary_archive::information::{self, Information, Processing, SystemInformation};
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest, PartPath};
use tributary_archive::preview::{self, OverviewField, Preview, PreviewCell};
use tributary_archive::table::{self, Field, FieldKind, ForeignKey, Labels, Table};
use tributary_archive::verify::{Report, Severity, VerifyOptions, verify};
use tributary_model::disposition::Disposition;
use tributary_model::dsse::{Envelope, payload_type};
use tributary_model::group::signed::Pins;
use tributary_model::group::{PublicEntity, PublicGroup};
use tributary_model::id::{CaseId, EntityId, InstructionId};
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::language::Language;
use tributary_model::right::{Right, TableFormat};
use tributary_model::scope::{Decision, Outcome, Rule};

pub(crate) const RECEIVED: &str = "2026-06-01T08:00:00Z";
pub(crate) const ATTESTED: &str = "2026-06-01T08:05:00Z";
pub(crate) const ASSEMBLED: &str = "2026-06-01T08:10:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A key valid through 2026.
pub(crate) fn valid(key: &SigningKey) -> ValidKey {
    ValidKey {
        public_key: key.public(),
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2027-01-01T00:00:00Z"),
        revoked_at: None,
    }
}

/// One file that an entity hands over.
pub(crate) struct Content {
    pub(crate) path: PartPath,
    pub(crate) collection: String,
    pub(crate) kind: PartKind,
    pub(crate) media_type: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) rows: u64,
    pub(crate) plain: Vec<u8>,
}

impl Content {
    pub(crate) fn csv(path: &str, collection: &str, rows: u64, plain: String) -> Self {
        Self {
            path: path.parse().unwrap(),
            collection: collection.to_owned(),
            kind: PartKind::Table,
            media_type: "text/csv",
            encoding: Encoding::Deflate,
            rows,
            plain: plain.into_bytes(),
        }
    }

    pub(crate) fn attachment(path: &str, collection: &str, media_type: &'static str, plain: &[u8]) -> Self {
        Self {
            path: path.parse().unwrap(),
            collection: collection.to_owned(),
            kind: PartKind::Attachment,
            media_type,
            encoding: Encoding::Identity,
            rows: 0,
            plain: plain.to_vec(),
        }
    }
}

pub(crate) fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(2));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A group, a case, and the parts that were staged for it.
pub(crate) struct World {
    pub(crate) root: SigningKey,
    pub(crate) gateway: SigningKey,
    pub(crate) keys: BTreeMap<EntityId, SigningKey>,
    pub(crate) group: PublicGroup,
    pub(crate) case: CaseId,
    pub(crate) staged: BTreeMap<(EntityId, u32), Vec<u8>>,
}

/// A closed archive with its bytes.
pub(crate) struct Closed {
    pub(crate) bag: Bag,
    pub(crate) bytes: Vec<u8>,
}

impl World {
    pub(crate) fn new(ids: &[&str]) -> Self {
        let key = || SigningKey::generate().unwrap();
        let (root, gateway) = (key(), key());
        let keys: BTreeMap<EntityId, SigningKey> = ids.iter().map(|id| (id.parse().unwrap(), key())).collect();
        let entities = keys.iter().map(|(id, key)| PublicEntity {
            id: id.clone(),
            legal_name: format!("{id} société"),
            country: "FR".parse().unwrap(),
            authority: Some("CNIL".to_owned()),
            contact: None,
            attestation_keys: vec![valid(key)],
        });
        let group = PublicGroup {
            group: "acme".parse().unwrap(),
            name: "Acme\nGroup".to_owned(),
            version: 7,
            issued_at: at("2026-01-01T00:00:00Z"),
            expires_at: at("2027-01-01T00:00:00Z"),
            group_file_sha256: Sha256Hex::of(b"group file").to_string(),
            operator: ids[0].parse().unwrap(),
            gateway_keys: vec![valid(&gateway)],
            entities: entities.collect(),
        };
        Self { root, gateway, keys, group, case: CaseId::new(at(RECEIVED)), staged: BTreeMap::new() }
    }

    pub(crate) fn id(&self, id: &str) -> EntityId {
        id.parse().unwrap()
    }

    pub(crate) fn entity_mut(&mut self, id: &str) -> &mut PublicEntity {
        self.group.entities.iter_mut().find(|entity| entity.id.as_str() == id).unwrap()
    }

    pub(crate) fn pins(&self) -> Pins {
        Pins { keys: vec![self.root.public()], threshold: 1 }
    }

    pub(crate) fn trust(&self) -> Vec<u8> {
        let payload = serde_json::to_vec(&self.group).unwrap();
        Envelope::sign(payload_type::PUBLIC_GROUP, &payload, &self.root).to_json()
    }

    pub(crate) fn facts(&self) -> CaseFacts {
        let decisions = self.group.entities.iter().map(|entity| self.decision(&entity.id, Outcome::Ask)).collect();
        CaseFacts {
            case: self.case,
            request_ref: Some("TICKET-1".to_owned()),
            right: Right::Access,
            format: TableFormat::Csv,
            received_at: at(RECEIVED),
            delivery_date: at("2026-06-21T08:00:00Z"),
            assembled_at: at(ASSEMBLED),
            sequence: 1,
            earlier: Vec::new(),
            language: Language::english(),
            former: Vec::new(),
            public_group: self.group.clone(),
            trust_envelope: self.trust(),
            decisions,
            software: "tributary 0.1.0".to_owned(),
        }
    }

    pub(crate) fn decision(&self, entity: &EntityId, outcome: Outcome) -> Decision {
        Decision {
            entity: entity.clone(),
            outcome,
            rule: if outcome == Outcome::Ask { Rule::SameLegalArea } else { Rule::OtherLegalArea },
            exporter: self.group.operator.clone(),
            exporter_area: "EEA".to_owned(),
            importer_area: "EEA".to_owned(),
            group_version: self.group.version,
        }
    }

    /// Stages `contents` and returns their descriptors.
    pub(crate) fn stage(&mut self, entity: &str, contents: Vec<Content>) -> Vec<Part> {
        let entity = self.id(entity);
        let mut parts = Vec::new();
        for (index, content) in (1..).zip(contents) {
            let encoded = match content.encoding {
                Encoding::Deflate => deflate(&content.plain),
                Encoding::Identity => content.plain.clone(),
            };
            parts.push(Part {
                index,
                path: content.path,
                dataset: "crm".parse().unwrap(),
                collection: content.collection,
                kind: content.kind,
                media_type: content.media_type.to_owned(),
                encoding: content.encoding,
                rows: content.rows,
                bytes: content.plain.len() as u64,
                encoded_bytes: encoded.len() as u64,
                crc32: crc32fast::hash(&content.plain),
                sha256: Sha256Hex::of(&content.plain),
                encoded_sha256: Sha256Hex::of(&encoded),
            });
            self.staged.insert((entity.clone(), index), encoded);
        }
        parts
    }

    /// What an entity attests about `parts`.
    pub(crate) fn attestation(
        &self,
        entity: &str,
        disposition: Disposition,
        parts: &[Part],
        tables: &[Table],
    ) -> Attestation {
        let sum = |field: fn(&Part) -> u64| parts.iter().map(field).sum::<u64>();
        let reason = matches!(disposition, Disposition::Refused | Disposition::Withheld).then(|| "a ground".to_owned());
        let gap = NotSearched {
            dataset: "crm".parse().unwrap(),
            collection: Some("ledger".to_owned()),
            reason: NotSearchedReason::Unavailable,
            detail: "the system did not answer".to_owned(),
        };
        let partly = disposition == Disposition::PartlyFulfilled;
        Attestation {
            entity: self.id(entity),
            case: self.case,
            instruction: InstructionId::new(at(RECEIVED)),
            right: Right::Access,
            generation: 1,
            group_version: self.group.version,
            group_sha256: self.group.group_file_sha256.parse().unwrap(),
            started_at: at(RECEIVED),
            finished_at: at(ATTESTED),
            identifier_types: vec!["email".parse().unwrap()],
            answers: vec![Answer {
                controller: self.id(entity),
                dataset: "crm".parse().unwrap(),
                disposition,
                reason,
                rows: sum(|part| part.rows),
                snapshot_at: Some(at(RECEIVED)),
            }],
            disposition,
            searched: vec![Searched {
                dataset: "crm".parse().unwrap(),
                collection: "customer".to_owned(),
                rows: sum(|part| part.rows),
            }],
            not_searched: if partly { vec![gap] } else { Vec::new() },
            redactions: Vec::new(),
            parts: PartsSummary {
                count: parts.len() as u32,
                bytes: sum(|part| part.bytes),
                encoded_bytes: sum(|part| part.encoded_bytes),
                rows: sum(|part| part.rows),
                sha256: PartListDigest::of(parts),
            },
            tables_sha256: table::digest(tables),
            previews_sha256: None,
            information_sha256: None,
            software: "tributary-agent 0.1.0".to_owned(),
        }
    }

    /// An entity that says something and hands nothing over.
    pub(crate) fn says(&self, entity: &str, disposition: Disposition) -> Contribution {
        let attestation = self.attestation(entity, disposition, &[], &[]);
        self.contribution(&attestation, Vec::new(), Vec::new())
    }

    /// An entity that hands over `contents` of the customer table and attachments, without previews or a record.
    pub(crate) fn hands_over(&mut self, entity: &str, contents: Vec<Content>) -> Contribution {
        self.presents(entity, contents, Vec::new(), None)
    }

    /// An entity that hands over `contents` with previews and its record of processing.
    pub(crate) fn presents(
        &mut self,
        entity: &str,
        contents: Vec<Content>,
        previews: Vec<Preview>,
        information: Option<Information>,
    ) -> Contribution {
        self.describes(entity, contents, vec![customer(), invoice()], previews, information)
    }

    /// As [`World::presents`], with tables of its own.
    pub(crate) fn describes(
        &mut self,
        entity: &str,
        contents: Vec<Content>,
        tables: Vec<Table>,
        previews: Vec<Preview>,
        information: Option<Information>,
    ) -> Contribution {
        let parts = self.stage(entity, contents);
        let used: Vec<Table> =
            tables.into_iter().filter(|t| parts.iter().any(|p| p.collection == t.collection)).collect();
        let attestation = Attestation {
            previews_sha256: (!previews.is_empty()).then(|| preview::digest(&previews)),
            information_sha256: information.as_ref().map(information::digest),
            ..self.attestation(entity, Disposition::Fulfilled, &parts, &used)
        };
        Contribution { previews, information, ..self.contribution(&attestation, used, parts) }
    }

    pub(crate) fn contribution(&self, attestation: &Attestation, tables: Vec<Table>, parts: Vec<Part>) -> Contribution {
        let envelope = attestation.sign(&self.keys[&attestation.entity]).to_json();
        Contribution {
            entity: attestation.entity.clone(),
            disposition: attestation.disposition,
            source: attestation.disposition.source(),
            observed: None,
            attestation: Some(envelope),
            tables,
            previews: Vec::new(),
            information: None,
            archive: Some(1),
            parts,
        }
    }

    pub(crate) fn observed(&self, entity: &str, disposition: Disposition) -> Contribution {
        let reason = "no connection to the agent".to_owned();
        let observed = Observed { since: at(RECEIVED), last_attempt: Some(at(ATTESTED)), attempts: 3, reason };
        Contribution {
            entity: self.id(entity),
            disposition,
            source: disposition.source(),
            observed: Some(observed).filter(|_| disposition != Disposition::NotAsked),
            attestation: None,
            tables: Vec::new(),
            previews: Vec::new(),
            information: None,
            parts: Vec::new(),
            archive: None,
        }
    }

    /// Closes an archive and writes it out.
    pub(crate) fn close(&self, facts: &CaseFacts, contributions: &[Contribution]) -> Result<Closed, BuildError> {
        let bag = build(facts, contributions, &self.gateway)?;
        let bytes = self.range(&bag, 0..bag.len);
        Ok(Closed { bag, bytes })
    }

    pub(crate) fn range(&self, bag: &Bag, range: std::ops::Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        bag.write_range(range, &mut bytes, |entity, part, within, out: &mut Vec<u8>| {
            let staged = &self.staged[&(entity.clone(), part)];
            out.extend_from_slice(&staged[within.start as usize..within.end as usize]);
            Ok(())
        })
        .unwrap();
        bytes
    }

    pub(crate) fn verify(&self, bytes: &[u8]) -> Report {
        let pins = self.pins();
        verify(&mut Cursor::new(bytes), VerifyOptions { group: Some(&pins), predecessor: None })
    }

    /// A world with one entity per way to stand, and their contributions.
    pub(crate) fn sample() -> (Self, Vec<Contribution>) {
        let mut world = World::new(&["acme-be", "acme-de", "acme-fr", "acme-nl"]);
        let contributions = vec![
            world.presents("acme-fr", sample_contents(), sample_previews(), Some(record())),
            world.says("acme-be", Disposition::NoData),
            world.observed("acme-nl", Disposition::Unreachable),
            world.says("acme-de", Disposition::PartlyFulfilled),
        ];
        (world, contributions)
    }
}

pub(crate) fn sample_contents() -> Vec<Content> {
    vec![
        Content::csv("crm/customer-0001.csv", "customer", 2, "id,name,born\n1,Zoë,1990-01-02\n2,=Anna,\n".to_owned()),
        Content::csv("crm/invoice-0001.csv", "invoice", 1, "id,customer,total\n7,1,9.99\n".to_owned()),
        Content::csv("crm/invoice-0002.csv", "invoice", 1, "id,customer,total\n8,1,1e3\n".to_owned()),
        Content::attachment("files/Ausweis (Kopie) é.pdf", "documents", "application/pdf", b"%PDF-1.4 not really"),
    ]
}

/// Previews of the sample's tables, of which one is shown in part.
pub(crate) fn sample_previews() -> Vec<Preview> {
    let text = |text: &str| PreviewCell::Text(text.to_owned());
    let overview = |field: &str, values: &[&str]| OverviewField {
        field: field.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        more: false,
    };
    let preview = |collection: &str, rows, overview| Preview {
        dataset: "crm".parse().unwrap(),
        collection: collection.to_owned(),
        total_rows: 2,
        rows,
        overview,
    };
    let cut = PreviewCell::Cut { cut: "9.9".to_owned(), bytes: 4 };
    let file = PreviewCell::File { file: "files/Ausweis (Kopie) é.pdf".to_owned() };
    vec![
        preview("invoice", vec![vec![text("7"), file, cut]], vec![overview("customer", &["1"])]),
        preview(
            "customer",
            vec![vec![text("1"), text("Zoë"), text("1990-01-02")], vec![text("2"), text("=Anna"), PreviewCell::Null]],
            vec![overview("name", &["Zoë", "=Anna"]), overview("born", &["1990-01-02"])],
        ),
    ]
}

/// A record of processing with a gap.
pub(crate) fn record() -> Information {
    let marketing = Processing {
        name: Some("Newsletter".to_owned()),
        data_use: Some("marketing.communications".to_owned()),
        categories: vec!["user.contact.email".to_owned()],
        legal_basis: Some("Consent".to_owned()),
        recipients: vec!["Post & Co".to_owned(), "Druck <Berlin>".to_owned()],
        ..Processing::default()
    };
    Information {
        systems: vec![SystemInformation {
            system: "crm_system".parse().unwrap(),
            name: Some("Customer care".to_owned()),
            description: None,
            datasets: vec!["crm".parse().unwrap()],
            joint_controller: None,
            international_transfers: Some(true),
            transfer_safeguards: Vec::new(),
            processing: vec![marketing],
        }],
    }
}

pub(crate) fn field(name: &str, kind: FieldKind) -> Field {
    Field {
        name: name.to_owned(),
        kind,
        format: None,
        title: Some(format!("The {name}")),
        description: None,
        categories: vec![format!("user.{name}")],
        labels: Labels::default(),
        codes: Vec::new(),
        unit: None,
        shown_as: None,
    }
}

pub(crate) fn customer() -> Table {
    Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: Some("Customers".to_owned()),
        description: None,
        fields: vec![field("id", FieldKind::Integer), field("name", FieldKind::String), field("born", FieldKind::Date)],
        primary_key: vec!["id".to_owned()],
        foreign_keys: Vec::new(),
        labels: Labels::default(),
        dataset_labels: Labels::default(),
        marks: Vec::new(),
    }
}

pub(crate) fn invoice() -> Table {
    Table {
        collection: "invoice".to_owned(),
        title: Some("Invoices".to_owned()),
        fields: vec![
            field("id", FieldKind::Integer),
            field("customer", FieldKind::Integer),
            field("total", FieldKind::Number),
        ],
        foreign_keys: vec![ForeignKey {
            fields: vec!["customer".to_owned()],
            dataset: "crm".parse().unwrap(),
            collection: "customer".to_owned(),
            reference_fields: vec!["id".to_owned()],
        }],
        ..customer()
    }
}

/// All errors of a report on one line each.
pub(crate) fn errors(report: &Report) -> String {
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{finding}\n")).collect()
}
