//! What is about others: hidden by rule, with a mark in its place, and counted.

use tributary_archive::attestation::Answer;
use tributary_archive::preview::PreviewCell;
use tributary_archive::redaction::RedactionReason::{self, Actor, FreeText, Shared, ThirdParty};
use tributary_model::disposition::Disposition;
use tributary_model::right::TableFormat;

use super::support::{Entity, Parts, identifier, plain, request};
use tributary_agent::collect::{Located, StopFlag};

/// A service desk: customers and the tickets that employees handle for them.
const DESK: &str = "
      - name: employee
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
      - name: ticket
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}
          - name: assigned_to
            fides_meta: {references: [{dataset: shop, field: employee.id}]}
            tributary: {role: actor}
          - {name: subject, data_categories: [user.content]}
          - {name: opened_at, tributary: {about: actor}}
          - {name: status, data_categories: [system.operations]}
          - {name: witness, tributary: {third_party: true}}
      - name: message
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: ticket_id
            fides_meta: {references: [{dataset: shop, field: ticket.id, direction: from}]}
          - {name: body, data_categories: [user.content]}
";
const DESK_SQL: &str = "
    CREATE TABLE employee (id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE ticket (id INTEGER PRIMARY KEY, customer_id INTEGER, assigned_to INTEGER, subject TEXT, opened_at TEXT,
        status TEXT, witness TEXT);
    CREATE TABLE message (id INTEGER PRIMARY KEY, ticket_id INTEGER, body TEXT);
    INSERT INTO employee VALUES (7, 'erik@x.org'), (8, 'eva@x.org');
    INSERT INTO customer VALUES (1, 'anna@x.org'), (2, 'erik@x.org');
    INSERT INTO ticket VALUES
        (100, 1, 7, 'secret-anna', '2026-01-01', 'open', 'secret-wim'),
        (101, 2, 7, 'my own', '2026-01-02', 'open', NULL),
        (102, 2, 8, 'my other', '2026-01-03', 'open', 'secret-willy'),
        (103, 1, 8, 'secret-anna-2', '2026-01-04', 'open', NULL);
    INSERT INTO message VALUES (1000, 100, 'secret-body'), (1001, 101, 'to me'), (1003, 103, 'secret-body-2');";
const ERIK: &[(&str, &str)] = &[("email", "erik@x.org")];
const ANNA: &[(&str, &str)] = &[("email", "anna@x.org")];

/// Everything that left, in plain: parts, previews, tables and what is attested.
fn everything(parts: &Parts) -> String {
    let mut text: String =
        parts.parts.iter().map(|(part, carried)| String::from_utf8_lossy(&plain(part, carried)).into_owned()).collect();
    text += &serde_json::to_string(&parts.previews).unwrap();
    text += &serde_json::to_string(&parts.tables).unwrap();
    text += &format!("{:?}", parts.collected);
    text
}

fn counts(parts: &Parts) -> Vec<(&str, Option<&str>, RedactionReason, u64)> {
    let told = parts.collected.redactions.iter();
    told.map(|r| (r.collection.as_str(), r.field.as_deref(), r.reason, r.count)).collect()
}

fn answer(parts: &Parts) -> &Answer {
    &parts.collected.answers[0]
}

#[test]
fn an_employee_gets_what_is_about_them_of_the_tickets_that_they_handled() {
    let entity = Entity::shop(DESK, DESK_SQL);
    let parts = entity.collect(ERIK);
    assert_eq!(
        parts.rows("ticket"),
        [
            "101,2,7,my own,2026-01-02,open,[redacted:THIRD_PARTY]",
            "102,2,8,my other,2026-01-03,open,[redacted:THIRD_PARTY]",
            "100,[redacted:ACTOR],7,[redacted:ACTOR],2026-01-01,open,[redacted:THIRD_PARTY]",
        ],
        "a ticket that is about them is given as such although they handled it too"
    );
    assert_eq!(parts.rows("message"), ["1001,101,to me"], "a ticket that they only handled leads nowhere");
    assert!(!everything(&parts).contains("secret"));
    assert_eq!(
        counts(&parts),
        [
            ("ticket", Some("customer_id"), Actor, 1),
            ("ticket", Some("subject"), Actor, 1),
            ("ticket", Some("witness"), ThirdParty, 3),
        ]
    );
    assert_eq!((answer(&parts).disposition, answer(&parts).rows), (Disposition::Fulfilled, 6));
    let table = parts.tables.iter().find(|table| table.collection == "ticket").unwrap();
    assert_eq!(table.marks, [ThirdParty, Actor]);
    assert_eq!(table.primary_key, ["id"], "a key that is never hidden still tells rows apart");
    let others = parts.tables.iter().filter(|table| table.collection != "ticket");
    assert!(others.map(|table| &table.marks).all(Vec::is_empty));
}

#[test]
fn a_customer_is_not_led_to_who_handled_their_tickets() {
    let parts = Entity::shop(DESK, DESK_SQL).collect(ANNA);
    assert_eq!(parts.rows("ticket").len(), 2);
    assert!(parts.rows("employee").is_empty());
    assert_eq!(parts.rows("message").len(), 2);
    assert_eq!(counts(&parts), [("ticket", Some("witness"), ThirdParty, 2)]);
}

#[test]
fn a_field_about_someone_else_leads_to_nobody() {
    let manifest = "
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - name: invited_by
            fides_meta: {references: [{dataset: shop, field: customer.id}]}
            tributary: {third_party: true}
      - name: visit
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: host, fides_meta: {references: [{dataset: shop, field: customer.id, direction: to}]}, tributary: {third_party: true}}
          - {name: guest, fides_meta: {references: [{dataset: shop, field: customer.id, direction: from}]}}
";
    let sql = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, invited_by INTEGER);
        CREATE TABLE visit (id INTEGER PRIMARY KEY, host INTEGER, guest INTEGER);
        INSERT INTO customer VALUES (1, 'anna@x.org', 2), (2, 'secret@x.org', 1);
        INSERT INTO visit VALUES (1, 2, 1), (2, 1, 2);";
    let parts = Entity::shop(manifest, sql).collect(ANNA);
    assert_eq!(parts.rows("customer"), ["1,anna@x.org,[redacted:THIRD_PARTY]"]);
    assert_eq!(parts.rows("visit"), ["1,[redacted:THIRD_PARTY],1"]);
}

