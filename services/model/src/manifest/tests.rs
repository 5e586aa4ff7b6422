use super::*;
use crate::yaml::Problems;

const SHOP: &str = "
dataset:
  - fides_key: shop
    data_categories: [user]
    collections:
      - name: customer
        fields:
          - name: id
            data_categories: [user.unique_id]
            fides_meta: {primary_key: True, data_type: integer}
          - name: email
            fides_meta: {identity: email}
          - name: profile
            fields:
              - name: phones
                fields: [{name: number}]
        extra: ignored
      - name: order
        fidesops_meta: {after: [shop.customer]}
        fields:
          - name: customer_id
            fides_meta:
              references: [{dataset: shop, field: customer.id, direction: from}]
";

fn read(texts: &[&str]) -> Result<Manifests, Problems> {
    let files: Vec<_> = texts.iter().enumerate().map(|(i, t)| (format!("f{i}.yml"), (*t).to_owned())).collect();
    Manifests::from_yaml(&files)
}

fn problems(text: &str) -> String {
    read(&[text]).unwrap_err().to_string()
}

#[test]
fn a_dataset_says_where_in_its_server_it_lies() {
    let text = "dataset: [{fides_key: crm, fides_meta: {namespace: {database_name: eu, schema: sales, other: x}}, collections: []}]";
    let namespace = &read(&[text]).unwrap().datasets[0].namespace;
    assert_eq!((namespace.database.as_deref(), namespace.schema.as_deref()), (Some("eu"), Some("sales")));
    assert_eq!(read(&[SHOP]).unwrap().datasets[0].namespace, Namespace::default());
}

#[test]
fn a_field_says_how_it_is_compared_with_identifiers() {
    let field = |normal: &str, meta: &str| {
        let text = format!(
            "dataset: [{{fides_key: crm, collections: [{{name: c, fields: [{{name: nr, tributary: {{normal: {normal}}}, fides_meta: {{{meta}}}}}]}}]}}]"
        );
        read(&[text.as_str()])
    };
    let manifests = field("digits", "identity: customer_number").unwrap();
    assert_eq!(manifests.datasets[0].collections[0].fields[0].normal, Some(Folding::Digits));
    assert!(field("numeric", "identity: customer_number").unwrap_err().to_string().contains("alphanumeric"));
    assert!(field("digits", "primary_key: true").unwrap_err().to_string().contains("declare its `identity`"));
}

#[test]
fn a_manifest_is_read_as_it_is() {
    let manifests = read(&[SHOP]).unwrap();
    let shop = &manifests.datasets[0];
    let (customer, order) = (&shop.collections[0], &shop.collections[1]);
    assert!(customer.fields[0].primary_key);
    assert_eq!(customer.fields[1].identity.as_ref().unwrap().as_str(), "email");
    assert_eq!(order.after[0].name, "shop.customer");
    let reference = &order.fields[0].references[0];
    assert_eq!(reference.direction, Some(Direction::From));
    assert_eq!(manifests.resolve(reference), Some(FieldRef { dataset: 0, collection: 0, path: vec![0] }));
    let nested = Reference { field: "customer.profile.phones.number".to_owned(), ..reference.clone() };
    assert_eq!(manifests.resolve(&nested).unwrap().path, [2, 0, 0]);
}

#[test]
fn references_lead_across_files() {
    let other = "
dataset:
  - fides_key: crm
    collections:
      - name: contact
        fields:
          - {name: shop_id, fides_meta: {references: [{dataset: shop, field: customer.id}]}}
";
    assert!(read(&[SHOP, other]).is_ok());
    assert!(read(&[other]).unwrap_err().to_string().contains("no manifest declares the dataset `shop`"));
}

#[test]
fn every_problem_of_a_file_is_named_with_its_place() {
    let text = "
dataset:
  - name: no key
    collections:
      - name: c
        fields:
          - {name: a, fides_meta: {length: 0}}
          - {name: b, fides_meta: {data_type: int}}
          - {name: d, fides_meta: {data_type: string, return_all_elements: true}}
          - {name: e, fides_meta: {data_type: string}, fields: [{name: x}]}
          - {name: a}
  - fides_key: k
";
    let found = read(&[text]).unwrap_err();
    let lines: Vec<usize> = found.0.iter().map(|p| p.place.line).collect();
    assert_eq!(lines, [3, 7, 8, 9, 10, 11, 12], "{found}");
    assert!(found.to_string().contains("f0.yml:11:"), "{found}");
}

