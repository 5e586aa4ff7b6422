//! Cases as they come: a group of five in each language, a complete one, an empty one, an addendum.

use tributary_model::disposition::Disposition;
use tributary_model::language::Language;
use tributary_model::scope::Rule;
use tributary_page::{
    Answer, Attachments, Category, Entity, FileLink, Gap, GapReason, Information, Link, Observed, Page, Processing,
    System, Text, Value,
};

use super::{at, data, language};

pub(crate) fn entity(
    id: &'static str,
    legal_name: &'static str,
    country: &'static str,
    disposition: Disposition,
) -> Entity<'static> {
    Entity {
        id,
        legal_name,
        country,
        authority: None,
        contact: None,
        disposition,
        complete: disposition.is_complete(),
        rule: None,
        observed: None,
        attested_at: None,
        next_at: None,
        answers: Vec::new(),
        not_searched: Vec::new(),
        searched: 3,
        hidden: Vec::new(),
        in_archive: None,
        folder: format!("data/entities/{id}/").into(),
        collections: Vec::new(),
        attachments: Attachments::default(),
        information: None,
    }
}

fn answer(dataset: &'static str, disposition: Disposition, rows: u64) -> Answer<'static> {
    let snapshot_at = Some(at("2026-11-20T09:12:00Z"));
    Answer { controller: None, dataset, disposition, reason: None, rows, snapshot_at }
}

fn belgium(reader: &Language) -> Entity<'static> {
    let mut entity = entity("halden-be", "Halden België NV", "BE", Disposition::Fulfilled);
    entity.authority = Some("Gegevensbeschermingsautoriteit / Autorité de protection des données");
    entity.contact = Some("privacy@halden.be");
    entity.attested_at = Some(at("2026-11-20T09:14:00Z"));
    entity.answers = vec![answer("crm", Disposition::Fulfilled, 1), answer("shop", Disposition::Fulfilled, 12_345)];
    entity.in_archive = Some(1);
    entity.collections = vec![data::customers(reader), data::orders(reader, 60, 12_345), data::messages(reader)];
    entity.hidden = entity.collections.iter().flat_map(|collection| collection.hidden.clone()).collect();
    let document = |path: &'static str, bytes| FileLink { path: path.into(), rows: None, bytes };
    entity.attachments = Attachments {
        files: vec![
            document("attachments/Invoice March 2026.pdf", 184_220),
            document("attachments/contract (signed).pdf", 1_204_332),
            document("attachments/été 100%25.jpg", 2_811_000),
        ],
        total: 3,
        bytes: 4_199_552,
    };
    entity.information = Some(information());
    entity
}

fn information() -> Information<'static> {
    let orders = Processing {
        name: Some("Orders and delivery"),
        data_use: Some("essential.service"),
        categories: vec!["user.name", "user.contact", "user.behavior.purchase_history"],
        legal_basis: Some("Contract"),
        retention_period: Some("10 years after the last order (accounting law)"),
        recipients: vec!["Halden Logistiek BV", "bpost"],
        ..Processing::default()
    };
    let news = Processing {
        name: Some("Newsletter"),
        data_use: Some("marketing.communications.email"),
        categories: vec!["user.contact.email"],
        legal_basis: Some("Consent"),
        ..Processing::default()
    };
    let shop = System {
        key: "shop",
        name: Some("Online shop"),
        description: Some("Orders, deliveries and returns."),
        international_transfers: Some(true),
        transfer_safeguards: vec!["SCC 2021/914, module 2, with the host of the e-mail service in the United States"],
        processing: vec![orders, news],
        ..System::default()
    };
    let support = System {
        key: "support",
        name: Some("Customer support"),
        international_transfers: Some(false),
        processing: vec![Processing {
            data_use: Some("essential.service.operations.support"),
            ..Processing::default()
        }],
        ..System::default()
    };
    Information { systems: vec![shop, support] }
}

fn france(reader: &Language) -> Entity<'static> {
    let mut entity = entity("halden-fr", "Halden France SAS", "FR", Disposition::PartlyFulfilled);
    entity.authority = Some("Commission nationale de l’informatique et des libertés (CNIL)");
    entity.contact = Some("dpo@halden.fr, 12 rue des Martyrs, 75009 Paris");
    entity.attested_at = Some(at("2026-11-20T09:13:00Z"));
    let mut crm = answer("crm", Disposition::PartlyFulfilled, 1);
    crm.reason = Some("Two letters name other people and are withheld (Art. 15(4)).");
    entity.answers = vec![crm];
    entity.not_searched = vec![
        Gap {
            dataset: "paper-archive",
            collection: None,
            reason: GapReason::NotConnected,
            detail: "the archive in Lyon is searched by hand",
        },
        Gap {
            dataset: "crm",
            collection: Some("call_recording"),
            reason: GapReason::NoIdentifierOfType,
            detail: "needs a telephone number",
        },
        Gap { dataset: "crm", collection: Some("country_codes"), reason: GapReason::NotPersonal, detail: "" },
    ];
    entity.next_at = Some(at("2026-12-04T00:00:00Z"));
    entity.in_archive = Some(1);
    entity.collections = vec![data::customers(reader), data::sealed(reader)];
    entity
}

