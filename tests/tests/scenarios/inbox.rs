//! The entity's people: what they search by hand, what they see before it leaves, and what their silence means. Real
//! processes, answered through the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use serde_json::Value;
use tributary_model::clock::{Clock, SystemClock};
use tributary_tests::admin;
use tributary_tests::archive::Archive;
use tributary_tests::client::{Caller, best_effort, disposition};
use tributary_tests::command::{self, Ran};
use tributary_tests::fixture::{Desk, Paper, Shop};
use tributary_tests::group::{EntityPlan, Group, PORTAL, Plan};
use tributary_tests::ports::Port;
use tributary_tests::post::{Call, hook_server, mail_server};
use tributary_tests::rows::{plain, select};
use tributary_tests::wait::until;

const EMAIL: &str = "anna@example.org";
const ENTITY: &str = "halden-be";
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "a shared secret";

/// Runs `tributary agent inbox` on the entity's host.
fn inbox<'a>(group: &Group, arguments: impl IntoIterator<Item = &'a str>) -> Result<Ran> {
    let config = group.entity(ENTITY)?.join("agent.yaml");
    let start = ["--output", "json", "agent", "inbox", "--config"].map(str::to_owned);
    let all = start.into_iter().chain([config.display().to_string()]);
    command::tributary(all.chain(arguments.into_iter().map(str::to_owned)))
}

/// The one open question, once there is one.
async fn question(group: &Group) -> Result<Value> {
    until("a question in the inbox", PATIENCE, || async {
        let listed = inbox(group, ["list"]).ok()?.json().ok()?;
        listed.as_array()?.first().cloned()
    })
    .await
}

fn id(question: &Value) -> Result<String> {
    Ok(question["id"].as_str().context("a question without an id")?.to_owned())
}

/// Answers, and fails when the command does.
fn answer<'a>(group: &Group, arguments: impl IntoIterator<Item = &'a str>) -> Result<Value> {
    let ran = inbox(group, ["answer"].into_iter().chain(arguments))?;
    ensure!(ran.code == Some(0), "{}", ran.said());
    ran.json()
}

/// What the gateway says of the entity's task.
async fn reason(portal: &Caller, case: &str, part: &str) -> Result<()> {
    let has = |case: &tributary_proto::gateway::v1::Case| case.tasks.iter().any(|task| task.reason.contains(part));
    portal.until(case, PATIENCE, has).await.map(drop).with_context(|| format!("no task says `{part}`"))
}

async fn archive(group: &Group, portal: &Caller, case: &str, sequence: u32) -> Result<Archive> {
    let path = group.root().join(format!("{case}-{sequence}.zip"));
    portal.download(case, sequence, &path).await?;
    let verified = command::verify(&path, Some(&group.group_key()), None)?;
    ensure!(verified.code == Some(0), "{}", verified.said());
    Archive::open(&path)
}

