//! Previews: what a person is shown first, within limits, whatever the rows are.

use tributary_archive::preview::{self, MAX_BYTES, MAX_ENTITY_BYTES, MAX_ROWS, Preview, PreviewCell};
use tributary_model::right::TableFormat;

use super::support::{Entity, request};

const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

/// One collection of rows found by `email`, with the columns of `fields` after it.
fn visits(fields: &str, sql: &str) -> Entity {
    Entity::shop(
        &format!(
            "
      - name: visit
        data_categories: [user.behavior]
        fields:
          - {{name: email, fides_meta: {{identity: email}}}}
{fields}
"
        ),
        sql,
    )
}

fn text(text: &str) -> PreviewCell {
    PreviewCell::Text(text.to_owned())
}

fn values<'p>(preview: &'p Preview, field: &str) -> (Vec<&'p str>, bool) {
    let found = preview.overview.iter().find(|overview| overview.field == field).unwrap();
    (found.values.iter().map(String::as_str).collect(), found.more)
}

#[test]
fn the_first_rows_are_shown_exactly_and_the_rest_is_counted() {
    let entity = visits(
        "          - {name: v}\n          - {name: at, tributary: {represents: datetime, as: epoch_seconds}}",
        "CREATE TABLE visit (email TEXT, v, at);
         INSERT INTO visit VALUES ('anna@x.org', 9007199254740993, 0), ('anna@x.org', '=1+1', 1.5), ('anna@x.org', NULL, 'x'),
            ('anna@x.org', x'00ff', NULL), ('anna@x.org', CAST(x'4dfc6c' AS TEXT), 86400),
            ('anna@x.org', replace(hex(zeroblob(1025)), '00', 'é'), 1), ('anna@x.org', '<script>שלום</script>', 1);",
    );
    let parts = entity.collect(ANNA);
    let shown: Vec<PreviewCell> = parts.preview("visit").rows.iter().map(|row| row[1].clone()).collect();
    let cut = PreviewCell::Cut { cut: "é".repeat(1024), bytes: 2050 };
    let exact = ["9007199254740993", "=1+1"].map(text);
    let rest = ["base64:AP8=", "M\u{fffd}l [not UTF-8; base64:Tfxs]"].map(text);
    let last = text("<script>שלום</script>");
    assert!(shown == [&exact[..], &[PreviewCell::Null], &rest[..], &[cut, last]].concat());
    let dates: Vec<PreviewCell> = parts.preview("visit").rows.iter().map(|row| row[2].clone()).collect();
    let epoch = ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.5Z", "x"].map(text);
    assert!(dates[..3] == epoch && dates[4] == text("1970-01-02T00:00:00Z"));
    assert_eq!(parts.preview("visit").total_rows, 7);
    assert_eq!(parts.rows("visit")[1], "anna@x.org,'=1+1,1.5", "the files hold what the store has");
    let mut ndjson = request(ANNA);
    ndjson.format = TableFormat::Ndjson;
    assert!(entity.try_collect(&ndjson).unwrap().previews == parts.previews, "whatever the format of the files");
}

#[test]
fn rows_are_at_most_200_and_the_overview_is_over_all_of_them() {
    let entity = visits(
        "          - {name: n}\n          - {name: kind}\n          - {name: late}",
        "CREATE TABLE visit (email TEXT, n, kind, late);
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
         INSERT INTO visit SELECT 'anna@x.org', i, i % 8, CASE i WHEN 4998 THEN 'once' END FROM n;",
    );
    let parts = entity.collect(ANNA);
    let preview = parts.preview("visit");
    assert_eq!((preview.rows.len(), preview.total_rows), (MAX_ROWS, 5000));
    assert_eq!(values(preview, "email"), (vec!["anna@x.org"], false));
    assert_eq!(values(preview, "n"), (vec!["0", "1", "2", "3", "4", "5", "6", "7"], true));
    assert_eq!(values(preview, "kind"), (vec!["0", "1", "2", "3", "4", "5", "6", "7"], false));
    assert_eq!(values(preview, "late"), (vec!["once"], false));
}

#[test]
fn a_long_value_is_not_listed_and_shorter_ones_after_it_are() {
    let entity = visits(
        "          - {name: v}\n          - {name: machine, data_categories: [system]}",
        "CREATE TABLE visit (email TEXT, v, machine);
         INSERT INTO visit VALUES ('anna@x.org', hex(zeroblob(129)), 1), ('anna@x.org', hex(zeroblob(128)), 1),
            ('anna@x.org', 1, 1), ('anna@x.org', '1', 1), ('anna@x.org', 'Ａ', 1);",
    );
    let parts = entity.collect(ANNA);
    let whole = "0".repeat(256);
    assert_eq!(values(parts.preview("visit"), "v"), (vec![whole.as_str(), "1", "Ａ"], true));
    let machine = Entity::shop(
        "
      - name: visit
        fields:
          - {name: email, fides_meta: {identity: email}, data_categories: [user.contact.email]}
          - {name: n, data_categories: [system.operations]}
",
        "CREATE TABLE visit (email TEXT, n); INSERT INTO visit VALUES ('anna@x.org', 1)",
    );
    let fields: Vec<String> = machine.collect(ANNA).preview("visit").overview.iter().map(|o| o.field.clone()).collect();
    assert_eq!(fields, ["email"]);
}

