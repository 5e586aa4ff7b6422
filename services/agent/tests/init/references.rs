//! Which way references are walked, and which are not.

use super::*;

#[test]
fn a_clerk_does_not_get_the_customers_tickets_and_a_customer_not_the_clerk() {
    let found = of("
        CREATE TABLE employee (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, manager_id INTEGER REFERENCES employee);
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, support_rep_id INTEGER REFERENCES employee);
        CREATE TABLE ticket (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer,
            assigned_to INTEGER REFERENCES employee, employee_id INTEGER REFERENCES employee);
        CREATE TABLE timesheet (id INTEGER PRIMARY KEY, employee_id INTEGER REFERENCES employee, hours INTEGER);
        INSERT INTO employee VALUES (1, 'Carla', 'carla@x.org', NULL), (2, 'Dirk', 'dirk@x.org', 1);
        INSERT INTO customer VALUES (1, 'Anna', 'anna@x.org', 1), (2, 'Bo', 'bo@x.org', 1);
        INSERT INTO ticket VALUES (1, 1, 1, 1), (2, 2, 1, 2);
        INSERT INTO timesheet VALUES (1, 1, 8), (2, 2, 8);");
    let rows = found.rows("email", "carla@x.org");
    assert_eq!((rows["employee"], rows["customer"], rows["ticket"], rows["timesheet"]), (1, 0, 0, 1));
    let rows = found.rows("email", "anna@x.org");
    assert_eq!((rows["employee"], rows["customer"], rows["ticket"], rows["timesheet"]), (0, 1, 1, 0));
    assert!(found.field("ticket", "assigned_to").contains("not whom it is about"));
    assert!(found.field("customer", "support_rep_id").contains("relates people to each other"));
}

#[test]
fn what_many_share_explains_a_row_and_leads_to_no_other_person() {
    let found = of("
        CREATE TABLE address (id INTEGER PRIMARY KEY, street TEXT, city TEXT);
        CREATE TABLE supplier (id INTEGER PRIMARY KEY, name TEXT, contact_name TEXT, email TEXT);
        CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, supplier_id INTEGER REFERENCES supplier);
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE, address_id INTEGER REFERENCES address);
        CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, product_id INTEGER REFERENCES product);
        INSERT INTO address VALUES (1, 'Kade', 'Gent');
        INSERT INTO supplier VALUES (1, 'S', 'Greet', 'greet@x.org');
        INSERT INTO product VALUES (1, 'Pan', 1);
        INSERT INTO customer VALUES (1, 'Anna', 'anna@x.org', 1), (2, 'Bo', 'bo@x.org', 1);
        INSERT INTO purchase VALUES (1, 1, 1), (2, 2, 1);");
    let rows = found.rows("email", "anna@x.org");
    assert_eq!((rows["customer"], rows["address"], rows["purchase"], rows["product"]), (1, 1, 1, 1));
    assert_eq!(rows.get("supplier").copied().unwrap_or(0), 0);
    assert!(found.field("product", "supplier_id").contains("somebody else"));
}