#[test]
fn a_dangling_reference_is_named_with_its_place() {
    for (bad, why) in [
        ("dataset: shop, field: client.id", "no collection that `client.id` starts with"),
        ("dataset: shop, field: customer.nr", "no field `nr`"),
        ("dataset: shoq, field: customer.id", "no manifest declares the dataset `shoq`"),
    ] {
        let found = problems(&SHOP.replace("dataset: shop, field: customer.id", bad));
        assert!(found.contains("f0.yml:23:") && found.contains(why), "{found}");
    }
}

#[test]
fn nothing_may_reference_a_skipped_collection() {
    let text =
        SHOP.replacen("- name: customer\n", "- name: customer\n        fides_meta: {skip_processing: true}\n", 1);
    assert!(problems(&text).contains("skip_processing"));
}

#[test]
fn an_order_that_bites_its_tail_is_refused_and_a_reference_cycle_is_not() {
    let text = "
dataset:
  - fides_key: d
    collections:
      - name: a
        fides_meta: {after: [d.b]}
        fields: [{name: x, fides_meta: {references: [{dataset: d, field: b.y}]}}]
      - name: b
        fields: [{name: y, fides_meta: {references: [{dataset: d, field: a.x}]}}]
";
    assert!(read(&[text]).is_ok());
    let cyclic = text.replace("- name: b\n", "- name: b\n        fides_meta: {after: [d.a]}\n");
    let found = problems(&cyclic);
    assert!(found.contains("f0.yml:5:") && found.contains("cycle"), "{found}");
    assert!(problems(&text.replace("[d.b]", "[d.z]")).contains("no dataset.collection"));
}

#[test]
fn the_same_name_twice_is_refused_across_files() {
    let found = read(&[SHOP, SHOP]).unwrap_err().to_string();
    assert!(found.contains("f1.yml:3:") && found.contains("the first is at f0.yml:3:"), "{found}");
}

#[test]
fn what_nobody_classified_counts_as_personal() {
    let text = "
dataset:
  - fides_key: d
    collections:
      - {name: unknown, fields: [{name: x}]}
      - {name: machine, data_categories: [system.operations], fields: [{name: x}]}
      - {name: deep, data_categories: [system], fields: [{name: x, fields: [{name: y, data_categories: [user.name]}]}]}
      - {name: alike, data_categories: [username], fields: [{name: x}]}
      - {name: half, fields: [{name: x, data_categories: [system.operations]}, {name: y}]}
      - {name: whole, fields: [{name: x, data_categories: [system.operations]}]}
      - {name: bare, fields: []}
";
    let manifests = read(&[text]).unwrap();
    let personal: Vec<bool> =
        manifests.datasets[0].collections.iter().map(|c| manifests.datasets[0].is_personal(c)).collect();
    assert_eq!(personal, [true, false, true, false, true, false, true]);
}

#[test]
fn a_category_covers_itself_and_what_lies_below() {
    assert!(covers("user.device.cookie", "user.device.cookie.session"));
    assert!(!covers("user.device.cookie", "user.device.cookie_id"));
}

const WORDS: &str = "
dataset:
  - fides_key: crm
    name: CRM
    description: What sales keeps
    tributary: {label: {fr: Clientèle, ar: العملاء}}
    collections:
      - name: t_cust
        description: Customers
        tributary:
          label: {en: Customers, fr: Clients, he: לקוחות}
          description: {fr: Vos coordonnées}
        fields:
          - name: st
            tributary:
              label: Status
              codes: {1: {en: active, fr: actif}, 0: none}
          - name: made
            tributary: {represents: datetime, as: epoch_seconds, unit: s}
          - name: secret
            fides_meta: {redact: name}
      - name: hidden_table
        fides_meta: {redact: name}
        fields: []
  - fides_key: project-x
    name: Project X
    fides_meta: {redact: name}
    collections: []
";

