//! Agents over PostgreSQL and MariaDB, as processes: identifiers as each country and store writes them, one table of ten
//! that may not be read, a server that is down when the case is opened, two people under two identifiers.

use std::time::Duration;

use anyhow::{Context, Result};
use tributary_tests::archive::Archive;
use tributary_tests::client::{best_effort, disposition};
use tributary_tests::command;
use tributary_tests::fixture::Hosted;
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::servers::{Engine, Server};

const PATIENCE: Duration = Duration::from_secs(120);
const COLLECTIONS: &str = "
      - name: customer
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: phone, data_categories: [user.contact.phone_number], fides_meta: { identity: phone_number } }
          - { name: number, data_categories: [user.unique_id], fides_meta: { identity: customer_number }, tributary: { normal: alphanumeric } }
      - name: orders
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - { name: customer_id, fides_meta: { references: [{ dataset: shop, field: customer.id, direction: from }] } }
          - { name: total, data_categories: [user.behavior.purchase_history] }
";
const SECRET: &str = "
      - name: secret
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - { name: customer_id, fides_meta: { references: [{ dataset: shop, field: customer.id, direction: from }] } }
          - { name: note, data_categories: [user.content] }
";
/// Anna under a Belgian number as people write it, and Bert.
const SQL: &str = "
    CREATE TABLE customer (id INTEGER PRIMARY KEY, email VARCHAR(100), phone VARCHAR(40), number VARCHAR(20));
    INSERT INTO customer VALUES (1, 'Anna@X.org', '0470/12.34.56', 'C-00.42'), (2, 'bert@x.org', '0471/12.34.56', 'C-00.43');
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total NUMERIC(10, 2)); CREATE INDEX o ON orders (customer_id);
    INSERT INTO orders VALUES (1, 1, 12.50), (2, 2, 99.00), (3, 1, 0.10);
    CREATE TABLE secret (id INTEGER PRIMARY KEY, customer_id INTEGER, note VARCHAR(50)); CREATE INDEX s ON secret (customer_id);
    INSERT INTO secret VALUES (1, 1, 'for nobody'), (2, 2, 'for nobody');
";

fn shop(engine: Engine, collections: &str) -> Result<Hosted> {
    Hosted::new(engine, "shop", collections, SQL)
}

fn granted(shop: &Hosted) -> Result<()> {
    shop.grant("customer")?;
    shop.grant("orders")
}

fn plan(entities: Vec<EntityPlan>) -> Plan {
    Plan::new(entities).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
}

/// A case under these identifiers, as it is once its archive is ready, with the archive verified.
async fn case(group: &Group, identifiers: &[(&str, &str)], window: Duration) -> Result<(Vec<String>, Archive)> {
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(identifiers);
    request.waiting = best_effort(window);
    let id = portal.open(request).await?.case_id;
    let case = portal.ready(&id, PATIENCE).await?;
    let path = group.root().join(format!("{id}.zip"));
    portal.download(&case.case_id, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    anyhow::ensure!(matches!(verified.code, Some(0 | 8)), "{}", verified.said());
    let dispositions = group.file().entities.iter().map(|entity| disposition(&case, entity.id.as_str())).collect();
    Ok((dispositions, Archive::open(&path)?))
}

fn column(archive: &Archive, entity: &str, collection: &str, column: &str) -> Result<Vec<String>> {
    let rows = archive.rows(entity, "shop", collection)?;
    let cell = |row| tributary_tests::archive::cell(row, column).with_context(|| format!("no {column}"));
    rows.iter().map(cell).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_over_postgresql_and_mariadb_find_a_person_however_the_store_writes_it() -> Result<()> {
    let both = format!("{COLLECTIONS}{SECRET}");
    let (postgres, mariadb) = (shop(Engine::Postgres, COLLECTIONS)?, shop(Engine::MariaDb, &both)?);
    let group = plan(vec![
        EntityPlan::new("alpha-be", "BE").holds(postgres.clone()),
        EntityPlan::new("beta-be", "BE").holds(mariadb.clone()),
        EntityPlan::new("gamma-fr", "FR").holds(shop(Engine::Postgres, COLLECTIONS)?),
    ])
    .lay_out()?;
    granted(&postgres)?;
    granted(&mariadb)?;
    let _agents = group.start_agents(&["alpha-be", "beta-be", "gamma-fr"]).await?;
    let _gateway = group.start_gateway().await?;

    // In Belgium it is Anna's number however it is written; in France the same digits are another one. What one table of
    // three hides is named.
    let window = Duration::from_secs(20);
    let (stand, archive) = case(&group, &[("phone_number", "+32470123456")], window).await?;
    assert_eq!(stand[..2], ["FULFILLED", "PARTLY_FULFILLED"]);
    for entity in ["alpha-be", "beta-be"] {
        assert_eq!(column(&archive, entity, "customer", "email")?, ["Anna@X.org"]);
        assert_eq!(column(&archive, entity, "orders", "total")?, ["12.50", "0.10"]);
    }
    assert!(archive.rows("gamma-fr", "shop", "customer")?.is_empty());
    assert!(archive.of_entity("beta-be").all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains("for nobody")));
    let attested = String::from_utf8_lossy(archive.bytes("completeness.json")?).into_owned();
    assert!(attested.contains("secret") && attested.contains("NOT_READABLE"), "{attested}");

    // By address in another case and by number without its punctuation: one person.
    let both = [("email", "ANNA@x.org"), ("customer_number", "c0042")];
    let (stand, archive) = case(&group, &both, window).await?;
    assert_eq!(stand[..2], ["FULFILLED", "PARTLY_FULFILLED"]);
    assert_eq!(column(&archive, "alpha-be", "orders", "total")?, ["12.50", "0.10"]);

    // Anna's address and Bert's number: nobody's data leaves.
    let two = [("email", "anna@x.org"), ("phone_number", "+32 471 12 34 56")];
    let (stand, archive) = case(&group, &two, Duration::from_secs(5)).await?;
    assert_eq!(stand[..2], ["NEEDS_IDENTITY", "NEEDS_IDENTITY"]);
    assert_eq!(archive.of_entity("alpha-be").chain(archive.of_entity("beta-be")).count(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_when_the_case_is_opened_answers_when_it_is_back() -> Result<()> {
    let shops = Engine::ALL
        .iter()
        .map(|&engine| Ok(Hosted::at(Server::private(engine)?, "shop", COLLECTIONS, SQL)))
        .collect::<Result<Vec<_>>>()?;
    let limits = "limits: { retry_min: 100ms, retry_max: 1s }\n";
    let entity = |id: &str, shop: &Hosted| EntityPlan::new(id, "BE").holds(shop.clone()).agent_yaml(limits);
    let group = plan(vec![entity("alpha-be", &shops[0]), entity("beta-be", &shops[1])]).lay_out()?;
    shops.iter().try_for_each(granted)?;
    shops.iter().try_for_each(|shop| shop.server().stop())?;
    let _agents = group.start_agents(&["alpha-be", "beta-be"]).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", "anna@x.org")]);
    request.waiting = best_effort(Duration::from_secs(60));
    let id = portal.open(request).await?.case_id;
    shops.iter().try_for_each(|shop| shop.server().again())?;
    let case = portal.ready(&id, PATIENCE).await?;
    assert_eq!(["alpha-be", "beta-be"].map(|entity| disposition(&case, entity)), ["FULFILLED", "FULFILLED"]);
    Ok(())
}