fn netherlands() -> Entity<'static> {
    let mut entity = entity("halden-nl", "Halden Nederland B.V.", "NL", Disposition::Unreachable);
    entity.authority = Some("Autoriteit Persoonsgegevens");
    entity.contact = Some("privacy@halden.nl");
    entity.observed = Some(Observed {
        since: at("2026-11-12T08:00:00Z"),
        last_attempt: Some(at("2026-11-20T08:55:00Z")),
        attempts: 37,
        reason: "the agent's port refused the connection".into(),
    });
    entity
}

fn germany() -> Entity<'static> {
    let mut entity = entity("halden-de", "Halden Deutschland GmbH", "DE", Disposition::NoData);
    entity.authority = Some("Der Hessische Beauftragte für Datenschutz und Informationsfreiheit");
    entity.contact = Some("datenschutz@halden.de");
    entity.attested_at = Some(at("2026-11-19T15:01:00Z"));
    entity
}

fn britain() -> Entity<'static> {
    let mut entity = entity("halden-uk", "Halden (UK) Limited", "GB", Disposition::NotAsked);
    entity.authority = Some("Information Commissioner’s Office");
    entity.rule = Some(Rule::OtherLegalArea);
    entity
}

fn overview(reader: &Language) -> Vec<Category<'static>> {
    let customers = data::customers(reader);
    let title = |at: usize| customers.columns[at].title.unwrap_or(Text::plain(customers.columns[at].name));
    let collection = customers.title.unwrap_or(Text::plain("customer"));
    let value = |entity, column, values: &[&'static str]| Value {
        entity,
        collection,
        column: title(column),
        values: values.to_vec(),
        more: false,
    };
    vec![
        Category {
            key: "user.contact.email",
            differs: true,
            values: vec![
                value("Halden België NV", 2, &["elodie.vandenbroucke@example.org"]),
                value("Halden France SAS", 2, &["e.vandenbroucke@example.com", "elodie@ancien.example"]),
            ],
        },
        Category {
            key: "user.name",
            differs: false,
            values: vec![
                value("Halden België NV", 1, &["Élodie Vandenbroucke"]),
                value("Halden France SAS", 1, &["Élodie Vandenbroucke"]),
            ],
        },
    ]
}

/// Five companies: one answered in full, one in part, one not reached, one without data, one not asked.
pub(crate) fn page(tag: &str) -> Page<'static> {
    let reader = language(tag);
    Page {
        language: reader,
        case: "019a9f3e-7c1d-7e52-9d0b-2f6a1c44b7e1".into(),
        request_ref: Some("PORTAL-2026-11-0042"),
        group: "Halden Group",
        group_version: 7,
        operator: "Halden België NV",
        received_at: at("2026-10-21T14:03:00Z"),
        delivery_date: at("2026-11-20T23:00:00Z"),
        assembled_at: at("2026-11-20T09:15:00Z"),
        complete: false,
        sequence: 1,
        earlier: Vec::new(),
        entities: vec![belgium(reader), germany(), france(reader), netherlands(), britain()],
        overview: overview(reader),
        software: "tributary 0.1.0",
    }
}

/// Everyone answered in full.
pub(crate) fn complete() -> Page<'static> {
    let mut page = page("en");
    page.complete = true;
    page.entities.retain(|entity| entity.complete);
    page.overview.clear();
    page
}

/// Nobody holds anything.
pub(crate) fn empty() -> Page<'static> {
    let mut page = complete();
    for entity in &mut page.entities {
        entity.disposition = Disposition::NoData;
        entity.in_archive = None;
        entity.answers.clear();
        entity.collections.clear();
        entity.attachments = Attachments::default();
        entity.information = None;
    }
    page
}

/// The Dutch company answered after all; one archive between is not recorded.
pub(crate) fn addendum() -> Page<'static> {
    let mut page = page("en");
    let earlier = |sequence, day: &str| Link {
        sequence,
        assembled_at: Some(at(day)),
        complete: Some(false),
        tagmanifest_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    };
    page.sequence = 4;
    page.earlier = vec![earlier(1, "2026-11-20T09:15:00Z"), earlier(3, "2026-11-22T09:15:00Z")];
    page.assembled_at = at("2026-11-25T10:00:00Z");
    page.overview.clear();
    for entity in &mut page.entities {
        entity.collections.clear();
        entity.attachments = Attachments::default();
    }
    let dutch = &mut page.entities[3];
    dutch.disposition = Disposition::Fulfilled;
    dutch.complete = true;
    dutch.observed = None;
    dutch.attested_at = Some(at("2026-11-25T09:58:00Z"));
    dutch.in_archive = Some(4);
    dutch.collections = vec![data::orders(page.language, 8, 8)];
    page
}
