//! Other people's data: an employee's access does not return customers' tickets, and what is hidden of a row leaves no trace
//! anywhere but in the count that the entity signs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use tributary_tests::archive::{Archive, cell};
use tributary_tests::client::disposition;
use tributary_tests::command::{self, tributary};
use tributary_tests::fixture::Fixture;
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::markers::Markers;
use tributary_tests::process::Launch;

const ENTITY: &str = "alpha-be";
const EMPLOYEE: &str = "erik@example.org";
const CUSTOMER: &str = "zqanna.71d0c2@privacy-marker.example";
const PATIENCE: Duration = Duration::from_secs(60);
/// Values of customers, each of which occurs nowhere else in the world.
const SECRETS: [&str; 4] =
    ["zqsubject 5be1 my wife is ill 9a2c", "zqwitness 88f0 Willem 1d4e", "zqbody 3c77 her doctor says 02bb", CUSTOMER];

const MANIFEST: &str = "\
dataset:
  - fides_key: desk
    collections:
      - name: employee
        fields:
          - { name: id, data_categories: [user.unique_id], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: appraisal, data_categories: [user.content], tributary: { free_text: redact } }
      - name: customer
        fields:
          - { name: id, data_categories: [user.unique_id], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
      - name: ticket
        tributary: { label: { en: Tickets, nl: Meldingen } }
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta: { references: [{ dataset: desk, field: customer.id, direction: from }] }
          - name: assigned_to
            fides_meta: { references: [{ dataset: desk, field: employee.id }] }
            tributary: { role: actor }
          - { name: subject, data_categories: [user.content] }
          - { name: opened_at, tributary: { about: actor } }
          - { name: witness, tributary: { third_party: true } }
          - { name: scan, data_categories: [user.content] }
      - name: message
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - name: ticket_id
            fides_meta: { references: [{ dataset: desk, field: ticket.id, direction: from }] }
          - { name: body, data_categories: [user.content] }
";

/// A service desk in which the employee handled a customer's tickets, and has one of their own.
struct Desk;

impl Fixture for Desk {
    fn key(&self) -> String {
        "desk".to_owned()
    }

    fn manifest(&self) -> String {
        MANIFEST.to_owned()
    }

    fn make(&self, path: &Path) -> Result<()> {
        let [subject, witness, body, customer] = SECRETS;
        // A scan is large enough to become a file of its own, were it given.
        let scan = subject.repeat(60_000);
        Ok(Connection::open(path)?.execute_batch(&format!(
            "CREATE TABLE employee (id INTEGER PRIMARY KEY, email TEXT, appraisal TEXT);
             CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT);
             CREATE TABLE ticket (id INTEGER PRIMARY KEY, customer_id INTEGER, assigned_to INTEGER, subject TEXT,
                 opened_at TEXT, witness TEXT, scan TEXT);
             CREATE TABLE message (id INTEGER PRIMARY KEY, ticket_id INTEGER, body TEXT);
             INSERT INTO employee VALUES (7, '{EMPLOYEE}', '{body}');
             INSERT INTO customer VALUES (1, '{customer}'), (2, '{EMPLOYEE}');
             INSERT INTO ticket VALUES (100, 1, 7, '{subject}', '2026-01-01', '{witness}', '{scan}'),
                 (101, 2, 7, 'my own', '2026-01-02', '{witness}', NULL), (102, 1, 8, '{subject}', '2026-01-03', NULL, NULL);
             INSERT INTO message VALUES (1, 100, '{body}'), (2, 101, 'to me'), (3, 102, '{body}');"
        ))?)
    }
}

fn group() -> Result<Group> {
    Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(Desk)]).lay_out()
}

/// Everything that the process could say.
fn loud(mut launch: Launch) -> Launch {
    launch.environment.push(("TRIBUTARY_LOG".to_owned(), "trace".to_owned()));
    launch
}

