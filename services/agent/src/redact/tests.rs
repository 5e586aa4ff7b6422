//! Promises of the rules, from manifests alone.

use std::sync::Arc;

use tributary_archive::redaction::RedactionReason::{Actor, FreeText, ThirdParty};
use tributary_model::manifest::Manifests;

use super::*;

fn graph(fields: &str) -> Graph {
    let text = format!(
        "dataset:
  - fides_key: d
    collections:
      - name: staff
        fields: [{{name: id, data_categories: [user.unique_id], fides_meta: {{primary_key: true}}}}]
      - name: c
        fields:
{fields}"
    );
    Graph::new(Arc::new(Manifests::from_yaml(&[("m.yml".to_owned(), text)]).unwrap()))
}

#[test]
fn a_plain_manifest_has_no_rules() {
    let graph = graph(
        "          - {name: id, data_categories: [user]}\n          - {name: b, tributary: {free_text: release}}",
    );
    assert!((0..graph.nodes().len()).all(|node| Rules::of(&graph, node).is_none()));
}

#[test]
fn the_strictest_rule_within_a_structured_column_is_the_columns() {
    let graph = graph(
        "          - {name: a, fields: [{name: x, tributary: {free_text: review}}, {name: y, tributary: {free_text: redact}}]}
          - {name: b, tributary: {free_text: redact}, fields: [{name: x, fields: [{name: y, tributary: {third_party: true}}]}]}
          - {name: c, fields: [{name: x, tributary: {free_text: review}}]}
          - {name: d}",
    );
    let rules = Rules::of(&graph, 1).unwrap();
    assert_eq!(rules.subject, [Some(FreeText), Some(ThirdParty), None, None]);
    assert_eq!(
        rules.marks(),
        [ThirdParty, FreeText],
        "nobody acts on it, and what is reviewed is kept back as a whole"
    );
}

#[test]
fn of_a_row_that_somebody_acted_on_what_is_about_them_or_nobody_is_shown_and_the_key() {
    let graph = graph(
        "          - {name: by, fides_meta: {references: [{dataset: d, field: staff.id}]}, tributary: {role: actor, third_party: true}}
          - {name: at, tributary: {about: actor}}
          - {name: remark, tributary: {about: actor, free_text: review}}
          - {name: nr, fides_meta: {primary_key: true}}
          - {name: owner, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: state, data_categories: [system.operations]}
          - {name: unclassified}
          - {name: witness, tributary: {third_party: true}}",
    );
    let rules = Rules::of(&graph, 1).unwrap();
    let actor = [None, None, None, None, Some(Actor), None, Some(Actor), Some(ThirdParty)];
    assert_eq!(rules.actor, actor);
    let subject = [Some(ThirdParty), None, None, None, None, None, None, Some(ThirdParty)];
    assert_eq!(rules.subject, subject, "who acted is someone else to those whom the row is about");
    assert!(rules.may_hide(4) && !rules.may_hide(3));
}
