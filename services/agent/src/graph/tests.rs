use std::collections::BTreeSet;

use super::*;

fn graph(text: &str) -> Graph {
    Graph::new(Arc::new(Manifests::from_yaml(&[("m.yml".to_owned(), text.to_owned())]).unwrap()))
}

fn types(names: &[&str]) -> BTreeSet<IdentifierType> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn reached(graph: &Graph, names: &[&str]) -> Vec<String> {
    let plan = graph.plan(&types(names));
    (0..graph.nodes().len()).filter(|&n| plan.reaches(n)).map(|n| graph.collection(n).name.clone()).collect()
}

const SHOP: &str = "
dataset:
  - fides_key: shop
    collections:
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: address_id, fides_meta: {references: [{dataset: shop, field: address.id}]}}
      - name: order
        fields:
          - {name: nr, fides_meta: {identity: order_number}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id}]}}
          - {name: address_id, fides_meta: {references: [{dataset: shop, field: address.id}]}}
      - name: address
        fields: [{name: id}]
      - name: island
        fields: [{name: id}]
";

#[test]
fn a_reference_without_direction_leads_away_from_the_person_and_never_back() {
    let graph = graph(SHOP);
    assert_eq!(reached(&graph, &["email"]), ["customer", "order", "address"]);
    let plan = graph.plan(&types(&["email"]));
    assert!(plan.edges[2].is_empty(), "an address leads to nobody");
    assert_eq!(plan.edges[0].len(), 2);
    // Sought by the number of an order, the same reference leads from the order to its customer.
    let plan = graph.plan(&types(&["order_number"]));
    assert!(plan.edges[1].iter().any(|edge| plan.lookups[edge.lookup].node == 0));
}

#[test]
fn an_unknown_identifier_type_reaches_nothing() {
    assert!(reached(&graph(SHOP), &["phone_number"]).is_empty());
}

#[test]
fn what_feeds_a_collection_is_walked_before_it() {
    let graph = graph(SHOP);
    assert_eq!(graph.plan(&types(&["email"])).order, [0, 1, 2, 3]);
    assert_eq!(graph.plan(&types(&["order_number"])).order, [1, 0, 2, 3]);
}

#[test]
fn a_reference_to_itself_without_direction_is_not_walked() {
    let text = "
dataset:
  - fides_key: hr
    collections:
      - name: employee
        fields:
          - {name: id}
          - {name: email, fides_meta: {identity: email}}
          - {name: boss, fides_meta: {references: [{dataset: hr, field: employee.id}]}}
";
    let plan = graph(text).plan(&types(&["email"]));
    assert!(plan.edges[0].is_empty());
    let directed = graph(&text.replace("employee.id}", "employee.id, direction: from}"));
    let plan = directed.plan(&types(&["email"]));
    assert_eq!(plan.edges[0].len(), 1);
    assert!(plan.cyclic[0]);
}

#[test]
fn a_reference_without_direction_between_people_is_not_walked_and_what_it_hides_is_out_of_reach() {
    let text = "
dataset:
  - fides_key: shop
    collections:
      - name: clerk
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: clerk_id, fides_meta: {references: [{dataset: shop, field: clerk.id}]}}
      - name: ticket
        fields:
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customer.id}]}}
          - {name: agency_id, fides_meta: {references: [{dataset: shop, field: agency.id}]}}
      - name: agency
        fields: [{name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}]
      - name: agency_log
        fields: [{name: agency_id, fides_meta: {references: [{dataset: shop, field: agency.id}]}}]
";
    let graph = graph(text);
    let plan = graph.plan(&types(&["email"]));
    assert!(plan.edges[0].is_empty(), "a clerk does not lead to customers");
    assert_eq!(reached(&graph, &["email"]), ["clerk", "customer", "ticket", "agency"]);
}

#[test]
fn behind_a_table_of_addresses_stands_the_person() {
    let text = "
dataset:
  - fides_key: crm
    collections:
      - name: person
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
      - name: mail
        fields:
          - {name: address, fides_meta: {identity: email}}
          - {name: person_id, fides_meta: {references: [{dataset: crm, field: person.id}]}}
      - name: purchase
        fields: [{name: person_id, fides_meta: {references: [{dataset: crm, field: person.id}]}}]
";
    assert_eq!(reached(&graph(text), &["email"]), ["person", "mail", "purchase"]);
}

#[test]
fn references_to_the_parts_of_one_key_are_one_join() {
    let text = "
dataset:
  - fides_key: d
    collections:
      - name: person
        fields:
          - {name: tenant, fides_meta: {primary_key: true}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: message
        fields:
          - name: tenant
            fides_meta:
              references:
                - {dataset: d, field: person.tenant, direction: from, tributary: {foreign_key: sender}}
                - {dataset: d, field: person.tenant, direction: from, tributary: {foreign_key: recipient}}
          - {name: sender, fides_meta: {references: [{dataset: d, field: person.nr, direction: from, tributary: {foreign_key: sender}}]}}
          - {name: recipient, fides_meta: {references: [{dataset: d, field: person.nr, direction: from, tributary: {foreign_key: recipient}}]}}
          - {name: copy_to, fides_meta: {references: [{dataset: d, field: person.email, direction: from}]}}
      - name: note
        fields:
          - {name: nr, fides_meta: {references: [{dataset: d, field: person.nr, direction: from}]}}
          - {name: tenant, fides_meta: {references: [{dataset: d, field: person.tenant, direction: from}]}, tributary: {third_party: true}}
          - {name: group, fides_meta: {references: [{dataset: d, field: message.tenant, direction: from, tributary: {foreign_key: m}}]}}
          - {name: by, fides_meta: {references: [{dataset: d, field: message.sender, direction: from, tributary: {foreign_key: m}}]}}
      - name: friends
        fields:
          - {name: a, fides_meta: {primary_key: true, references: [{dataset: d, field: person.nr, direction: from}]}}
          - {name: b, fides_meta: {primary_key: true, references: [{dataset: d, field: person.nr, direction: from}]}}
";
    let graph = graph(text);
    let columns = |join: &Join| join.holder_fields.iter().map(|f| f.column).collect::<Vec<_>>();
    let joins: Vec<Vec<usize>> = graph.joins().iter().map(columns).collect();
    assert_eq!(joins, [vec![3], vec![0, 1], vec![0, 2], vec![2, 3], vec![0], vec![1]]);
}

#[test]
fn rows_are_people_where_their_key_says_so() {
    let text = "
dataset:
  - fides_key: d
    collections:
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: visit
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: name, data_categories: [user.name]}
      - name: newsletter
        fields: [{name: email, fides_meta: {identity: email}}]
      - name: contact
        fields:
          - {name: email, fides_meta: {identity: email}}
          - {name: name, data_categories: [user.name.first]}
";
    let graph = graph(text);
    let registers: Vec<bool> = graph.nodes().iter().map(|node| node.register).collect();
    assert_eq!(registers, [true, false, false, true]);
}

#[test]
fn nested_fields_are_addressed_by_their_way_down() {
    let text = "
dataset:
  - fides_key: d
    collections:
      - name: profile
        fields:
          - name: contacts
            fides_meta: {data_type: 'object[]'}
            fields:
              - {name: mail, fides_meta: {identity: email}}
";
    let graph = graph(text);
    let (_, path) = &graph.nodes()[0].identities[0];
    assert_eq!((path.column, path.sub.as_slice(), path.structured), (0, ["mail".to_owned()].as_slice(), true));
}
