//! Who is taken for a person, and by what people are found.

use super::*;

#[test]
fn people_are_found_behind_a_table_of_their_addresses() {
    let found = of("
        CREATE TABLE person (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, birth_date DATE);
        CREATE TABLE email_address (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES person, email TEXT UNIQUE);
        CREATE TABLE loan (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES person, title TEXT);
        INSERT INTO person VALUES (1, 'Anna', 'A', NULL), (2, 'Bo', 'B', NULL);
        INSERT INTO email_address VALUES (1, 1, 'anna@x.org'), (2, 1, 'anna@y.org'), (3, 2, 'bo@x.org');
        INSERT INTO loan VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');");
    let rows = found.rows("email", "anna@x.org");
    assert_eq!((rows["person"], rows["email_address"], rows["loan"]), (1, 2, 2), "{}", found.proposal.manifest);
}

#[test]
fn an_address_book_is_about_people_and_is_none() {
    let found = of("
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE);
        CREATE TABLE address (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, first_name TEXT, last_name TEXT, city TEXT);
        INSERT INTO customer VALUES (1, 'Anna', 'anna@x.org');
        INSERT INTO address VALUES (1, 1, 'Anna', 'A', 'Gent'), (2, 1, 'Mother', 'A', 'Gent');");
    assert_eq!(found.proposal.summary.people, ["customer"]);
    assert_eq!(found.rows("email", "anna@x.org")["address"], 2);
}

#[test]
fn somebody_elses_address_finds_nobody_and_gets_a_remark() {
    let found = of("
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, emergency_contact_phone TEXT, notes TEXT, password_hash TEXT);");
    let field = found.field("customer", "emergency_contact_phone");
    assert!(field.contains("# identity: phone_number  # guess, not in force: its name says"), "{field}");
    assert!(field.contains("tributary: { third_party: true }"), "{field}");
    assert!(found.field("customer", "notes").contains("free_text: review"));
    assert!(found.proposal.manifest.contains("# - name: password_hash  left out: a secret"));
    assert!(!found.proposal.manifest.contains("\n          - name: password_hash"));
}

#[test]
fn identifier_types_are_those_of_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let sql =
        "CREATE TABLE klanten (klantnr TEXT PRIMARY KEY, klantnummer TEXT UNIQUE, emailadres TEXT, telefoon TEXT)";
    Connection::open(file(folder.path())).unwrap().execute_batch(sql).unwrap();
    let types = Some(vec!["email".parse().unwrap(), "external_id".parse().unwrap()]);
    let wishes = Wishes { identifier_types: types, ..Wishes::default() };
    let proposal = propose(&Database::Sqlite(file(folder.path())), &wishes, &clock()).unwrap();
    let found = proposal.summary.identities.join(", ");
    assert!(
        found.contains("klanten.klantnummer (external_id)") && found.contains("klanten.emailadres (email)"),
        "{found}"
    );
    assert!(proposal.manifest.contains("# identity: phone_number  # guess, not in force: the group file knows no"));
}

#[test]
fn names_get_labels_in_their_own_language_and_cryptic_ones_by_what_they_mean() {
    let found =
        of("CREATE TABLE klanten (kdnr INTEGER PRIMARY KEY, voornaam TEXT, email TEXT, xq TEXT, factuur_plaats TEXT);");
    assert!(found.field("klanten", "voornaam").contains("label: { en: First name, nl: Voornaam }"));
    assert!(found.field("klanten", "kdnr").contains("de: Kundennummer"));
    assert!(found.field("klanten", "factuur_plaats").contains("label: { nl: Factuur plaats }"));
    assert!(!found.field("klanten", "xq").contains("label"));
}
