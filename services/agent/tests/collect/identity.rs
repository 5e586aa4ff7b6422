//! Identifiers that do not single one person out hand nothing over, whoever the people are.

use tributary_agent::collect::{Located, StopFlag};
use tributary_model::disposition::Disposition;

use super::support::{Entity, request};

const SHOP: &str = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: phone, fides_meta: {identity: phone_number}}
          - {name: number, fides_meta: {identity: customer_number, data_type: integer}}
      - name: purchase
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
          - {name: guest_email, fides_meta: {identity: email}}
          - {name: guest_phone, fides_meta: {identity: phone_number}}
";

fn shop(rows: &str) -> Entity {
    let schema = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, phone TEXT, number INTEGER);
        CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, guest_email TEXT, guest_phone TEXT);
        INSERT INTO customer VALUES (1, 'Anna@X.org', '+49 (30) 12-34', 42), (2, 'bert@x.org', '0301', 43);";
    Entity::shop(SHOP, &format!("{schema}{rows}"))
}

fn located(entity: &Entity, identifiers: &[(&str, &str)]) -> Located {
    let request = request(identifiers);
    let located = entity.load().unwrap().locate(&request.identifiers, &StopFlag::new()).unwrap();
    let parts = entity.try_collect(&request).unwrap();
    assert_eq!(parts.collected.located, located, "both questions have one answer");
    if located == Located::NeedsIdentity {
        assert!(parts.parts.is_empty() && parts.tables.is_empty());
        assert!(parts.collected.answers.iter().all(|a| a.disposition == Disposition::NeedsIdentity && a.rows == 0));
    }
    located
}

#[test]
fn one_person_under_several_identifiers_and_spellings_is_one_person() {
    let entity = shop("");
    for identifiers in [
        &[("email", "anna@x.org")][..],
        &[("email", "ANNA@x.ORG"), ("email", "anna@x.org")],
        &[("phone_number", "+49301234")],
        &[("phone_number", "+49 30 1234"), ("email", "anna@x.org"), ("customer_number", "42")],
        &[("customer_number", "00042")],
        &[("email", "anna@x.org"), ("email", "annas-other@x.org"), ("loyalty", "x")],
    ] {
        assert_eq!(located(&entity, identifiers), Located::Found, "{identifiers:?}");
    }
    assert_eq!(located(&entity, &[("email", "nobody@x.org")]), Located::NotFound);
    assert_eq!(located(&entity, &[("loyalty", "42")]), Located::NotFound);
}

#[test]
fn identifiers_of_two_people_need_identity_whoever_they_are() {
    let entity = shop("");
    for identifiers in [
        &[("email", "anna@x.org"), ("email", "bert@x.org")][..],
        &[("email", "bert@x.org"), ("customer_number", "42")],
        &[("phone_number", "0301"), ("email", "ANNA@x.org")],
    ] {
        assert_eq!(located(&entity, identifiers), Located::NeedsIdentity, "{identifiers:?}");
    }
}

#[test]
fn the_answer_says_neither_who_nor_how_many() {
    let two = shop("");
    let many = shop("INSERT INTO customer SELECT id + 10, email, phone, number FROM customer;");
    let request = request(&[("email", "anna@x.org"), ("email", "bert@x.org")]);
    let [two, many] = [two, many].map(|entity| entity.try_collect(&request).unwrap().collected);
    assert_eq!(two, many);
}

#[test]
fn two_customers_under_one_address_need_identity_until_a_second_identifier_is_theirs_alone() {
    let entity = shop("INSERT INTO customer VALUES (3, 'anna@x.org', NULL, 44);");
    assert_eq!(located(&entity, &[("email", "anna@x.org")]), Located::NeedsIdentity);
    assert_eq!(located(&entity, &[("email", "anna@x.org"), ("customer_number", "44")]), Located::NeedsIdentity);
    assert_eq!(located(&entity, &[("customer_number", "44")]), Located::Found);
}

#[test]
fn many_rows_of_one_person_are_no_conflict() {
    let entity = shop(
        "INSERT INTO purchase VALUES (1, NULL, 'anna@x.org', NULL), (2, NULL, 'anna@x.org', NULL), (3, 1, NULL, NULL);",
    );
    assert_eq!(located(&entity, &[("email", "anna@x.org")]), Located::Found);
    assert_eq!(entity.found(&[("email", "anna@x.org")], "purchase").len(), 3);
}

#[test]
fn rows_of_two_strangers_in_one_collection_need_identity_unless_something_ties_them() {
    let strangers = "INSERT INTO purchase VALUES (1, NULL, 'eva@x.org', NULL), (2, NULL, NULL, '0555');";
    let both: &[(&str, &str)] = &[("email", "eva@x.org"), ("phone_number", "0555")];
    assert_eq!(located(&shop(strangers), both), Located::NeedsIdentity);
    let tied = format!("{strangers} INSERT INTO purchase VALUES (3, NULL, 'eva@x.org', '0555');");
    assert_eq!(located(&shop(&tied), both), Located::Found);
    let known = format!("{strangers} INSERT INTO customer VALUES (5, 'eva@x.org', '0555', NULL);");
    assert_eq!(located(&shop(&known), both), Located::Found);
}

#[test]
fn tables_of_addresses_lead_to_the_people_behind_them() {
    let collections = "
      - name: person
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
      - name: mail
        fields:
          - {name: address, fides_meta: {identity: email}}
          - {name: person_id, fides_meta: {references: [{dataset: shop, field: person.id}]}}
      - name: phone
        fields:
          - {name: number, fides_meta: {identity: phone_number}}
          - {name: person_id, fides_meta: {references: [{dataset: shop, field: person.id}]}}
";
    let sql = "CREATE TABLE person (id INTEGER PRIMARY KEY); INSERT INTO person VALUES (1), (2), (3);
        CREATE TABLE mail (address TEXT, person_id INTEGER); CREATE TABLE phone (number TEXT, person_id INTEGER);
        INSERT INTO mail VALUES ('anna@x.org', 1), ('family@x.org', 1), ('family@x.org', 2), ('bert@x.org', 2);
        INSERT INTO phone VALUES ('0301', 1), ('0302', 2);";
    let entity = Entity::shop(collections, sql);
    assert_eq!(located(&entity, &[("email", "anna@x.org"), ("phone_number", "0301")]), Located::Found);
    assert_eq!(located(&entity, &[("email", "anna@x.org"), ("phone_number", "0302")]), Located::NeedsIdentity);
    assert_eq!(located(&entity, &[("email", "family@x.org")]), Located::NeedsIdentity);
    assert_eq!(entity.found(&[("email", "anna@x.org")], "phone"), ["0301"]);
}

#[test]
fn a_customer_who_is_also_a_subscriber_elsewhere_is_one_person() {
    let manifest = "
dataset:
  - fides_key: shop
    collections:
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
  - fides_key: news
    collections:
      - name: subscriber
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: phone, fides_meta: {identity: phone_number}}
";
    let entity = Entity::new(manifest)
        .database(
            "shop",
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO customer VALUES (1, 'anna@x.org')",
        )
        .database(
            "news",
            "CREATE TABLE subscriber (id INTEGER PRIMARY KEY, email TEXT, phone TEXT);
            INSERT INTO subscriber VALUES (7, 'anna@x.org', '0301')",
        );
    assert_eq!(located(&entity, &[("email", "anna@x.org"), ("phone_number", "0301")]), Located::Found);
}