fn file(group: &Group, name: &str, content: &[u8]) -> Result<PathBuf> {
    let path = group.root().join(name);
    std::fs::write(&path, content)?;
    Ok(path)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paper_archive_answered_through_the_command_line_is_in_the_archive() -> Result<()> {
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 3);
    let (smtp, hook) = (Port::reserve()?, Port::reserve()?);
    let people = format!(
        "inbox:\n  mail: {{ smtp: \"{}\", tls: none, from: agent@halden.example, to: [archive@halden.example] }}\n  \
         webhook: {{ url: \"http://{}/desk\", secret_file: hook.secret }}\n",
        smtp.address(),
        hook.address()
    );
    let entity = EntityPlan::new(ENTITY, "BE").holds(shop).declares(Paper).agent_yaml(&people);
    let group = Plan::new(vec![entity]).lay_out()?;
    tributary_transport::secret_file::create_secret(&group.entity(ENTITY)?.join("hook.secret"), SECRET.as_bytes())?;
    let _agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    // The letter came 17 days before the case was opened.
    let received = SystemClock.now().as_second() - 17 * 86_400;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.received_at = Some(prost_types::Timestamp { seconds: received, nanos: 0 });
    let case = portal.open(request).await?.case_id;
    reason(&portal, &case, "waits for an answer of halden-be's people since").await?;

    let asked = question(&group).await?;
    let when = |field: &str| asked[field].as_str().unwrap_or_default().parse::<jiff::Timestamp>();
    assert_eq!(when("received_at")?.as_second(), received);
    // A month from then, less a week to send it: not the ten days that the entity's people would have otherwise.
    let time = when("due_at")?.duration_since(when("created_at")?);
    ensure!((3 * 24..=7 * 24).contains(&time.as_hours()), "due after {time}");
    assert_eq!((asked["kind"].as_str(), asked["case"].as_str()), (Some("manual"), Some(case.as_str())));
    let shown = inbox(&group, ["show", &id(&asked)?])?.json()?;
    assert_eq!(shown["person"][0][1], EMAIL);
    assert_eq!(shown["ask"]["fr"], "Chercher des lettres à la cave");

    // The servers were down until now: nothing of what is to be told was lost.
    let (mails, hooks) = (mail_server(smtp.address()).await?, hook_server(hook.address()).await?);
    let mail = until("a mail", PATIENCE, || async { mails.taken().into_iter().next() }).await?;
    assert_eq!(mail.to, ["archive@halden.example"]);
    assert!(mail.content.contains(&case) && mail.content.contains("inbox show"), "{}", mail.content);
    assert!(mail.header("Message-ID").is_some_and(|id| id.ends_with("@halden.example>")), "{}", mail.content);
    assert!(!mail.content.contains(EMAIL) && !mail.content.contains("Anna"), "no mail names the person");
    let calls =
        until("a second try", PATIENCE, || async { Some(hooks.taken()).filter(|calls| calls.len() > 1) }).await?;
    assert_eq!(calls[0].body, calls[1].body, "the same thing is told again");
    signed(&calls[1])?;
    let told: Value = serde_json::from_str(&calls[1].body)?;
    assert_eq!((told["event"].as_str(), told["case"].as_str()), (Some("created"), Some(case.as_str())));

    let (letter, scan) = (file(&group, "letter.txt", b"Dear Anna")?, vec![9_u8; 3_000_000]);
    let scan_file = file(&group, "scan (1).tiff", &scan)?;
    let arguments = [&id(&asked)?, "--file", text(&letter)?, "--file", text(&scan_file)?, "--by", "Berta"];
    assert_eq!(answer(&group, arguments)?["known"], false);
    assert_eq!(answer(&group, arguments)?["known"], true, "the same answer again is the same answer");
    assert_eq!(inbox(&group, ["answer", &id(&asked)?, "--none"])?.code, Some(2), "an answer stands");

    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!((disposition(&ready, ENTITY).as_str(), ready.archives[0].complete), ("FULFILLED", true));
    let archive = archive(&group, &portal, &case, 1).await?;
    let folder = format!("data/entities/{ENTITY}/paper/paper-given");
    assert_eq!(archive.bytes(&format!("{folder}/0001-letter.txt"))?, b"Dear Anna");
    assert!(archive.bytes(&format!("{folder}/0002-scan (1).tiff"))? == scan);
    let expected = select(&group.database(ENTITY, "shop")?, "SELECT * FROM orders WHERE customer_id = 1000")?;
    assert_eq!(plain(&archive.rows(ENTITY, "shop", "orders")?), expected);
    let log = _agent.log()?;
    assert!(!log.contains(EMAIL) && !log.contains("letter.txt"), "a log names the person or their files");
    Ok(())
}

