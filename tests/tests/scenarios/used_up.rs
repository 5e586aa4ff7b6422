//! A database server whose connections others use up: said where people look, waited for, and named where it never ends.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tributary_tests::admin;
use tributary_tests::archive::Archive;
use tributary_tests::client::{Caller, best_effort, disposition};
use tributary_tests::command;
use tributary_tests::crowd::Crowd;
use tributary_tests::fixture::{Hosted, Shop};
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::rows::{plain, select};
use tributary_tests::servers::{Engine, Server};
use tributary_tests::wait::until;

const PATIENCE: Duration = Duration::from_secs(120);
const EMAIL: &str = "anna@example.org";
const COLLECTIONS: &str = "
      - name: member
        fields:
          - { name: id, fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
";
const SQL: &str = "CREATE TABLE member (id INTEGER PRIMARY KEY, email VARCHAR(100)); INSERT INTO member VALUES (1, 'anna@example.org');";
const PAUSES: &str = "retry_min: 100ms, retry_max: 1s";

fn small(engine: Engine) -> Result<Hosted> {
    let server = Server::private(engine)?;
    server.let_few_in()?;
    Ok(Hosted::at(server, "club", COLLECTIONS, SQL))
}

fn plan(entities: Vec<EntityPlan>) -> Plan {
    Plan::new(entities).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n")
}

async fn open(portal: &Caller, window: Duration) -> Result<String> {
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(window);
    Ok(portal.open(request).await?.case_id)
}

async fn archive(group: &Group, portal: &Caller, case: &str, sequence: u32) -> Result<Archive> {
    let path = group.root().join(format!("{case}-{sequence}.zip"));
    portal.download(case, sequence, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    ensure!(matches!(verified.code, Some(0 | 8)), "{}", verified.said());
    Archive::open(&path)
}

/// What the task says once it waits for the system.
async fn waits(portal: &Caller, case: &str, entity: &str) -> Result<()> {
    let says = |task: &tributary_proto::gateway::v1::Task| {
        task.entity == entity && task.reason.contains("dataset `club` cannot be read now")
    };
    portal.until(case, PATIENCE, |case| case.tasks.iter().any(says)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_databases_are_used_up_by_others_is_answered_once_a_connection_is_free() -> Result<()> {
    let clubs = Engine::ALL.iter().map(|&engine| small(engine)).collect::<Result<Vec<_>>>()?;
    let limits = format!("limits: {{ {PAUSES} }}\n");
    let entity = |id: &str, club: &Hosted| EntityPlan::new(id, "BE").holds(club.clone()).agent_yaml(&limits);
    let ids = ["alpha-be", "beta-be"];
    let group = plan(vec![entity(ids[0], &clubs[0]), entity(ids[1], &clubs[1])]).lay_out()?;
    clubs.iter().try_for_each(|club| club.grant("member"))?;
    let crowds = clubs.iter().map(|club| Crowd::in_all_places(club.server())).collect::<Result<Vec<_>>>()?;

    // The agents start all the same, take orders, and say what is wrong, where, and what to do.
    let agents = group.start_agents(&ids).await?;
    for (id, club) in ids.iter().zip(&clubs) {
        let (status, said) = admin::get(group.agent_admin(id)?, "/readyz").await?;
        let place = format!("localhost:{} as `{}`", club.server().port, club.reader());
        let says = [place.as_str(), "dataset `club` is away", "used up by others", "`max_connections`"];
        ensure!(status == 200 && says.iter().all(|part| said.contains(part)), "{status} {said}");
        let log = agents[ids.iter().position(|other| other == id).unwrap_or_default()].log()?;
        ensure!(log.contains("used up by others") && log.contains(&place), "{log}");
    }
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let opened = Instant::now();
    let case = open(&portal, PATIENCE).await?;
    for id in ids {
        waits(&portal, &case, id).await?;
    }
    ensure!(portal.case(&case).await?.archives.is_empty(), "the window is not over");
    // Each pause is at least three quarters of one that doubles up to a second.
    for agent in &agents {
        let walks = agent.log()?.matches("a dataset stands in the way").count();
        let most = 5 + (opened.elapsed().as_secs_f64() / 0.75) as usize;
        ensure!((1..=most).contains(&walks), "{walks} walks in {:?}", opened.elapsed());
    }

    drop(crowds);
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(ids.map(|id| disposition(&ready, id)), ["FULFILLED", "FULFILLED"]);
    let archive = archive(&group, &portal, &case, 1).await?;
    for id in ids {
        assert_eq!(archive.rows(id, "club", "member")?.len(), 1);
        let (_, said) = admin::get(group.agent_admin(id)?, "/readyz").await?;
        assert!(!said.contains("is away"), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_others_never_leave_is_named_and_the_entitys_other_data_is_given() -> Result<()> {
    let (club, shop) = (small(Engine::Postgres)?, Shop::with_person("shop", EMAIL, "Anna de Vries", 3));
    let gives_up = format!("limits: {{ {PAUSES}, unavailable_for: 2s }}\n");
    let waits_on = format!("limits: {{ {PAUSES} }}\n");
    let entities = vec![
        EntityPlan::new("alpha-be", "BE").holds(club.clone()).holds(shop.clone()).agent_yaml(&gives_up),
        EntityPlan::new("beta-be", "BE").holds(shop).agent_yaml(&waits_on),
    ];
    let group = plan(entities).lay_out()?;
    club.grant("member")?;
    let _agents = group.start_agents(&["alpha-be", "beta-be"]).await?;
    let crowd = Crowd::in_all_places(club.server())?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = open(&portal, PATIENCE).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    let stands = |ready| ["alpha-be", "beta-be"].map(|id| disposition(ready, id));
    assert_eq!(stands(&ready), ["PARTLY_FULFILLED", "FULFILLED"]);
    let archive = archive(&group, &portal, &case, 1).await?;
    let orders = select(&group.database("alpha-be", "shop")?, "SELECT * FROM orders WHERE customer_id = 1000")?;
    assert_eq!(plain(&archive.rows("alpha-be", "shop", "orders")?), orders);
    let completeness = archive.json("completeness.json")?;
    let entity = completeness["entities"].as_array().and_then(|all| all.iter().find(|e| e["entity"] == "alpha-be"));
    let gaps = entity.map(|entity| entity["not_searched"].clone()).unwrap_or_default();
    assert_eq!((&gaps[0]["dataset"], &gaps[0]["reason"]), (&"club".into(), &"UNAVAILABLE".into()), "{completeness:#}");
    drop(crowd);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_waits_for_its_database_beyond_the_window_is_named_and_answers_in_an_addendum() -> Result<()> {
    let club = small(Engine::MariaDb)?;
    let entities = vec![
        EntityPlan::new("alpha-be", "BE").holds(club.clone()).agent_yaml(&format!("limits: {{ {PAUSES} }}\n")),
        EntityPlan::new("beta-be", "BE").holds(Shop::with_person("shop", EMAIL, "Anna de Vries", 3)),
    ];
    let group = plan(entities).lay_out()?;
    club.grant("member")?;
    let _agents = group.start_agents(&["alpha-be", "beta-be"]).await?;
    let crowd = Crowd::in_all_places(club.server())?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = open(&portal, Duration::from_secs(5)).await?;
    let ready = portal.ready(&case, PATIENCE).await?;
    assert!(!ready.archives[0].complete && disposition(&ready, "beta-be") == "FULFILLED", "{ready:?}");
    let first = archive(&group, &portal, &case, 1).await?;
    assert_eq!(first.dispositions()?.get("alpha-be").map(String::as_str), Some("PENDING"));
    // The person reads what who operates the group is told, and neither reads of the entity's hosts and accounts.
    waits(&portal, &case, "alpha-be").await?;
    let completeness = first.json("completeness.json")?;
    let entity = completeness["entities"].as_array().and_then(|all| all.iter().find(|e| e["entity"] == "alpha-be"));
    let why = entity.and_then(|entity| entity["reason"].as_str()).unwrap_or_default().to_owned();
    let expected = "the entity has not answered yet; its agent last said: dataset `club` cannot be read now";
    assert_eq!(why, expected, "{completeness:#}");
    let page = String::from_utf8(first.bytes("START-HERE.html")?.to_vec())?;
    ensure!(page.contains(expected), "{page}");
    for place in [format!("localhost:{}", club.server().port), club.reader().to_owned(), "max_connections".to_owned()] {
        ensure!(!page.contains(&place) && !completeness.to_string().contains(&place), "the archive says `{place}`");
    }
    drop(crowd);
    let has_addendum = || async { portal.case(&case).await.ok().filter(|case| case.archives.len() > 1) };
    let after = until("an addendum", PATIENCE, has_addendum).await?;
    assert_eq!(disposition(&after, "alpha-be"), "FULFILLED");
    assert_eq!(archive(&group, &portal, &case, 2).await?.rows("alpha-be", "club", "member")?.len(), 1);
    Ok(())
}