/// Opens a case, and downloads and verifies its archive.
async fn archive(group: &Group, email: &str, said: &str) -> Result<(PathBuf, Archive)> {
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", email)]).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), said);
    let path = group.root().join(format!("{case}.zip"));
    portal.download(&case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    ensure!(verified.code == Some(0), "{}", verified.said());
    let opened = Archive::open(&path)?;
    Ok((path, opened))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employees_access_does_not_return_customers_tickets() -> Result<()> {
    let group = group()?;
    let _agent = loud(group.agent_launch(ENTITY)?).start().await?;
    let _gateway = loud(group.gateway_launch()).start().await?;
    let (path, archive) = archive(&group, EMPLOYEE, "PARTLY_FULFILLED").await?;

    let tickets = archive.rows(ENTITY, "desk", "ticket")?;
    let column = |name: &str| tickets.iter().map(|row| cell(row, name).unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(column("id"), ["101", "100"]);
    assert_eq!(column("assigned_to"), ["7", "7"]);
    assert_eq!(column("opened_at"), ["2026-01-02", "2026-01-01"]);
    assert_eq!(column("subject"), ["my own", "[redacted:ACTOR]"]);
    assert_eq!(column("customer_id"), ["2", "[redacted:ACTOR]"]);
    assert_eq!(column("witness"), ["[redacted:THIRD_PARTY]"; 2]);
    assert_eq!(archive.rows(ENTITY, "desk", "message")?.len(), 1, "a ticket that they only handled leads nowhere");
    assert_eq!(archive.rows(ENTITY, "desk", "customer")?.len(), 1);

    let completeness = archive.json("completeness.json")?;
    let redactions = completeness["entities"][0]["redactions"].as_array().context("there are counts")?;
    let counts: Vec<_> = redactions
        .iter()
        .map(|r| (r["collection"].as_str(), r["field"].as_str(), r["reason"].as_str(), r["count"].as_u64()))
        .collect();
    let expected = [
        ("employee", "appraisal", "FREE_TEXT", 1),
        ("ticket", "customer_id", "ACTOR", 1),
        ("ticket", "scan", "ACTOR", 1),
        ("ticket", "subject", "ACTOR", 1),
        ("ticket", "witness", "THIRD_PARTY", 2),
    ];
    let some = |(collection, field, reason, count)| (Some(collection), Some(field), Some(reason), Some(count));
    assert_eq!(counts, expected.map(some));
    let page = String::from_utf8(archive.bytes("START-HERE.html")?.to_vec())?;
    assert!(page.contains("2 values are hidden: data of other people."));
    assert!(page.contains("3 values are hidden: data of people whose matter you handled."));
    let shown = tributary(["archive".as_ref(), "show".as_ref(), path.as_os_str()])?;
    assert!(shown.said().contains("hidden: alpha-be desk.ticket: 3 values: you acted on it"), "{}", shown.said());

    // Nothing of the others left the database: not in the archive, nor wherever the processes keep or say anything.
    let markers = Markers::new(SECRETS)?;
    let mut found = Vec::new();
    for name in archive.names().map(str::to_owned).collect::<Vec<_>>() {
        found.extend(markers.in_bytes(&name, archive.bytes(&name)?));
    }
    let kept = [group.logs(), group.gateway_folder().join("data"), group.entity(ENTITY)?.join("data")];
    for place in kept {
        found.extend(markers.in_folder(&place)?);
    }
    ensure!(found.is_empty(), "{} markers found: {found:#?}", found.len());
    assert!(!markers.in_folder(&group.database(ENTITY, "desk")?)?.is_empty(), "the search is not blind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_gets_their_tickets_whole_and_not_who_handled_them() -> Result<()> {
    let group = group()?;
    let _agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let (_, archive) = archive(&group, CUSTOMER, "FULFILLED").await?;
    let tickets = archive.rows(ENTITY, "desk", "ticket")?;
    assert!(tickets.iter().all(|row| cell(row, "subject").as_deref() == Some(SECRETS[0])) && tickets.len() == 2);
    assert!(tickets.iter().all(|row| cell(row, "witness").as_deref() == Some("[redacted:THIRD_PARTY]")));
    assert_eq!(archive.rows(ENTITY, "desk", "message")?.len(), 2);
    assert!(archive.rows(ENTITY, "desk", "employee")?.is_empty());
    Ok(())
}
