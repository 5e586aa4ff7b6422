//! The published vectors for identifiers, in every engine: a statement finds what the model takes for the same, and
//! nothing else, whatever the column is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use tributary_agent::check::inspect;
use tributary_agent::collect::{Catalog, Request};
use tributary_model::id::CountryCode;
use tributary_model::identifier::{Folding, Spellings};
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, clock, collect, identifier, request};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "type")]
    kind: String,
    given: String,
    country: Option<CountryCode>,
    folding: Option<String>,
    #[serde(default)]
    same: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
}

/// Vectors of one type and folding share a column, in which all their values stand.
#[derive(Default)]
struct Group {
    vectors: Vec<Vector>,
    stored: BTreeSet<String>,
}

impl Vector {
    fn folding(&self) -> Folding {
        let own = || Folding::of(&self.kind.parse().unwrap());
        self.folding.as_ref().map_or_else(own, |word| word.parse().unwrap())
    }

    fn spellings(&self) -> Spellings {
        Spellings::new(&identifier(&self.kind, &self.given), self.country.as_ref())
    }
}

/// National numbers of which others stand for them here: to a statement they are all the same.
const ALIKE: [&str; 12] = [
    "de_tax_id",
    "es_nie",
    "pl_pesel",
    "pt_nif",
    "at_svnr",
    "ch_ahv",
    "dk_cpr",
    "se_personnummer",
    "no_fodselsnummer",
    "ro_cnp",
    "hr_oib",
    "gr_amka",
];

fn groups() -> BTreeMap<(String, Option<String>), Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/model/tests/vectors");
    let mut groups: BTreeMap<(String, Option<String>), Group> = BTreeMap::new();
    for name in ["email", "phone_number", "national_number", "iban", "date_of_birth", "custom"] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let vectors = serde_json::from_str::<File>(&text).unwrap().vectors;
        for vector in vectors.into_iter().filter(|vector| !ALIKE.contains(&vector.kind.as_str())) {
            let group = groups.entry((vector.kind.clone(), vector.folding.clone())).or_default();
            group.stored.extend(vector.same.iter().chain(&vector.other).cloned());
            group.vectors.push(vector);
        }
    }
    groups
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A table per folding with a column per type, in which its values stand.
fn entity(place: Option<Engine>, column: &str, index: bool) -> Entity {
    let (groups, mut manifest, mut sql) = (groups(), String::new(), String::new());
    for folding in groups.keys().map(|(_, folding)| folding).collect::<BTreeSet<_>>() {
        let table = table(folding);
        let ours = folding.as_ref().map_or(String::new(), |word| format!(", tributary: {{normal: {word}}}"));
        let columns: Vec<(&String, &Group)> =
            groups.iter().filter(|((_, own), _)| own == folding).map(|((kind, _), group)| (kind, group)).collect();
        manifest += &format!(
            "      - name: {table}\n        fields:\n          - {{name: id, fides_meta: {{primary_key: true}}}}\n"
        );
        let mut declared = String::new();
        for (kind, _) in &columns {
            manifest += &format!(
                "          - {{name: by_{kind}, data_categories: [user], fides_meta: {{identity: {kind}}}{ours}}}\n"
            );
            declared += &format!(", by_{kind} {column}");
        }
        sql += &format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY{declared});\n");
        for id in 0..columns.iter().map(|(_, group)| group.stored.len()).max().unwrap_or(0) {
            let value = |(_, group): &(&String, &Group)| {
                group.stored.iter().nth(id).map_or("NULL".to_owned(), |stored| quoted(stored))
            };
            let values: Vec<String> = columns.iter().map(value).collect();
            sql += &format!("INSERT INTO {table} VALUES ({id}, {});\n", values.join(", "));
        }
        for (kind, _) in columns.iter().filter(|_| index) {
            sql += &format!("CREATE INDEX i_{table}_{kind} ON {table} (by_{kind});\n");
        }
    }
    match place {
        None => Entity::sqlite(&manifest, &sql),
        Some(engine) => Entity::on(engine, &manifest, &sql),
    }
}

fn table(folding: &Option<String>) -> String {
    format!("t_{}", folding.as_deref().unwrap_or("own"))
}

fn found(catalog: &Catalog, request: &Request, table: &str) -> BTreeSet<usize> {
    let parts = collect(catalog, request, &mut |_| {}).unwrap();
    let gap = parts.collected.not_searched.iter().find(|gap| gap.collection.as_deref() == Some(table));
    assert!(gap.is_none(), "{gap:?}");
    parts.rows(table).iter().map(|row| row.split(',').next().unwrap().parse().unwrap()).collect()
}

fn hold(place: Option<Engine>, column: &str, index: bool) {
    let entity = entity(place, column, index);
    let (mut wrong, mut catalogs) = (Vec::new(), BTreeMap::new());
    for ((_, folding), group) in &groups() {
        for vector in &group.vectors {
            let country = vector.country.clone();
            let catalog = catalogs.entry(country.clone()).or_insert_with(|| entity.catalog().located_in(country));
            let spellings = vector.spellings();
            let same = |(_, stored): &(usize, &String)| spellings.contains(stored, vector.folding());
            let expected: BTreeSet<usize> = group.stored.iter().enumerate().filter(same).map(|(id, _)| id).collect();
            let request = request(&[(&vector.kind, &vector.given)], Csv);
            let found = found(catalog, &request, &table(folding));
            let difference: Vec<&String> =
                expected.symmetric_difference(&found).filter_map(|id| group.stored.iter().nth(*id)).collect();
            if !difference.is_empty() {
                wrong.push(format!("{} {:?} `{}`: {difference:?}", vector.kind, vector.folding(), vector.given));
            }
        }
    }
    assert!(wrong.is_empty(), "{place:?} {column}:\n{}", wrong.join("\n"));
}

