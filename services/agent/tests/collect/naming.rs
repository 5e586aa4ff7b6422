//! What things are called: labels, hidden names, and names that hurt.

use tributary_archive::preview::PreviewCell;
use tributary_archive::table::FieldKind;
use tributary_model::language::Texts;

use super::support::Entity;

const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

fn in_language(texts: &Texts, tag: &str) -> String {
    texts.get(&tag.parse().unwrap()).unwrap_or_default().to_owned()
}

#[test]
fn tables_say_what_a_person_understands_in_each_language() {
    let entity = Entity::shop(
        "
      - name: t_ord
        description: Orders
        tributary: {label: {en: Orders, fr: Commandes, ar: الطلبات, he: '\\u05d4\\u05d6\\u05de\\u05e0\\u05d5\\u05ea'}}
        fields:
          - {name: email, fides_meta: {identity: email}}
          - name: st
            tributary: {label: Status, codes: {2: {en: sent, fr: envoyée}}, unit: '1'}
          - name: made
            description: When it was made
            tributary: {description: {fr: Date de la commande}, represents: date, as: epoch_days}
",
        "CREATE TABLE t_ord (email TEXT, st, made); INSERT INTO t_ord VALUES ('anna@x.org', 2, 19675)",
    );
    let parts = entity.collect(ANNA);
    let table = &parts.tables[0];
    assert_eq!(table.title.as_deref(), Some("Orders"));
    assert_eq!(in_language(&table.labels.titles, "ar"), "الطلبات", "right-to-left scripts pass unchanged");
    let status = &table.fields[1];
    assert_eq!((status.title.as_deref(), status.unit.as_deref()), (Some("Status"), Some("1")));
    assert_eq!((status.codes[0].value.as_str(), in_language(&status.codes[0].labels, "fr").as_str()), ("2", "envoyée"));
    let made = &table.fields[2];
    assert_eq!((made.kind, made.shown_as), (FieldKind::Any, Some(FieldKind::Date)), "the file keeps the number");
    assert_eq!(status.shown_as, None);
    assert_eq!(made.description.as_deref(), Some("When it was made. In the files: days since 1 January 1970."));
    let french = in_language(&made.labels.descriptions, "fr");
    assert_eq!(french, "Date de la commande. Dans les fichiers : jours depuis le 1er janvier 1970.");
    assert!(parts.preview("t_ord").rows[0][1..] == ["2", "2023-11-14"].map(|text| PreviewCell::Text(text.to_owned())));
    assert_eq!(parts.rows("t_ord"), ["anna@x.org,2,19675"]);
}

#[test]
fn every_table_says_what_its_dataset_is_called() {
    let manifest = "
dataset:
  - fides_key: shop
    name: Web shop
    description: What you bought
    tributary: {label: {fr: Boutique}, description: {fr: Vos achats}}
    collections:
      - name: client
        fields: [{name: email, fides_meta: {identity: email}}]
      - name: visitor
        fields: [{name: email, fides_meta: {identity: email}}]
";
    let sql = "CREATE TABLE client (email TEXT); CREATE TABLE visitor (email TEXT);
               INSERT INTO client VALUES ('anna@x.org'); INSERT INTO visitor VALUES ('anna@x.org');";
    let parts = Entity::new(manifest).database("shop", sql).collect(ANNA);
    assert_eq!(parts.tables.len(), 2);
    for table in &parts.tables {
        let of = |tag| {
            (in_language(&table.dataset_labels.titles, tag), in_language(&table.dataset_labels.descriptions, tag))
        };
        assert_eq!(of("en"), ("Web shop".to_owned(), "What you bought".to_owned()), "Fideslang's own words stand in");
        assert_eq!(of("fr"), ("Boutique".to_owned(), "Vos achats".to_owned()));
    }
}

#[test]
fn a_hidden_name_is_nowhere_in_what_leaves_the_entity() {
    let manifest = "
dataset:
  - fides_key: secret_project
    name: Secret project
    fides_meta: {redact: name}
    collections:
      - name: secret_table
        fides_meta: {redact: name}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: secret_column, data_categories: [user], fides_meta: {redact: name}}
      - name: child
        fields:
          - {name: parent, fides_meta: {references: [{dataset: secret_project, field: secret_table.id, direction: from}]}}
      - name: secret_lonely
        fides_meta: {redact: name}
        fields: [{name: x}]
