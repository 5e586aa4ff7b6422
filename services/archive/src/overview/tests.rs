//! Promises of the overview.

use super::*;
use crate::table::{Field, FieldKind, Labels};

/// A field and its values.
type Values<'v> = (&'v str, &'v [&'v str]);

fn field(name: &str, categories: &[&str]) -> Field {
    Field {
        name: name.to_owned(),
        kind: FieldKind::String,
        format: None,
        title: Some(format!("The {name}")),
        description: None,
        categories: categories.iter().map(|category| (*category).to_owned()).collect(),
        labels: Labels::default(),
        codes: Vec::new(),
        unit: None,
        shown_as: None,
    }
}

fn table(fields: Vec<Field>) -> Table {
    Table {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        title: None,
        description: None,
        fields,
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        labels: Labels::default(),
        dataset_labels: Labels::default(),
        marks: Vec::new(),
    }
}

fn preview(fields: &[(&str, &[&str])]) -> Preview {
    let overview = fields.iter().map(|(field, values)| OverviewField {
        field: (*field).to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        more: false,
    });
    Preview {
        dataset: "crm".parse().unwrap(),
        collection: "customer".to_owned(),
        total_rows: 1,
        rows: Vec::new(),
        overview: overview.collect(),
    }
}

fn overview(entities: &[(&str, &[Values<'_>])], categories: &[&str]) -> Overview {
    let mut collector = Collector::new(entities.len());
    for (entity, fields) in entities {
        let columns = fields.iter().map(|(name, _)| field(name, categories)).collect();
        collector.add(&entity.parse().unwrap(), &[preview(fields)], &[table(columns)]);
    }
    collector.finish()
}

#[test]
fn values_stand_side_by_side_and_are_never_merged() {
    let values: &[&str] = &["Anna@Example.org", "a@example.org"];
    let same = overview(&[("be", &[("mail", values)]), ("fr", &[("email", values)])], &["user.contact.email"]);
    assert_eq!(same.categories.len(), 1);
    assert_eq!(same.categories[0].sources.len(), 2);
    assert_eq!(same.categories[0].sources[1].values, values);
    assert_eq!(same.categories[0].sources[1].field_title.as_deref(), Some("The email"));
}

#[test]
fn sources_that_hold_other_values_differ() {
    let differs = |category: &str, one: &[&str], two: &[&str]| {
        overview(&[("be", &[("a", one)]), ("fr", &[("a", two)])], &[category]).categories[0].differs
    };
    assert!(!differs("user.contact.email", &["Anna@Example.org "], &["anna@example.org"]));
    assert!(differs("user.name", &["Anna"], &["anna"]), "only e-mail addresses are the same in either case");
    assert!(!differs("user.name", &[" Anna"], &["Anna"]));
    assert!(!differs("user.name", &["Anna", "Bo"], &["Bo", "Anna"]));
    assert!(!differs("user.name", &["Anna"], &[]), "nothing is no other value");
    assert!(differs("user.name", &["Anna"], &["Anna", "Bo"]));
}

#[test]
fn a_field_stands_under_its_narrowest_personal_categories() {
    let categories = ["user", "user.contact", "user.contact.email", "user.name", "user.name", "system.operations"];
    let made = overview(&[("be", &[("mail", &["x"])])], &categories);
    let names: Vec<&str> = made.categories.iter().map(|category| category.category.as_str()).collect();
    assert_eq!(names, ["user.contact.email", "user.name"]);
    assert_eq!(overview(&[("be", &[("mail", &["x"])])], &["user"]).categories[0].category, "user");
    assert!(overview(&[("be", &[("id", &["x"])])], &["system.operations", "username"]).categories.is_empty());
}

#[test]
fn it_stays_small_whatever_the_entities_send() {
    let long = "x".repeat(256);
    let values: Vec<&str> = vec![&long; 8];
    let names: Vec<String> = (0..4_000).map(|number| format!("f{number}")).collect();
    let fields: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), values.as_slice())).collect();
    let ids: Vec<String> = (0..10).map(|number| format!("e{number}")).collect();
    let entities: Vec<(&str, &[Values<'_>])> = ids.iter().map(|id| (id.as_str(), fields.as_slice())).collect();
    let made = overview(&entities, &["user.name"]);
    assert!(made.shortened);
    let sources = &made.categories[0].sources;
    assert_eq!(sources.len(), 20_000);
    let from_last = sources.iter().filter(|source| source.entity.as_str() == "e9").count();
    assert_eq!(from_last, 2_000, "every entity has its share");
    let bytes: usize = sources.iter().flat_map(|source| &source.values).map(String::len).sum();
    assert!(bytes <= MAX_VALUE_BYTES);
    assert!(sources.iter().all(|source| source.more));
}