#[test]
fn whatever_the_order_of_the_walk_a_row_is_given_in_the_better_role() {
    // Tickets are reached by who handled them long before they are reached by whom they are about.
    let deep = "
      - name: employee
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
      - name: ticket
        fides_meta: {after: []}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: by, fides_meta: {references: [{dataset: shop, field: employee.id, direction: from}]}, tributary: {role: actor}}
          - {name: device, fides_meta: {references: [{dataset: shop, field: device.id, direction: from}]}}
          - {name: text}
      - name: device
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: owner, fides_meta: {references: [{dataset: shop, field: lease.id, direction: from}]}}
      - name: lease
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: who, fides_meta: {references: [{dataset: shop, field: employee.id, direction: from}]}}
";
    let sql = "
        CREATE TABLE employee (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO employee VALUES (7, 'erik@x.org');
        CREATE TABLE lease (id INTEGER PRIMARY KEY, who INTEGER); INSERT INTO lease VALUES (1, 7);
        CREATE TABLE device (id INTEGER PRIMARY KEY, owner INTEGER); INSERT INTO device VALUES (5, 1), (6, 2);
        CREATE TABLE ticket (id INTEGER PRIMARY KEY, by INTEGER, device INTEGER, text TEXT);
        INSERT INTO ticket VALUES (1, 7, 5, 'mine'), (2, 7, 6, 'secret'), (3, 9, 5, 'about me');";
    let parts = Entity::shop(deep, sql).collect(ERIK);
    assert_eq!(parts.rows("ticket"), ["1,7,5,mine", "3,9,5,about me", "2,7,[redacted:ACTOR],[redacted:ACTOR]"]);
}