#[test]
fn composite_keys_are_matched_as_a_whole() {
    let found = of("
        CREATE TABLE customer (tenant INTEGER, id INTEGER, name TEXT, email TEXT UNIQUE, PRIMARY KEY (tenant, id));
        CREATE TABLE purchase (tenant INTEGER, nr INTEGER, customer_id INTEGER, PRIMARY KEY (tenant, nr),
            FOREIGN KEY (tenant, customer_id) REFERENCES customer (tenant, id));
        INSERT INTO customer VALUES (1, 1, 'Anna', 'anna@x.org'), (1, 2, 'Bo', 'bo@x.org'), (2, 1, 'Cy', 'cy@x.org');
        INSERT INTO purchase VALUES (1, 1, 1), (1, 2, 2), (2, 1, 1);");
    assert_eq!(found.rows("email", "anna@x.org")["purchase"], 1, "{}", found.proposal.manifest);
}

#[test]
fn what_no_foreign_key_says_is_proposed_and_not_in_force() {
    let found = of("
        CREATE TABLE klanten (klantnr INTEGER PRIMARY KEY, voornaam TEXT, achternaam TEXT, email TEXT UNIQUE);
        CREATE TABLE bestelling (id INTEGER PRIMARY KEY, klant_nr INTEGER, bedrag REAL);
        INSERT INTO klanten VALUES (1, 'Anna', 'A', 'anna@x.org');
        INSERT INTO bestelling VALUES (1, 1, 2.5);");
    let field = found.field("bestelling", "klant_nr");
    let line = "# references: [{ dataset: shop, field: klanten.klantnr, direction: from }]  # guess, not in force";
    assert!(field.contains(line), "{field}");
    let report = inspect(&found.sources(), found.limits(), clock());
    assert_eq!(report.items(Code::NotReached)[0].name, "shop.bestelling", "named, since it looks like people's data");
    assert!(report.items(Code::Proposed)[0].detail.starts_with("2 proposals are not in force"));
    // In force once the mark is gone.
    let manifest = found
        .proposal
        .manifest
        .replace("# references: [{ dataset: shop, field: klanten", "references: [{ dataset: shop, field: klanten");
    let found = Proposed { proposal: Proposal { manifest, ..found.proposal }, folder: found.folder };
    assert_eq!(found.rows("email", "anna@x.org")["bestelling"], 1);
}

#[test]
fn a_reference_that_names_no_column_means_the_primary_key() {
    let found = of("
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
        CREATE TABLE \"Order\" (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES CUSTOMER);
        INSERT INTO customer VALUES (1, 'Anna', 'anna@x.org');
        INSERT INTO \"Order\" VALUES (1, 1), (2, NULL);");
    assert_eq!(found.rows("email", "anna@x.org")["Order"], 1);
}

#[test]
fn keys_of_several_columns_are_told_apart_whatever_order_their_columns_stand_in() {
    let found = of("
        CREATE TABLE customer (tenant INTEGER, no INTEGER, name TEXT, email TEXT UNIQUE, PRIMARY KEY (tenant, no));
        CREATE TABLE message (id INTEGER PRIMARY KEY, recipient_no INTEGER, sender_tenant INTEGER, sender_no INTEGER,
            recipient_tenant INTEGER, subject TEXT,
            FOREIGN KEY (sender_tenant, sender_no) REFERENCES customer (tenant, no),
            FOREIGN KEY (recipient_tenant, recipient_no) REFERENCES customer (tenant, no));
        INSERT INTO customer VALUES (1, 1, 'Anna', 'anna@x.org'), (1, 2, 'Bob', 'bob@x.org'), (2, 1, 'Otto', 'otto@x.org'),
            (2, 2, 'Eve', 'eve@x.org');
        INSERT INTO message VALUES (1, 2, 1, 1, 1, 'anna to bob'), (2, 1, 1, 2, 1, 'bob to anna'), (3, 2, 2, 1, 2, 'otto to eve'),
            (4, 1, 2, 2, 2, 'eve to otto'), (5, 1, 1, 1, 2, 'anna to otto');");
    for (who, messages) in [("anna", 3), ("bob", 2), ("otto", 3), ("eve", 2)] {
        assert_eq!(
            found.rows("email", &format!("{who}@x.org"))["message"],
            messages,
            "{who}\n{}",
            found.proposal.manifest
        );
    }
    let report = inspect(&found.sources(), found.limits(), clock());
    assert!(!report.warnings.iter().any(|warning| warning.contains("one key")), "{:?}", report.warnings);
}

#[test]
fn a_key_that_is_not_the_primary_one_is_matched_as_a_whole() {
    let found = of("
        CREATE TABLE customer (id INTEGER PRIMARY KEY, tenant INTEGER, customer_no INTEGER, name TEXT, email TEXT UNIQUE,
            UNIQUE (tenant, customer_no));
        CREATE TABLE purchase (id INTEGER PRIMARY KEY, tenant INTEGER, customer_no INTEGER,
            FOREIGN KEY (tenant, customer_no) REFERENCES customer (tenant, customer_no));
        INSERT INTO customer VALUES (7, 1, 1, 'Anna', 'anna@x.org'), (8, 1, 2, 'Bo', 'bo@x.org'), (9, 2, 1, 'Cy', 'cy@x.org');
        INSERT INTO purchase VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, NULL, 1);");
    assert_eq!(found.rows("email", "anna@x.org")["purchase"], 1, "{}", found.proposal.manifest);
    // Without what says so nobody knows which rows are meant: the check says what to write.
    let manifest = found.proposal.manifest.replace(", tributary: { foreign_key: tenant+customer_no }", "");
    assert_ne!(manifest, found.proposal.manifest);
    let plain = Proposed { proposal: Proposal { manifest, ..found.proposal }, folder: found.folder };
    let report = inspect(&plain.sources(), plain.limits(), clock());
    let told = "shop.purchase refers to several fields of shop.customer, and nothing says which of these form one key";
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert!(problem.contains(told) && problem.contains("tributary: { foreign_key: NAME }"), "{problem}");
}
