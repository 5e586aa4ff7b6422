//! One ERP for three companies: one agent process answers for each of them, signed with its own key, and no row of one
//! leaves under another's name.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::Connection;
use tributary_tests::archive::{Archive, cell};
use tributary_tests::client::disposition;
use tributary_tests::command::{self, Ran, tributary};
use tributary_tests::fixture::Fixture;
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::wait::until;

const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);
/// The companies with their codes in the ERP.
const COMPANIES: [(&str, u32); 3] = [("acme-fr", 100), ("acme-be", 200), ("acme-nl", 300)];

const MANIFEST: &str = "\
dataset:
  - fides_key: erp
    tributary: {controller: {column: company, values: {100: acme-fr, '200': acme-be, 300: acme-nl}}}
    collections:
      - name: customer
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: company, data_categories: [system]}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - name: town_id
            fides_meta: {references: [{dataset: erp, field: town.id, direction: to}]}
          - {name: name, data_categories: [user.name]}
      - name: purchase
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: company, data_categories: [system]}
          - name: customer_id
            fides_meta: {references: [{dataset: erp, field: customer.id, direction: from}]}
          - {name: article, data_categories: [user.behavior.purchase_history]}
      - name: line
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: purchase_id
            fides_meta: {references: [{dataset: erp, field: purchase.id, direction: from}]}
          - {name: text, data_categories: [user.behavior.purchase_history]}
      - name: town
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: name, data_categories: [user.contact.address.city]}
      - name: badge
        tributary: {controller: acme-be}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
";

/// Anna is a customer of all three companies, and a stranger is one of each too.
struct Erp {
    /// Whether a fourth row of Anna's says of no company that it is its.
    with_nobodys: bool,
}

impl Fixture for Erp {
    fn key(&self) -> String {
        "erp".to_owned()
    }

    fn manifest(&self) -> String {
        MANIFEST.to_owned()
    }

    fn make(&self, path: &Path) -> Result<()> {
        let mut sql =
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, company TEXT, email TEXT, town_id INTEGER, name TEXT);
             CREATE TABLE purchase (id INTEGER PRIMARY KEY, company INTEGER, customer_id INTEGER, article TEXT);
             CREATE TABLE line (id INTEGER PRIMARY KEY, purchase_id INTEGER, text TEXT);
             CREATE TABLE town (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE badge (id INTEGER PRIMARY KEY, email TEXT);
             INSERT INTO town VALUES (1, 'Mons');
             INSERT INTO badge VALUES (77, 'anna@example.org');"
                .to_owned();
        for (at, (company, code)) in (1..).zip(COMPANIES) {
            for (id, email) in [(at, EMAIL), (at + 10, "other@example.org")] {
                write!(sql, "INSERT INTO customer VALUES ({id}, '{code}', '{email}', 1, 'row of {company}');")?;
                for purchase in [id * 100, id * 100 + 1] {
                    write!(sql, "INSERT INTO purchase VALUES ({purchase}, {code}, {id}, 'row of {company}');")?;
                    write!(sql, "INSERT INTO line VALUES ({purchase}, {purchase}, 'row of {company}');")?;
                }
                // Another company's, under this company's customer: nobody hands it over, and its own company says so.
                write!(
                    sql,
                    "INSERT INTO purchase VALUES ({id}, {}, {id}, 'strayed');",
                    if code == 100 { 200 } else { 100 }
                )?;
                write!(sql, "INSERT INTO line VALUES ({id}, {id}, 'strayed');")?;
            }
        }
        if self.with_nobodys {
            write!(sql, "INSERT INTO customer VALUES (99, NULL, '{EMAIL}', 1, 'row of nobody');")?;
        }
        Ok(Connection::open(path)?.execute_batch(&sql)?)
    }
}