#[test]
fn rows_that_the_person_only_acted_on_can_be_left_out_and_are_counted() {
    let omitting =
        DESK.replace("      - name: ticket\n", "      - name: ticket\n        tributary: {actor_rows: omit}\n");
    let parts = Entity::shop(&omitting, DESK_SQL).collect(ERIK);
    assert_eq!(parts.rows("ticket").len(), 2);
    assert_eq!(counts(&parts)[0], ("ticket", None, Actor, 1));
    let answer = answer(&parts);
    assert_eq!((answer.disposition, answer.rows), (Disposition::PartlyFulfilled, 5));
    assert!(answer.reason.as_ref().unwrap().contains("15(4)"));
    let table = parts.tables.iter().find(|table| table.collection == "ticket").unwrap();
    assert_eq!(table.marks, [ThirdParty]);
}

#[test]
fn somebody_who_is_known_by_what_they_did_alone_is_known() {
    let log = "
      - name: log
        tributary: {actor_rows: omit}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: who, fides_meta: {identity: email}, tributary: {role: actor}}
          - {name: whose, data_categories: [user.name]}
";
    let sql = "CREATE TABLE log (id INTEGER PRIMARY KEY, who TEXT, whose TEXT);
        INSERT INTO log VALUES (1, 'erik@x.org', 'secret-a'), (2, 'erik@x.org', 'secret-b'), (3, 'eva@x.org', 'Erik');";
    let entity = Entity::shop(log, sql);
    let erik = [identifier("email", "erik@x.org")];
    assert_eq!(entity.load().unwrap().locate(&erik, &StopFlag::new()).unwrap(), Located::Found);
    let parts = entity.collect(ERIK);
    assert_eq!((parts.collected.located, answer(&parts).disposition), (Located::Found, Disposition::PartlyFulfilled));
    assert_eq!((counts(&parts), answer(&parts).rows), (vec![("log", None, Actor, 2)], 0));
    let given = Entity::shop(&log.replace("actor_rows: omit", "actor_rows: redact"), sql).collect(ERIK);
    assert_eq!(given.rows("log"), ["1,erik@x.org,[redacted:ACTOR]", "2,erik@x.org,[redacted:ACTOR]"]);
    assert!(!everything(&given).contains("secret"));
}

#[test]
fn a_shared_row_is_given_without_what_names_the_others_and_leads_to_none_of_them() {
    let shared = "
      - name: member
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: household_id, fides_meta: {references: [{dataset: shop, field: household.id}]}}
      - name: household
        tributary: {shared: true}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: city}
          - {name: mail, fides_meta: {identity: email}}
          - {name: head, fides_meta: {references: [{dataset: shop, field: member.id, direction: to}]}}
          - {name: steward, fides_meta: {references: [{dataset: shop, field: member.id, direction: to}]}, tributary: {third_party: false}}
";
    let sql = "
        CREATE TABLE member (id INTEGER PRIMARY KEY, email TEXT, household_id INTEGER);
        CREATE TABLE household (id INTEGER PRIMARY KEY, city TEXT, mail TEXT, head INTEGER, steward INTEGER);
        INSERT INTO member VALUES (1, 'anna@x.org', 50), (2, 'secret@x.org', 50), (3, 'bert@x.org', 51);
        INSERT INTO household VALUES (50, 'Ghent', 'secret@x.org', 2, 9), (51, 'Bruges', 'Bert@X.org', 3, 9), (52, 'Namur', NULL, 3, 9);";
    let parts = Entity::shop(shared, sql).collect(ANNA);
    assert_eq!(parts.rows("member"), ["1,anna@x.org,50"]);
    assert_eq!(parts.rows("household"), ["50,Ghent,[redacted:SHARED],[redacted:SHARED],9"]);
    assert!(!everything(&parts).contains("secret"));
    let bert = Entity::shop(shared, sql).collect(&[("email", "bert@x.org")]);
    assert_eq!(bert.rows("member"), ["3,bert@x.org,51"]);
    assert_eq!(bert.rows("household"), ["51,Bruges,Bert@X.org,[redacted:SHARED],9"], "their own address is theirs");
    assert_eq!(counts(&bert), [("household", Some("head"), Shared, 1)]);
    assert_eq!(answer(&bert).disposition, Disposition::Fulfilled);
}

