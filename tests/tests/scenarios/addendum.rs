//! A late entity: the archive that was delivered without it is followed by an addendum that names it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tributary_tests::archive::Archive;
use tributary_tests::client::{Caller, best_effort, disposition, state};
use tributary_tests::command;
use tributary_tests::fixture::Shop;
use tributary_tests::group::{Direction, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::rows::{plain, select};

const EMAIL: &str = "anna@example.org";
const PATIENCE: Duration = Duration::from_secs(60);

fn group(direction: Direction) -> Result<Group> {
    let shop = || Shop::with_person("shop", EMAIL, "Anna de Vries", 3);
    Plan::new(vec![EntityPlan::new("alpha-be", "BE").holds(shop()), EntityPlan::new("late-pl", "PL").holds(shop())])
        .direction(direction)
        .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
        .lay_out()
}

/// Opens a case that waits two seconds and gives its id once the first archive is there, without the late entity.
async fn incomplete_case(portal: &Caller) -> Result<String> {
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(Duration::from_secs(2));
    let case = portal.open(request).await?.case_id;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!((disposition(&ready, "late-pl").as_str(), ready.archives[0].complete), ("UNREACHABLE", false));
    Ok(case)
}

async fn download(portal: &Caller, case: &str, sequence: u32, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{case}-{sequence}.zip"));
    portal.download(case, sequence, &path).await?;
    Ok(path)
}

tributary_tests::in_both_directions! {
    a_late_entity_yields_an_addendum_that_names_its_predecessor,
}

async fn a_late_entity_yields_an_addendum_that_names_its_predecessor(direction: Direction) -> Result<()> {
    let group = group(direction)?;
    let (key, root) = (group.group_key(), group.root());
    let _on_time = group.start_agent("alpha-be").await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = incomplete_case(&portal).await?;
    let other_case = incomplete_case(&portal).await?;
    let delivered = portal.deliver(&case, 1).await?;
    assert_eq!(state(&delivered), "DELIVERED_INCOMPLETE");
    let first = download(&portal, &case, 1, root).await?;
    let before = std::fs::read(&first)?;
    let stranger = download(&portal, &other_case, 1, root).await?;

    let _late = group.start_agent("late-pl").await?;
    let answered = portal.until(&case, PATIENCE, |case| case.archives.len() == 2).await?;
    assert_eq!((state(&answered).as_str(), answered.archives[1].complete), ("DELIVERED_INCOMPLETE", true));
    let second = download(&portal, &case, 2, root).await?;

    let linked = command::verify(&second, Some(&key), Some(&first))?;
    assert_eq!(linked.code, Some(0), "{}", linked.said());
    let mislinked = command::verify(&second, Some(&key), Some(&stranger))?;
    assert_eq!(mislinked.code, Some(4), "another case's archive is no predecessor: {}", mislinked.said());
    let itself = command::verify(&second, Some(&key), Some(&second))?;
    assert_eq!(itself.code, Some(4), "an addendum does not precede itself: {}", itself.said());

    let addendum = Archive::open(&second)?;
    let predecessor = addendum.json("completeness.json")?["predecessor"].clone();
    assert_eq!(predecessor["sequence"], 1);
    assert_eq!(predecessor["tagmanifest_sha256"], portal.archive(&case, 1).await?.tagmanifest_sha256.as_str());
    let sql = "SELECT * FROM orders WHERE customer_id = 1000";
    let expected = select(&group.database("late-pl", "shop")?, sql)?;
    assert_eq!(plain(&addendum.rows("late-pl", "shop", "orders")?), expected);
    assert_eq!(addendum.of_entity("alpha-be").count(), 0, "what was delivered is not delivered again");

    let closed = portal.deliver(&case, 2).await?;
    assert_eq!(state(&closed), "CLOSED");
    let again = portal.range(&case, 1, 0, 0).await?;
    assert!(again == before, "an addendum changed the archive before it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_not_closed_while_an_addendum_waits_for_its_delivery() -> Result<()> {
    let group = group(Direction::usual())?;
    let _on_time = group.start_agent("alpha-be").await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = incomplete_case(&portal).await?;
    let _late = group.start_agent("late-pl").await?;
    portal.until(&case, PATIENCE, |case| case.archives.len() == 2).await?;

    let first = portal.deliver(&case, 1).await?;
    assert_ne!(state(&first), "CLOSED", "the addendum was not handed over yet");
    assert_eq!(state(&portal.deliver(&case, 2).await?), "CLOSED");
    Ok(())
}