/// Lays out three entities and makes one agent of them, in the folder of the first.
fn group(direction: Direction, with_nobodys: bool) -> Result<Group> {
    let [(first, _), rest @ ..] = COMPANIES;
    let mut plans = vec![EntityPlan::new(first, "FR").holds(Erp { with_nobodys })];
    plans.extend(rest.map(|(id, _)| EntityPlan::new(id, if id == "acme-be" { "BE" } else { "NL" })));
    let mut group = Plan::new(plans).direction(direction).lay_out()?;
    group.change(|file| {
        let agent = file.entities[0].agent.clone();
        file.entities.iter_mut().for_each(|entity| entity.agent = agent.clone());
    })?;
    let config = group.entity(first)?.join("agent.yaml");
    let mut entities = "entities:\n".to_owned();
    for (id, _) in COMPANIES {
        writeln!(
            entities,
            "  - {{ id: {id}, signing_key: ../{id}/attestation.key, key_encryption_key: ../{id}/kek.key }}"
        )?;
    }
    let text = std::fs::read_to_string(&config)?;
    let text = text.replace("entity: acme-fr\n", &entities).replace("signing_key: attestation.key\n", "");
    std::fs::write(&config, text.replace("key_encryption_key: kek.key\n", ""))?;
    Ok(group)
}

fn beside_the_database(group: &Group, words: &[&str]) -> Result<Ran> {
    let config = group.entity("acme-fr")?.join("agent.yaml").display().to_string();
    tributary(words.iter().copied().chain(["--config", config.as_str()]).map(std::ffi::OsString::from))
}

/// What all rows of an entity say of whose they are, and their keys.
fn given(archive: &Archive, entity: &str) -> Result<(BTreeSet<String>, Vec<String>)> {
    let (mut owners, mut keys) = (BTreeSet::new(), Vec::new());
    for (collection, text) in [("customer", "name"), ("purchase", "article"), ("line", "text")] {
        for row in archive.rows(entity, "erp", collection)? {
            owners.insert(cell(&row, text).context("a row without text")?);
            keys.push(format!("{collection} {}", cell(&row, "id").context("a row without a key")?));
        }
    }
    Ok((owners, keys))
}

tributary_tests::in_both_directions! {
    each_of_three_companies_gives_the_rows_that_are_its_own_and_signs_for_them,
}

