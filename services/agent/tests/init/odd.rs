//! Schemas as they are found: names that no one would choose, nothing at all, and a great deal.

use std::fmt::Write;

use super::*;

#[test]
fn names_that_are_no_keys_are_quoted_reported_and_read_back() {
    let found = of("
        CREATE TABLE \"klant: 'gegevens' #1\" (\"No\" INTEGER PRIMARY KEY, \"e-mail adres\" TEXT UNIQUE, \"true\" TEXT, \"a\nb\" TEXT, \"\" TEXT, \"x.y\" TEXT);
        CREATE TABLE \"order.line\" (id INTEGER PRIMARY KEY, klant INTEGER REFERENCES \"klant: 'gegevens' #1\");
        INSERT INTO \"klant: 'gegevens' #1\" VALUES (1, 'anna@x.org', NULL, NULL, NULL, NULL);
        INSERT INTO \"order.line\" VALUES (1, 1);");
    assert!(found.proposal.summary.odd_names >= 4, "{:?}", found.proposal.summary);
    assert!(found.proposal.manifest.contains("the name is no valid Fideslang key"));
    let rows = found.rows("email", "anna@x.org");
    assert_eq!((rows["klant: 'gegevens' #1"], rows["order.line"]), (1, 1));
}

#[test]
fn the_same_schema_gives_the_same_bytes() {
    let sql = "CREATE TABLE b (id INTEGER PRIMARY KEY, email TEXT UNIQUE); CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b);";
    let folder = tempfile::tempdir().unwrap();
    Connection::open(file(folder.path())).unwrap().execute_batch(sql).unwrap();
    let one = || propose(&Database::Sqlite(file(folder.path())), &Wishes::default(), &clock()).unwrap().manifest;
    assert_eq!(one(), one());
}

#[test]
fn an_empty_database_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(file(folder.path())).unwrap().execute_batch("CREATE TABLE x (y); DROP TABLE x").unwrap();
    let error = propose(&Database::Sqlite(file(folder.path())), &Wishes::default(), &clock()).unwrap_err();
    assert!(matches!(error, InitError::Empty(_)), "{error}");
}

#[test]
fn views_tables_of_nobody_and_broken_views_are_listed_and_not_declared() {
    let found = of("
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
        CREATE TABLE currency (code TEXT PRIMARY KEY, symbol TEXT);
        CREATE VIEW everybody AS SELECT * FROM customer;
        CREATE TABLE gone (x); CREATE VIEW broken AS SELECT x FROM gone; DROP TABLE gone;");
    assert_eq!(found.proposal.summary.declared, ["customer"]);
    assert_eq!(found.proposal.summary.views, ["everybody"]);
    assert_eq!(found.proposal.summary.unreadable, ["broken"]);
    assert!(found.proposal.manifest.contains("#   currency (2 columns"));
}

#[test]
fn every_guess_is_marked_and_counted_and_none_is_left_when_the_marks_are_gone() {
    let found = of("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, city TEXT);");
    let marks = guesses(&found.proposal.manifest);
    let count = |about| marks.iter().filter(|guess| guess.about == about).count();
    assert_eq!((count(About::Category), count(About::Identity), count(About::Rows)), (4, 1, 1));
    assert_eq!(marks.len(), found.proposal.summary.guesses);
    let confirmed = found.proposal.manifest.replace("# guess:", "#");
    assert!(guesses(&confirmed).is_empty());
}

#[test]
fn a_thousand_tables_are_read_in_one_go() {
    let mut sql = String::from("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE);");
    for n in 0..1000 {
        let _ = write!(
            sql,
            "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, a TEXT, b TEXT, c INTEGER, d REAL);"
        );
    }
    let found = of(&sql);
    assert_eq!(found.proposal.summary.reached, 1001);
}
