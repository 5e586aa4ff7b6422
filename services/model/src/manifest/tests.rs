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