#[test]
fn text_that_may_speak_of_others_is_held_back_and_the_answer_says_so() {
    let notes = |policy: &str| {
        format!(
            "
      - name: customer
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: email, fides_meta: {{identity: email}}}}
          - {{name: note, data_categories: [user.content], tributary: {{free_text: {policy}}}}}
"
        )
    };
    let sql = "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, note TEXT);
        INSERT INTO customer VALUES (1, 'anna@x.org', 'secret-note');";
    let of = |policy: &str| Entity::shop(&notes(policy), sql).collect(ANNA);
    let (parts, reason) = (of("redact"), FreeText);
    assert_eq!(parts.rows("customer"), [format!("1,anna@x.org,{}", reason.mark())]);
    assert_eq!(counts(&parts), [("customer", Some("note"), reason, 1)]);
    assert_eq!(answer(&parts).disposition, Disposition::PartlyFulfilled);
    assert!(!everything(&parts).contains("secret"));
    assert!(parts.preview("customer").rows[0][2] == PreviewCell::Redacted { redacted: reason });
    assert!(parts.preview("customer").overview.iter().all(|field| field.field != "note"));
    // A person sees it first: the export keeps everything of the collection back until then.
    for policy in ["release", "review"] {
        let parts = of(policy);
        assert_eq!(parts.rows("customer"), ["1,anna@x.org,secret-note"]);
        assert_eq!((answer(&parts).disposition, counts(&parts)), (Disposition::Fulfilled, Vec::new()));
    }
}

#[test]
fn a_mark_stands_in_any_type_and_says_neither_whether_there_was_a_value_nor_how_long() {
    let manifest = "
      - name: customer
        fields:
          - {name: id, fides_meta: {primary_key: true}, tributary: {third_party: true}}
          - {name: email, fides_meta: {identity: email}}
          - {name: born, tributary: {third_party: true, represents: date, as: epoch_days}}
          - {name: photo, tributary: {third_party: true}}
          - {name: profile, fields: [{name: friend, tributary: {third_party: true}}, {name: own}]}
          - {name: flag, fides_meta: {data_type: boolean}, tributary: {third_party: true}}
          - {name: said}
";
    let sql = format!(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, born INTEGER, photo BLOB, profile TEXT, flag INTEGER, said TEXT) STRICT;
         INSERT INTO customer VALUES (1, 'anna@x.org', 12345, x'{}', '{{\"friend\": \"secret\", \"own\": 1}}', 1, '[redacted:ACTOR]'),
             (2, 'anna@x.org', NULL, NULL, NULL, NULL, '[redacted: no mark]');",
        "73656372".repeat(1 << 19)
    );
    let entity = Entity::shop(manifest, &sql);
    let parts = entity.collect(ANNA);
    let hidden = ThirdParty.mark();
    let line = |said: &str| format!("{hidden},anna@x.org,{hidden},{hidden},{hidden},{hidden},{said}");
    assert_eq!(parts.rows("customer"), [line("'[redacted:ACTOR]"), line("'[redacted: no mark]")]);
    assert_eq!(parts.paths().len(), 1, "no hidden value becomes a file of its own");
    assert!(!everything(&parts).contains("secr") && !everything(&parts).contains("2097152"));
    assert!(parts.tables[0].primary_key.is_empty(), "marks tell no rows apart");
    let lines = entity
        .try_collect(&tributary_agent::collect::Request { format: TableFormat::Ndjson, ..request(ANNA) })
        .unwrap()
        .text("shop/customer-0001.ndjson");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["born"], &first["said"]), (&hidden.into(), &"'[redacted:ACTOR]".into()));
}

#[test]
fn a_manifest_that_says_nothing_of_others_hides_nothing() {
    let plain = DESK
        .replace("tributary: {role: actor}", "")
        .replace(", tributary: {about: actor}", "")
        .replace(", tributary: {third_party: true}", "");
    let sql = format!("{DESK_SQL} INSERT INTO ticket VALUES (104, 1, NULL, '[redacted:ACTOR]', NULL, NULL, NULL);");
    let parts = Entity::shop(&plain, &sql).collect(ANNA);
    assert!(parts.rows("ticket").contains(&"104,1,,[redacted:ACTOR],,,".to_owned()), "data are left as they are");
    assert!(counts(&parts).is_empty() && parts.tables.iter().all(|table| table.marks.is_empty()));
}
