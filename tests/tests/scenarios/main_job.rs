//! The main job: one case across entities that stand differently ends in one archive that says so, signed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tributary_proto::types::v1::TableFormat;
use tributary_tests::archive::Archive;
use tributary_tests::client::{best_effort, disposition, state, task};
use tributary_tests::command;
use tributary_tests::fixture::{Library, Shop, ShopPerson};
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::rows::{plain, select, without_null};

const EMAIL: &str = "anna@example.org";
const PHONE: &str = "+32 470 12 34 56";
const NAME: &str = "Anna de Vries";
const PATIENCE: Duration = Duration::from_secs(60);

/// Six entities in the EEA and one outside; each stands differently.
const EXPECTED: [(&str, &str); 7] = [
    ("alpha-be", "FULFILLED"),
    ("beta-fr", "NO_DATA"),
    ("gamma-de", "PARTLY_FULFILLED"),
    ("delta-es", "UNREACHABLE"),
    ("epsilon-gb", "NOT_ASKED"),
    ("zeta-nl", "NEEDS_IDENTITY"),
    ("eta-at", "FULFILLED"),
];
const UP: [&str; 6] = ["alpha-be", "beta-fr", "gamma-de", "epsilon-gb", "zeta-nl", "eta-at"];

fn group(direction: Direction) -> Result<Group> {
    let mut twins = Shop::with_person("shop", EMAIL, "First Twin", 1);
    twins.people.push(ShopPerson { id: 1001, name: "Second Twin".to_owned(), ..twins.people[40].clone() });
    let library = Library {
        key: "library".to_owned(),
        email: EMAIL.to_owned(),
        bytes: 3_000_000,
        document: 20_000,
        dense: false,
        seed: 7,
    };
    Plan::new(vec![
        EntityPlan::new("alpha-be", "BE").holds(Shop::with_person("shop", EMAIL, NAME, 5)),
        EntityPlan::new("beta-fr", "FR").holds(Shop::with_strangers("boutique")),
        EntityPlan::new("gamma-de", "DE")
            .holds(Shop::with_person("laden", EMAIL, NAME, 2))
            .declares(Shop::with_strangers("archiv")),
        EntityPlan::new("delta-es", "ES").holds(Shop::with_person("tienda", EMAIL, NAME, 2)),
        EntityPlan::new("epsilon-gb", "GB").holds(Shop::with_person("shop", EMAIL, NAME, 2)),
        EntityPlan::new("zeta-nl", "NL").holds(twins),
        EntityPlan::new("eta-at", "AT").holds(library),
    ])
    .direction(direction)
    .lay_out()
}

tributary_tests::in_both_directions! {
    one_case_ends_in_one_verified_archive_that_says_how_every_entity_stands,
}

async fn one_case_ends_in_one_verified_archive_that_says_how_every_entity_stands(direction: Direction) -> Result<()> {
    let group = group(direction)?;
    let _agents = group.start_agents(&UP).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;

    let mut request = portal.request(&[("email", EMAIL), ("phone_number", PHONE)]);
    request.waiting = best_effort(Duration::from_secs(6));
    let case = portal.open(request).await?.case_id;
    let case = portal.ready(&case, PATIENCE).await?;
    assert_eq!(state(&case), "READY");
    let expected: BTreeMap<String, String> =
        EXPECTED.iter().map(|(entity, said)| ((*entity).to_owned(), (*said).to_owned())).collect();
    let stands: BTreeMap<String, String> =
        case.tasks.iter().map(|task| (task.entity.clone(), disposition(&case, &task.entity))).collect();
    assert_eq!(stands, expected);
    assert!(!case.archives[0].complete, "entities are missing");
    assert!(!task(&case, "epsilon-gb")?.reason.is_empty(), "a decision not to ask is explained");

    let path = group.root().join("archive.zip");
    portal.download(&case.case_id, 0, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    assert_eq!(verified.code, Some(0), "{}", verified.said());
    let unpinned = command::verify(&path, None, None)?;
    assert_eq!(unpinned.code, Some(3), "{}", unpinned.said());
    assert!(unpinned.said().contains("consistent, signers not authenticated"), "{}", unpinned.said());

    let archive = Archive::open(&path)?;
    assert_eq!(archive.dispositions()?, expected);
    for (entity, dataset) in [("alpha-be", "shop"), ("gamma-de", "laden")] {
        shop_equals_plain_sql(&group, &archive, entity, dataset)?;
    }
    let documents = archive.rows("eta-at", "library", "document")?;
    let sql = "SELECT * FROM document WHERE person_id = 1";
    assert!(plain(&documents) == select(&group.database("eta-at", "library")?, sql)?, "{} documents", documents.len());
    for entity in ["beta-fr", "delta-es", "epsilon-gb", "zeta-nl"] {
        assert_eq!(archive.of_entity(entity).count(), 0, "{entity} contributed files");
    }
    nobody_elses_row(&archive)
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_csv_unless_the_caller_wants_another_format() -> Result<()> {
    let group = Plan::new(vec![EntityPlan::new("alpha-be", "BE").holds(Shop::with_person("shop", EMAIL, NAME, 5))])
        .lay_out()?;
    let _agents = group.start_agents(&["alpha-be"]).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.format = TableFormat::Unspecified.into();
    let case = portal.open(request).await?.case_id;
    let case = portal.ready(&case, PATIENCE).await?;
    assert!(case.archives[0].complete);

    let path = group.root().join("archive.zip");
    portal.download(&case.case_id, 0, &path).await?;
    let archive = Archive::open(&path)?;
    assert!(archive.of_entity("alpha-be").any(|(name, _)| name.ends_with("shop/customer-0001.csv")));
    let sql = "SELECT * FROM customer WHERE id = 1000";
    let mut expected = without_null(select(&group.database("alpha-be", "shop")?, sql)?);
    // What a spreadsheet would run is made inert: this telephone number begins with a plus.
    expected[0].insert("phone".to_owned(), Some(format!("'{PHONE}")));
    assert_eq!(without_null(plain(&archive.rows("alpha-be", "shop", "customer")?)), expected);
    nobody_elses_row(&archive)
}

/// Customer, orders and their lines, column by column.
fn shop_equals_plain_sql(group: &Group, archive: &Archive, entity: &str, dataset: &str) -> Result<()> {
    let database = group.database(entity, dataset)?;
    for (collection, sql) in [
        ("customer", "SELECT * FROM customer WHERE id = 1000"),
        ("orders", "SELECT * FROM orders WHERE customer_id = 1000"),
        ("line", "SELECT * FROM line WHERE order_id IN (SELECT id FROM orders WHERE customer_id = 1000)"),
    ] {
        let expected = select(&database, sql)?;
        assert!(!expected.is_empty());
        assert_eq!(plain(&archive.rows(entity, dataset, collection)?), expected, "{entity}: {collection}");
    }
    Ok(())
}

fn nobody_elses_row(archive: &Archive) -> Result<()> {
    for name in archive.names() {
        let text = String::from_utf8_lossy(archive.bytes(name)?).to_lowercase();
        for stranger in ["somebody else", "other1@example.org", "reader2@example.org", "twin"] {
            assert!(!text.contains(stranger), "{name} holds {stranger}");
        }
    }
    Ok(())
}