#[test]
fn sqlite_finds_what_is_the_same_and_nothing_else() {
    hold(None, "TEXT", false);
    hold(None, "TEXT COLLATE NOCASE", true);
    hold(None, "", true);
}

#[test]
fn postgresql_finds_what_is_the_same_and_nothing_else() {
    hold(Some(Engine::Postgres), "VARCHAR(80)", true);
}

#[test]
fn mariadb_finds_what_is_the_same_and_nothing_else() {
    hold(Some(Engine::MariaDb), "VARCHAR(80)", true);
    hold(Some(Engine::MariaDb), "VARCHAR(80) COLLATE utf8mb4_bin", true);
}

/// A person by a number, in a column of numbers.
fn by_number(place: Option<Engine>, kind: &str, given: &str, stored: &[&str], column: &str) -> BTreeSet<usize> {
    let manifest = format!(
        "\n      - name: t\n        fields: [{{name: id, fides_meta: {{primary_key: true}}}}, \
         {{name: v, data_categories: [user], fides_meta: {{identity: {kind}}}}}]\n"
    );
    let rows: String = stored.iter().enumerate().map(|(n, v)| format!("INSERT INTO t VALUES ({n}, {v});")).collect();
    let sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v {column}); {rows}");
    let entity = match place {
        None => Entity::sqlite(&manifest, &sql),
        Some(engine) => Entity::on(engine, &manifest, &sql),
    };
    let catalog = entity.catalog().located_in(Some("BE".parse().unwrap()));
    found(&catalog, &request(&[(kind, given)], Csv), "t")
}

#[test]
fn numbers_have_no_leading_zeros_and_texts_keep_theirs() {
    for place in [None, Some(Engine::Postgres), Some(Engine::MariaDb)] {
        for column in ["INTEGER", "BIGINT", "NUMERIC(20, 0)"] {
            let found = by_number(place, "customer_number", "00042", &["42", "420", "4200"], column);
            assert_eq!(found, [0].into(), "{place:?} {column}");
        }
        for column in ["BIGINT", "NUMERIC(20, 2)"] {
            let stored = ["32470123456", "470123456", "33470123456"];
            let found = by_number(place, "phone_number", "0470 12 34 56", &stored, column);
            assert_eq!(found, [0, 1].into(), "{place:?} {column}");
        }
        let found = by_number(place, "customer_number", "42", &["'42'", "'042'", "'4 2'"], "VARCHAR(9)");
        assert_eq!(found, [0].into(), "{place:?}");
    }
    // A column without a type holds both.
    assert_eq!(by_number(None, "customer_number", "042", &["42", "'42'", "'042'"], ""), [0, 2].into());
}

#[test]
fn a_column_that_tells_no_case_apart_is_found_by_its_index_and_an_identifier_is_exact_all_the_same() {
    let rows = |kind: &str| {
        let manifest = format!(
            "\n      - name: t\n        fields: [{{name: v, data_categories: [user], fides_meta: {{identity: {kind}}}}}]\n"
        );
        let sql = "CREATE EXTENSION citext; CREATE TABLE t (v CITEXT); CREATE INDEX i ON t (v);
            INSERT INTO t VALUES ('Anna@x.org'), ('anna@x.org'), ('bert@x.org');";
        let entity = Entity::on(Engine::Postgres, &manifest, sql);
        collect(&entity.catalog(), &request(&[(kind, "anna@x.org")], Csv), &mut |_| {}).unwrap().rows("t")
    };
    assert_eq!(rows("email").len(), 2);
    assert_eq!(rows("login"), ["anna@x.org"]);
}

#[test]
fn a_check_says_where_a_folding_makes_a_search_read_the_whole_table() {
    let field = |name: &str, kind: &str, normal: &str| {
        format!("          - {{name: {name}, data_categories: [user], fides_meta: {{identity: {kind}}}{normal}}}\n")
    };
    let manifest = format!(
        "      - name: t\n        fields:\n{}{}{}{}",
        field("a", "phone_number", ""),
        field("b", "phone_number", ", tributary: {normal: none}"),
        field("c", "fr_nir", ""),
        field("d", "customer_number", ", tributary: {normal: digits}"),
    );
    let sql = "CREATE TABLE t (a VARCHAR(40), b VARCHAR(40), c VARCHAR(40), d VARCHAR(40));
        CREATE INDEX a ON t (a); CREATE INDEX b ON t (b); CREATE INDEX c ON t (c); CREATE INDEX d ON t (d);";
    let (by_a, by_d) = ("a, by identifier phone_number", "d, by identifier customer_number");
    for place in [None, Some(Engine::Postgres), Some(Engine::MariaDb)] {
        let entity = match place {
            None => Entity::sqlite(&manifest, sql),
            Some(engine) => Entity::on(engine, &manifest, sql),
        };
        let scans = inspect(&entity.sources, entity.limits.clone(), clock()).collections.remove(0).scans;
        assert_eq!(scans.len(), 2, "{place:?} {scans:?}");
        assert!(scans[0].starts_with(by_a) && scans[0].contains("declare `normal: none`"), "{place:?} {scans:?}");
        assert!(scans[1].starts_with(by_d), "{place:?} {scans:?}");
    }
    // PostgreSQL keeps indexes of what is compared.
    let entity = Entity::on(Engine::Postgres, &manifest, sql);
    entity.run("CREATE INDEX e ON t (regexp_replace(d, '[^0-9]', '', 'g'))");
    let scans = inspect(&entity.sources, entity.limits.clone(), clock()).collections.remove(0).scans;
    assert!(scans.len() == 1 && scans[0].starts_with(by_a), "{scans:?}");
}