fn signed(call: &Call) -> Result<()> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let head = call.head.to_ascii_lowercase();
    let signature =
        head.lines().find_map(|line| line.strip_prefix("tributary-signature: sha256=")).context("unsigned")?;
    hmac::verify(&key, call.body.as_bytes(), &hex::decode(signature.trim())?).ok().context("signed with another secret")
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_escalates_and_the_archive_says_that_the_entity_has_not_answered() -> Result<()> {
    let smtp = Port::reserve()?;
    let mails = mail_server(smtp.address()).await?;
    let people = format!(
        "inbox:\n  due: {{ manual: 2s }}\n  mail: {{ smtp: \"{}\", tls: none, from: agent@halden.example, \
         to: [archive@halden.example], escalate_to: [head@halden.example] }}\n",
        smtp.address()
    );
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 1);
    let entity = EntityPlan::new(ENTITY, "BE").holds(shop).declares(Paper).agent_yaml(&people);
    let group =
        Plan::new(vec![entity]).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n").lay_out()?;
    let agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let mut request = portal.request(&[("email", EMAIL)]);
    request.waiting = best_effort(Duration::from_secs(8));
    let case = portal.open(request).await?.case_id;
    reason(&portal, &case, "overdue since").await?;
    let to_head = || async { mails.taken().into_iter().find(|mail| mail.to == ["head@halden.example"]) };
    let mail = until("an escalation", PATIENCE, to_head).await?;
    assert!(mail.content.contains("due now") || mail.content.contains("has answered in time"), "{}", mail.content);
    until("the metric", PATIENCE, || async {
        let (_, metrics) = admin::get(group.agent_admin(ENTITY).ok()?, "/metrics").await.ok()?;
        let overdue = |line: &&str| line.starts_with("tributary_agent_inbox_overdue") && line.ends_with(" 1");
        metrics.lines().find(overdue).map(str::to_owned)
    })
    .await?;
    until("a warning in the log", PATIENCE, || async {
        agent.log().ok().filter(|log| log.contains("have not answered in time"))
    })
    .await?;

    let ready = portal.ready(&case, PATIENCE).await?;
    assert!(!ready.archives[0].complete, "nothing unanswered is complete");
    let first = archive(&group, &portal, &case, 1).await?;
    assert_eq!(first.of_entity(ENTITY).count(), 0, "nothing leaves that the entity has not signed for");
    let why = first.json("completeness.json")?["entities"][0]["reason"].as_str().unwrap_or_default().to_owned();
    let said = "its agent last said: waits for an answer of halden-be's people since";
    ensure!(why.contains(said) && why.contains("overdue since"), "{why}");
    portal.deliver(&case, 1).await?;
    // Nothing is walked again: what was found waits for the person as long as it takes, over a restart too.
    let launch = agent.kill()?;
    let _agent = launch.start().await?;
    answer(&group, [&id(&question(&group).await?)?, "--none"])?;
    let late = portal.until(&case, PATIENCE, |case| case.archives.len() == 2).await?;
    assert_eq!((disposition(&late, ENTITY).as_str(), late.archives[1].complete), ("FULFILLED", true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_releases_replaces_and_withholds_is_what_leaves_whatever_dies_meanwhile() -> Result<()> {
    let documents = ["released", "replaced", "withheld"].map(|word| format!("{word} ").repeat(400)).to_vec();
    let desk = Desk { email: EMAIL.to_owned(), documents: documents.clone() };
    let entity = EntityPlan::new(ENTITY, "BE").holds(desk).agent_yaml("limits: { large_cell: 1KiB }\n");
    let group =
        Plan::new(vec![entity]).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n").lay_out()?;
    let agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    reason(&portal, &case, "waits for an answer").await?;
    let asked = id(&question(&group).await?)?;
    let out = group.root().join("to-look-at");
    let shown = inbox(&group, ["show", &asked, "--out", text(&out)?])?.json()?;
    let parts = shown["parts"].as_array().context("no parts")?;
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(&out)? {
        seen.push(std::fs::read(entry?.path())?);
    }
    assert_eq!((parts.len(), seen.len()), (4, 4), "three documents and their table");
    assert!(documents.iter().all(|document| seen.contains(&document.as_bytes().to_vec())));
    let number = |word: &str| -> Result<String> {
        let name = std::fs::read_dir(&out)?
            .filter_map(Result::ok)
            .find(|entry| std::fs::read(entry.path()).is_ok_and(|content| content.starts_with(word.as_bytes())));
        let name = name.context("no such document")?.file_name().to_string_lossy().into_owned();
        Ok(name.split('-').next().unwrap_or_default().trim_start_matches('0').to_owned())
    };

    let version = file(&group, "version.txt", b"r*******")?;
    answer(&group, [&asked, "--part", &number("replaced")?, "--replace", text(&version)?])?;
    let launch = agent.kill()?;
    let agent = launch.start().await?;
    answer(&group, [&asked, "--part", &number("withheld")?, "--withhold", "it names a colleague"])?;
    assert_eq!(answer(&group, [&asked, "--release"])?["whole"], true);
    // Dies between the answer and what follows from it, or just after.
    let launch = agent.kill()?;
    let _agent = launch.start().await?;

    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "PARTLY_FULFILLED");
    let archive = archive(&group, &portal, &case, 1).await?;
    let texts: Vec<&[u8]> =
        archive.of_entity(ENTITY).filter(|(name, _)| name.ends_with(".txt")).map(|(_, b)| b).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts.contains(&documents[0].as_bytes()) && texts.contains(&b"r*******".as_slice()));
    assert_eq!(archive.rows(ENTITY, "desk", "document")?.len(), 3);
    for name in archive.names().map(str::to_owned).collect::<Vec<_>>() {
        let bytes = archive.bytes(&name)?;
        let leaks = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!leaks("withheld withheld") && !leaks("replaced replaced"), "{name} holds what was kept back");
    }
    let said = String::from_utf8_lossy(archive.bytes("completeness.json")?).into_owned();
    assert!(said.contains("it names a colleague"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_whether_anything_of_a_request_leaves_and_a_refusal_is_in_the_archive() -> Result<()> {
    const REASON: &str = "manifestly excessive (Art. 12(5) GDPR)";
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 3);
    let entity = EntityPlan::new(ENTITY, "BE").holds(shop).declares(Paper).agent_yaml("inbox: { decide: true }\n");
    let group =
        Plan::new(vec![entity]).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n").lay_out()?;
    let agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let of_kind = |kind: &'static str| {
        let group = &group;
        until("a question of that kind", PATIENCE, move || async move {
            let listed = inbox(group, ["list"]).ok()?.json().ok()?;
            listed.as_array()?.iter().find(|question| question["kind"] == kind).cloned()
        })
    };

    let fulfilled = portal.open_for(&[("email", EMAIL)]).await?;
    reason(&portal, &fulfilled, "waits for a decision of halden-be's people since").await?;
    let decision = of_kind("decision").await?;
    assert_eq!((decision["case"].as_str(), decision["dataset"].as_str()), (Some(fulfilled.as_str()), None));
    assert_eq!(inbox(&group, ["answer", &id(&decision)?, "--release"])?.code, Some(2), "it is no review");
    assert_eq!(answer(&group, [&id(&decision)?, "--fulfil", "--by", "Berta"])?["whole"], true);
    // Dies after a decision; it stands.
    let launch = agent.kill()?;
    let _agent = launch.start().await?;
    answer(&group, [&id(&of_kind("manual").await?)?, "--none"])?;
    let ready = portal.ready(&fulfilled, PATIENCE).await?;
    assert_eq!((disposition(&ready, ENTITY).as_str(), ready.archives[0].complete), ("FULFILLED", true));
    let given = archive(&group, &portal, &fulfilled, 1).await?;
    let expected = select(&group.database(ENTITY, "shop")?, "SELECT * FROM orders WHERE customer_id = 1000")?;
    assert_eq!(plain(&given.rows(ENTITY, "shop", "orders")?), expected);

    let refused = portal.open_for(&[("email", EMAIL)]).await?;
    reason(&portal, &refused, "waits for a decision").await?;
    answer(&group, [&id(&of_kind("decision").await?)?, "--refuse", REASON])?;
    let ready = portal.ready(&refused, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "REFUSED");
    let empty = archive(&group, &portal, &refused, 1).await?;
    let data = format!("data/entities/{ENTITY}/");
    assert_eq!(empty.names().filter(|name| name.starts_with(&data)).count(), 0, "nothing of it left");
    let said = String::from_utf8_lossy(empty.bytes("completeness.json")?).into_owned();
    assert!(said.contains("REFUSED") && said.contains(REASON), "{said}");
    assert_eq!(inbox(&group, ["list"])?.json()?.as_array().map(Vec::len), Some(0), "nothing is asked any more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deciding_escalates_and_never_lets_anything_leave() -> Result<()> {
    let smtp = Port::reserve()?;
    let mails = mail_server(smtp.address()).await?;
    let people = format!(
        "inbox:\n  decide: true\n  due: {{ decision: 2s }}\n  give_up: 6s\n  mail: {{ smtp: \"{}\", tls: none, \
         from: agent@halden.example, to: [archive@halden.example], escalate_to: [head@halden.example] }}\n",
        smtp.address()
    );
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 1);
    let entity = EntityPlan::new(ENTITY, "BE").holds(shop).agent_yaml(&people);
    let group =
        Plan::new(vec![entity]).gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 500ms }\n").lay_out()?;
    let _agent = group.start_agent(ENTITY).await?;
    let _gateway = group.start_gateway().await?;
    let portal = group.caller(PORTAL)?;
    let case = portal.open_for(&[("email", EMAIL)]).await?;
    reason(&portal, &case, "overdue since").await?;
    let to_head = || async { mails.taken().into_iter().find(|mail| mail.to == ["head@halden.example"]) };
    let mail = until("an escalation", PATIENCE, to_head).await?;
    assert!(mail.content.contains("a decision") && !mail.content.contains(EMAIL), "{}", mail.content);
    let ready = portal.ready(&case, PATIENCE).await?;
    assert_eq!(disposition(&ready, ENTITY), "WITHHELD");
    let archive = archive(&group, &portal, &case, 1).await?;
    let data = format!("data/entities/{ENTITY}/");
    assert_eq!(archive.names().filter(|name| name.starts_with(&data)).count(), 0, "nothing of it left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_of_an_agent_that_does_not_run_says_so() -> Result<()> {
    let shop = Shop::with_person("shop", EMAIL, "Anna de Vries", 1);
    let group = Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(shop).declares(Paper)]).lay_out()?;
    let ran = inbox(&group, ["list"])?;
    assert_eq!(ran.code, Some(7), "{}", ran.said());
    assert!(ran.stderr.contains("the agent does not run"), "{}", ran.said());
    Ok(())
}
