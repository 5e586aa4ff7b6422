//! Text with characters that a column or a whole database has not: it is in no row, and finds nobody else's.

use tributary_agent::collect::Located;
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{ANNA, Entity, Place, collect, request};

const SHOP: &str = "
      - name: customer
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: code}
      - name: parcel
        fields:
          - {name: code, fides_meta: {references: [{dataset: shop, field: customer.code, direction: from}]}}
          - {name: what}
";

/// Addresses of which no character set of eight bits has all the letters.
const ELSEWHERE: [&str; 2] = ["łukasz@example.org", "user@пример.рф"];

#[test]
fn a_value_that_the_columns_character_set_lacks_letters_for_finds_nobodys_rows() {
    for codes in [&["Ł1"][..], &["Ł1", "Ę2", "Mü"]] {
        let rows: String = codes.iter().map(|code| format!("('anna@x.org', '{code}'),")).collect();
        let sql = format!(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY AUTO_INCREMENT, email VARCHAR(50) CHARACTER SET latin1, code VARCHAR(20) CHARACTER SET utf8mb4);
             INSERT INTO customer (email, code) VALUES {} ('bert@x.org', '?1');
             CREATE TABLE parcel (code VARCHAR(20) CHARACTER SET latin1, what VARCHAR(20)); CREATE INDEX c ON parcel (code);
             INSERT INTO parcel VALUES ('?1', 'of Bert'), ('Mü', 'of Anna');",
            rows
        );
        for index in ["", "DROP INDEX c ON parcel;"] {
            let entity = Entity::on(Engine::MariaDb, SHOP, &format!("{sql}{index}"));
            let parts = entity.collect(Csv);
            let expected: &[&str] = if codes.len() == 1 { &[] } else { &["Mü,of Anna"] };
            assert_eq!(parts.rows("parcel"), expected);
            assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
            for address in ELSEWHERE {
                let parts = collect(&entity.catalog(), &request(&[("email", address)], Csv), &mut |_| {}).unwrap();
                assert_eq!(parts.collected.located, Located::NotFound);
                assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
            }
        }
    }
}

#[test]
fn a_database_of_few_characters_answers_for_everybody_and_gives_large_text_in_full() {
    let entity = Entity::on(Engine::Postgres, SHOP, "");
    let Place::Server { server, database } = &entity.place else { panic!("no server") };
    server.remove(database).unwrap();
    let few = format!("CREATE DATABASE {database} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    server.run("postgres", &few).unwrap();
    entity.run(
        "SET client_encoding = 'UTF8';
         CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, code TEXT);
         INSERT INTO customer VALUES (1, 'anna@x.org', repeat('é', 3000000)), (2, 'müller@x.org', 'M');
         CREATE TABLE parcel (code TEXT, what TEXT); INSERT INTO parcel VALUES ('M', 'of Müller');",
    );
    let of = |address| collect(&entity.catalog(), &request(&[("email", address)], Csv), &mut |_| {}).unwrap();
    for address in ELSEWHERE {
        let parts = of(address);
        assert_eq!(parts.collected.located, Located::NotFound);
        assert!(parts.collected.not_searched.is_empty(), "{:?}", parts.collected.not_searched);
    }
    assert_eq!(of("müller@x.org").rows("parcel"), ["M,of Müller"]);
    let files = of(ANNA[0].1).plain();
    let (_, text) = files.iter().find(|(path, _)| path.ends_with(".txt")).unwrap();
    assert!(text == "é".repeat(3_000_000).as_bytes(), "{} bytes", text.len());
}