";
    let entity = Entity::new(manifest).database(
        "secret_project",
        "CREATE TABLE secret_table (id INTEGER PRIMARY KEY, email TEXT, secret_column TEXT);
         CREATE TABLE child (parent INTEGER); CREATE TABLE secret_lonely (x);
         INSERT INTO secret_table VALUES (1, 'anna@x.org', 'v'); INSERT INTO child VALUES (1);",
    );
    let parts = entity.collect(ANNA);
    assert_eq!(parts.paths(), ["dataset-1/collection-1-0001.csv", "dataset-1/child-0001.csv"]);
    assert_eq!(parts.text("dataset-1/collection-1-0001.csv"), "id,email,field-3\r\n1,anna@x.org,v\r\n");
    let table = &parts.tables[0];
    assert_eq!((table.title.as_deref(), table.fields[2].title.as_deref()), (Some("Collection 1"), Some("Field 3")));
    assert_eq!(parts.tables[1].foreign_keys[0].collection, "collection-1");
    let datasets = entity.load().unwrap().datasets();
    assert_eq!((datasets[0].shown.as_str(), datasets[0].name.as_ref()), ("dataset-1", None));
    let said = serde_json::to_string(&(&parts.tables, &parts.previews, &parts.collected.searched)).unwrap()
        + &serde_json::to_string(&(&parts.collected.answers, &parts.collected.not_searched)).unwrap();
    assert!(!said.to_lowercase().contains("secret"), "{said}");
    assert!(said.contains("collection-3"), "what was not searched is named all the same");
}

#[test]
fn names_that_some_system_refuses_become_paths_that_every_system_takes() {
    let long = "x".repeat(300);
    let names = ["CON", "con.", "a:b", "A:B", "nul", &long, "datapackage.json", "tab le "];
    let (mut collections, mut sql) = (String::new(), String::new());
    for (n, name) in names.iter().enumerate() {
        // SQLite does not tell two tables by case, so each collection is a view's worth of its own database.
        let column = format!("c{}:{n}.", "y".repeat(300));
        collections.push_str(&format!(
            "  - fides_key: d{n}\n    collections:\n      - name: '{name}'\n        fields: [{{name: email, fides_meta: {{identity: email}}}}, {{name: '{column}'}}]\n"
        ));
        sql.push_str(&format!(
            "CREATE TABLE \"{name}\" (email TEXT, \"{column}\"); INSERT INTO \"{name}\" VALUES ('anna@x.org', 1);\n"
        ));
    }
    let mut entity = Entity::new(&format!("dataset:\n{collections}"));
    for (n, statement) in sql.lines().enumerate() {
        entity = entity.database(&format!("d{n}"), statement);
    }
    let parts = entity.collect(ANNA);
    assert_eq!(parts.parts.len(), names.len());
    for (part, _) in &parts.parts {
        assert!(part.path.as_str().len() <= 200);
        part.path.as_str().parse::<tributary_archive::part::PartPath>().unwrap();
    }
    assert!(parts.previews.iter().all(|preview| preview.rows.len() == 1 && preview.overview.len() <= 2));
    let listed: Vec<&str> = parts.tables.iter().map(|table| table.collection.as_str()).collect();
    assert_eq!(listed, names, "the name itself stands in the table");
}

#[test]
fn fifty_thousand_attachments_of_one_person_come_as_files_of_their_own() {
    let entity = |count: usize| {
        let mut entity = Entity::shop(
            "
      - name: scan
        fields: [{name: email, fides_meta: {identity: email}}, {name: page}]
",
            &format!(
                "CREATE TABLE scan (email TEXT, page BLOB);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT INTO scan SELECT 'anna@x.org', CAST(printf('%080d', i) AS BLOB) FROM n;"
            ),
        );
        entity.limits.large_cell = 64;
        entity
    };
    let parts = entity(50_000).collect(ANNA);
    let files = parts.parts.iter().filter(|(part, _)| part.media_type == "application/octet-stream");
    assert_eq!(files.count(), 50_000);
    let tables = parts.parts.iter().filter(|(part, _)| part.rows > 0).count();
    assert!(tables < 100, "rows wait for a part that is worth beginning: {tables}");
    assert_eq!(parts.collected.parts.rows, 50_000);
    let last = parts.parts.iter().rev().find(|(part, _)| part.rows == 0).unwrap();
    assert_eq!(last.0.path.as_str(), "shop/scan-files/050000.bin");
}