#[test]
fn a_large_cell_is_shown_as_the_file_it_became() {
    let mut entity = visits(
        "          - {name: photo}",
        "CREATE TABLE visit (email TEXT, photo); INSERT INTO visit VALUES ('anna@x.org', zeroblob(5000));",
    );
    entity.limits.large_cell = 4096;
    let parts = entity.collect(ANNA);
    let file = "shop/visit-files/000001.bin";
    assert_eq!(parts.paths(), [file, "shop/visit-0001.csv"]);
    assert!(parts.preview("visit").rows[0][1] == PreviewCell::File { file: file.to_owned() });
    assert_eq!(values(parts.preview("visit"), "photo"), (vec![], true));
}

#[test]
fn a_row_wider_than_a_preview_is_shown_by_its_beginnings() {
    let names: Vec<String> = (0..300).map(|n| format!("c{n}")).collect();
    let fields: String = names.iter().map(|name| format!("          - {{name: {name}}}\n")).collect();
    let value = "hex(zeroblob(1500))";
    let entity = visits(
        &fields,
        &format!(
            "CREATE TABLE visit (email TEXT, {}); INSERT INTO visit VALUES ('anna@x.org', {});",
            names.join(", "),
            vec![value; 300].join(", ")
        ),
    );
    let parts = entity.collect(ANNA);
    let preview = parts.preview("visit");
    assert!(preview.rows[0][300] == PreviewCell::Cut { cut: "0".repeat(256), bytes: 3000 });
    assert!(preview::to_file([preview]).len() <= MAX_BYTES);
}

/// Collections of rows of about 1 KiB each, with as many rows as `counts` says.
fn wide(counts: &[usize]) -> Entity {
    let mut collections = String::new();
    let mut sql = String::new();
    for (n, count) in counts.iter().enumerate() {
        collections.push_str(&format!(
            "      - name: t{n:02}\n        fields: [{{name: email, fides_meta: {{identity: email}}}}, {{name: v}}]\n"
        ));
        sql.push_str(&format!(
            "CREATE TABLE t{n:02} (email TEXT, v TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO t{n:02} SELECT 'anna@x.org', printf('%d%s', i, hex(zeroblob(500))) FROM n;"
        ));
    }
    Entity::shop(&collections, &sql)
}

#[test]
fn many_wide_collections_share_what_there_is_fairly_and_small_ones_keep_all() {
    let mut counts = vec![200; 40];
    counts[39] = 3;
    let parts = wide(&counts).collect(ANNA);
    let lines: Vec<usize> = parts.previews.iter().map(|preview| preview::to_file([preview]).len()).collect();
    let total: usize = lines.iter().sum();
    assert!(total <= MAX_ENTITY_BYTES && total > MAX_ENTITY_BYTES * 9 / 10, "{total}");
    let rows: Vec<usize> = parts.previews.iter().map(|preview| preview.rows.len()).collect();
    let (small, large) = (rows[39], &rows[..39]);
    assert_eq!(small, 3);
    let (least, most) = (large.iter().min().unwrap(), large.iter().max().unwrap());
    assert!(most - least <= 1 && *least > 20, "{rows:?}");
    assert!(parts.previews.iter().zip(&counts).all(|(preview, count)| preview.total_rows == *count as u64));
    assert!(parts.previews == wide(&counts).collect(ANNA).previews, "the same data give the same previews");
}

#[test]
fn a_collection_without_rows_has_no_preview_and_a_system_manifest_is_handed_over() {
    let manifest = "
dataset:
  - fides_key: shop
    collections:
      - name: visit
        fields: [{name: email, fides_meta: {identity: email}}]
system:
  - fides_key: web
    privacy_declarations: [{data_use: marketing, retention_period: One year}]
";
    let entity = Entity::new(manifest).database("shop", "CREATE TABLE visit (email TEXT)");
    let parts = entity.collect(ANNA);
    assert!(parts.previews.is_empty() && parts.collected.previews_sha256.is_none());
    let information = parts.information.unwrap();
    assert_eq!(information.systems[0].processing[0].retention_period.as_deref(), Some("One year"));
}