async fn each_of_three_companies_gives_the_rows_that_are_its_own_and_signs_for_them(
    direction: Direction,
) -> Result<()> {
    let group = group(direction, false)?;
    let agent = group.start_agent("acme-fr").await?;
    let gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    if direction == Direction::Outbound {
        until("every company has its slot", PATIENCE, || async {
            gateway.log().is_ok_and(|log| log.matches("an agent has dialled in").count() == 3).then_some(())
        })
        .await?;
        assert_eq!(agent.log()?.matches("connected to the gateway").count(), 1, "one connection carries all three");
    }
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    let path = group.root().join("archive.zip");
    portal.download(&case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());

    let archive = Archive::open(&path)?;
    let mut all = BTreeSet::new();
    for (at, (id, _)) in (1..).zip(COMPANIES) {
        // Of the first two, purchases stand under customers of others.
        assert_eq!(disposition(&ready, id), if id == "acme-nl" { "FULFILLED" } else { "PARTLY_FULFILLED" }, "{id}");
        let (owners, keys) = given(&archive, id)?;
        assert_eq!(owners, BTreeSet::from([format!("row of {id}")]));
        let own = |kind: &str, n: i32| format!("{kind} {n}");
        let (first, second) = (at * 100, at * 100 + 1);
        let expected = [
            own("customer", at),
            own("purchase", first),
            own("purchase", second),
            own("line", first),
            own("line", second),
        ];
        assert_eq!(keys, expected, "{id}");
        assert!(keys.into_iter().all(|key| all.insert(key)), "a row stands under two names");
        assert_eq!(archive.rows(id, "erp", "town")?.len(), 1, "what only their rows lead to belongs to each");
        assert_eq!(archive.rows(id, "erp", "badge")?.len(), usize::from(id == "acme-be"));
        let folder = group.entity("acme-fr")?.join("data").join(id);
        assert!(
            folder.join("ledger.sqlite").exists() && folder.join("spool").exists(),
            "{id} keeps a ledger of its own"
        );
        assert!(agent.log()?.contains(&format!("\"entity\":\"{id}\"")), "the log says whose a walk is");
    }
    let completeness = archive.json("completeness.json")?.to_string();
    for rows in ["\"2 rows of this company hang on", "\"1 row of this company hangs on"] {
        assert_eq!(completeness.matches(rows).count(), 1, "{rows}: {completeness}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_about_one_company_brings_its_rows_alone() -> Result<()> {
    let group = group(Direction::Inbound, false)?;
    let _agent = group.start_agent("acme-fr").await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.scope = vec!["acme-be".to_owned()];
    let case = portal.open(request).await?.case_id;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, "acme-be"), "PARTLY_FULFILLED", "a purchase stands under another's customer");
    let path = group.root().join("archive.zip");
    portal.download(&case, 0, &path).await?;
    let archive = Archive::open(&path)?;
    assert_eq!(given(&archive, "acme-be")?.0, BTreeSet::from(["row of acme-be".to_owned()]));
    for other in ["acme-fr", "acme-nl"] {
        assert_eq!(archive.of_entity(other).count(), 0, "{other} was not asked");
        assert!(!group.entity("acme-fr")?.join("data").join(other).join("spool").read_dir()?.any(|_| true));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_names_no_company_leaves_under_no_name_and_every_answer_says_so() -> Result<()> {
    let group = group(Direction::Inbound, true)?;
    let _agent = group.start_agent("acme-fr").await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    let path = group.root().join("archive.zip");
    portal.download(&case, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());
    let archive = Archive::open(&path)?;
    for (id, _) in COMPANIES {
        assert_eq!(disposition(&ready, id), "PARTLY_FULFILLED", "{id}");
        assert_eq!(given(&archive, id)?.0, BTreeSet::from([format!("row of {id}")]));
    }
    let completeness = archive.json("completeness.json")?.to_string();
    assert_eq!(completeness.matches("\"1 row names no company of the group").count(), 3, "{completeness}");
    assert!(completeness.contains("CONTROLLER_UNKNOWN"), "{completeness}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_the_database_it_is_said_whose_rows_each_collection_gives() -> Result<()> {
    let group = group(Direction::Inbound, true)?;
    let checked = beside_the_database(&group, &["agent", "check"])?;
    assert_eq!(checked.code, Some(0), "{}", checked.said());
    for expected in [
        "rows of erp.customer belong to acme-be, acme-fr, acme-nl, by `company`",
        "rows of erp.line belong to whose the row is that leads there",
        "rows of erp.badge belong to acme-be",
    ] {
        assert!(checked.said().contains(expected), "{expected} not in {}", checked.said());
    }
    let identifier = format!("email={EMAIL}");
    let which = beside_the_database(&group, &["agent", "dry-run", "--identifier", &identifier])?;
    assert!(which.code != Some(0) && which.said().contains("name one of them with --entity"), "{}", which.said());
    for (entity, badges) in [("acme-be", true), ("acme-nl", false)] {
        let run = beside_the_database(&group, &["agent", "dry-run", "--entity", entity, "--identifier", &identifier])?;
        assert_eq!(run.code, Some(0), "{}", run.said());
        let said = run.said();
        let said = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        assert!(said.iter().any(|line| line == "erp customer 1"), "{said:?}");
        assert_eq!(said.iter().any(|line| line.starts_with("erp badge")), badges, "{said:?}");
        assert!(said.iter().any(|line| line.contains("1 row names no company")), "{said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_collection_of_which_nobody_says_whose_its_rows_are_keeps_the_agent_from_starting() -> Result<()> {
    let group = group(Direction::Inbound, false)?;
    let manifest = group.entity("acme-fr")?.join("manifests/erp.yml");
    let text = std::fs::read_to_string(&manifest)?;
    std::fs::write(&manifest, text.replace("        tributary: {controller: acme-be}\n", ""))?;
    let checked = beside_the_database(&group, &["agent", "check"])?;
    assert_eq!(checked.code, Some(2), "{}", checked.said());
    let expected =
        "dataset `erp`, collection `badge`: nothing says to which of acme-fr, acme-be, acme-nl its rows belong";
    assert!(checked.said().contains(expected), "{}", checked.said());
    let refused = group.agent_launch("acme-fr")?.refusal().await?;
    assert!(refused.said.contains(expected), "{}", refused.said);
    Ok(())
}