#[test]
fn people_are_told_labels_in_their_languages_with_fideslang_texts_in_english() {
    let manifests = read(&[WORDS]).unwrap();
    let tag = |text: &str| text.parse().unwrap();
    let crm = &manifests.datasets[0];
    assert_eq!(crm.wording.labels.get(&tag("fr")), Some("Clientèle"));
    assert_eq!(crm.wording.labels.get(&tag("ar")), Some("العملاء"), "right-to-left scripts pass unchanged");
    assert_eq!(crm.wording.labels.get(&tag("de")), Some("CRM"));
    let customer = &crm.collections[0];
    assert_eq!(customer.wording.labels.get(&tag("he")), Some("לקוחות"));
    assert_eq!(customer.wording.descriptions.get(&tag("fr")), Some("Vos coordonnées"));
    assert_eq!(customer.wording.descriptions.get(&tag("nl")), Some("Customers"));
    let status = &customer.fields[0];
    let codes: Vec<_> = status.codes.iter().map(|code| (code.value.as_str(), code.labels.get(&tag("fr")))).collect();
    assert_eq!(codes, [("1", Some("actif")), ("0", Some("none"))]);
    let made = &customer.fields[1];
    assert_eq!(made.unit.as_deref(), Some("s"));
    assert_eq!(made.represents, Some(Represents { what: Moment::Datetime, form: MomentForm::EpochSeconds }));
}

#[test]
fn a_hidden_name_gives_way_to_a_neutral_one_of_its_own() {
    let manifests = read(&[WORDS]).unwrap();
    let crm = &manifests.datasets[0];
    assert_eq!((crm.shown.as_str(), crm.collections[0].shown.as_str()), ("crm", "t_cust"));
    assert_eq!(
        (crm.collections[0].fields[2].shown.as_str(), crm.collections[1].shown.as_str()),
        ("field-3", "collection-2")
    );
    assert_eq!(manifests.datasets[1].shown.as_str(), "dataset-2");
    assert!(manifests.datasets[1].wording.is_empty(), "the Fideslang name is hidden too");
    let taken = WORDS.replace("name: t_cust", "name: collection-2");
    assert_eq!(read(&[&taken]).unwrap().datasets[0].collections[1].shown, "collection-2-");
}

#[test]
fn everything_wrong_below_our_own_key_is_named_with_its_place() {
    let text = "
dataset:
  - fides_key: d
    tributary: {lable: x}
    collections:
      - name: c
        tributary: {codes: {a: b}}
        fides_meta: {redact: all}
        fields:
          - {name: a, tributary: {label: {en: A, english: B}}}
          - {name: b, tributary: {represents: date}}
          - {name: e, tributary: {as: text}}
          - {name: g, tributary: {represents: time, as: text}}
          - {name: h, tributary: {codes: [a]}}
          - {name: i, tributary: {label: ''}}
          - {name: j, tributary: {label: {fr: x, FR: y}}}
          - {name: \"k\\n\"}
          - {name: l, tributary: {unit: []}}
";
    let found = read(&[text]).unwrap_err();
    let lines: Vec<usize> = found.0.iter().map(|p| p.place.line).collect();
    assert_eq!(lines, [4, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18], "{found}");
    let found = found.to_string();
    for part in [
        "`tributary` of a dataset has no key `lable`; known keys are `label`, `description`",
        "`tributary` of a collection has no key `codes`",
        "`represents` needs `as`",
        "a BCP 47 tag",
        "hide it with `fides_meta: {redact: name}`",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn a_system_is_read_with_all_that_a_person_may_ask_for() {
    let text = "
dataset: [{fides_key: crm, collections: []}]
system:
  - fides_key: sales
    name: Sales
    description: |
      Sells.
    dataset_references: [crm]
    does_international_transfers: true
    legal_basis_for_transfers: [SCC]
    joint_controller_info: Acme Group SE
    egress: [{fides_key: mailer, type: system}, {fides_key: user, type: user}]
    ingress: [{fides_key: bureau, type: organization, data_categories: [user.financial]}]
    privacy_declarations:
      - data_use: essential.service
        data_categories: [user.contact]
        data_subjects: [customer]
        legal_basis_for_processing: Contract
        special_category_legal_basis: ' '
        retention_period: Ten years
        third_parties: Auditors
        shared_categories: [user.name]
        egress: [mailer]
";
    let manifests = read(&[text]).unwrap();
    let sales = &manifests.systems[0];
    assert_eq!(sales.description.as_deref(), Some("Sells."));
    assert_eq!(
        (sales.international_transfers, sales.transfer_safeguards.as_slice()),
        (Some(true), ["SCC".to_owned()].as_slice())
    );
    assert_eq!(sales.egress[1], Flow { key: "user".parse().unwrap(), kind: Some("user".to_owned()) });
    assert_eq!(sales.ingress[0].key.as_str(), "bureau");
    let declaration = &sales.declarations[0];
    assert_eq!(declaration.special_category_basis, None);
    assert_eq!(declaration.third_parties.as_deref(), Some("Auditors"));
    assert_eq!(sales.datasets_of(declaration), ["crm".parse().unwrap()]);
}
