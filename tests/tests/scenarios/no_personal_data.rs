//! Personal data stays where it belongs: a person whose every value is a marker goes through success and every fault,
//! and no marker is in logs, errors, metrics, crash output, the gateway's database and objects, or the agent's own files.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use rusqlite::Connection;
use rustix::process::Signal;
use tonic::Status;
use tributary_proto::gateway::v1::{CancelCaseRequest, ConfirmIdentityRequest};
use tributary_proto::types::v1::Identifier;
use tributary_tests::admin;
use tributary_tests::archive::Archive;
use tributary_tests::client::{Caller, best_effort, disposition};
use tributary_tests::command;
use tributary_tests::dice::Dice;
use tributary_tests::fixture::{Marked, Shop};
use tributary_tests::group::{CallerPlan, EntityPlan, Group, PORTAL, Plan};
use tributary_tests::markers::{Found, Markers};
use tributary_tests::memory::MIB;
use tributary_tests::process::{Launch, Process};
use tributary_tests::proxy::{Cut, Proxy};

const ENTITY: &str = "alpha-be";
const DATASET: &str = "shop";
const PATIENCE: Duration = Duration::from_secs(60);

/// What callers write beside identifiers, all of it somebody's business only.
const OFFICER: &str = "zqofficer.5f0c61d7@privacy-marker.example";
const REASON: &str = "zqreason 8c1f the person withdrew 77aa";
const METHOD: &str = "zqmethod 4be2 session of a signed-in customer";

struct Trial {
    group: Group,
    proxy: Proxy,
    agent: Process,
    gateway: Process,
    portal: Caller,
    person: Marked,
    markers: Markers,
    /// Error answers as they came over the wire.
    errors: Vec<Status>,
    found: Vec<Found>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_person_is_found_where_none_belongs() -> Result<()> {
    let mut trial = Trial::start().await?;
    trial.the_search_itself_works()?;
    trial.success().await?;
    trial.refused_input().await?;
    trial.a_question_answered_and_a_case_cancelled().await?;
    trial.a_cut_and_a_silent_link().await?;
    trial.a_schema_that_changed_and_a_locked_database().await?;
    trial.crashes().await?;
    trial.search().await?;
    ensure!(trial.found.is_empty(), "{} markers found: {:#?}", trial.found.len(), trial.found);
    Ok(())
}

impl Trial {
    async fn start() -> Result<Self> {
        let person = Marked::new(DATASET, &mut Dice::new());
        let entity = EntityPlan::new(ENTITY, "BE")
            .holds(person.clone())
            .holds(Shop::with_strangers("old"))
            .behind_proxy()
            .agent_yaml("limits: { part_bytes: 256KiB, retry_min: 100ms, retry_max: 300ms, unavailable_for: 2s }\n");
        let group = Plan::new(vec![entity])
            .caller(CallerPlan::new("reader", &["read"], &["*"]))
            .gateway_yaml("limits: { backoff_min: 50ms, backoff_max: 300ms, rpc_timeout: 2s, connect_timeout: 1s }\n")
            .lay_out()?;
        let proxy = group.start_proxy(ENTITY).await?;
        let agent = loud(group.agent_launch(ENTITY)?).start().await?;
        let gateway = loud(group.gateway_launch()).start().await?;
        let mut portal = group.caller(PORTAL)?;
        portal.on_behalf_of = OFFICER.to_owned();
        let values = person.values.iter().map(String::as_str).chain([OFFICER, REASON, METHOD]);
        let markers = Markers::new(values)?;
        let (errors, found) = (Vec::new(), Vec::new());
        Ok(Self { group, proxy, agent, gateway, portal, person, markers, errors, found })
    }

    fn identifiers(&self) -> [(&'static str, &str); 2] {
        [("email", self.person.email()), ("phone_number", self.person.phone())]
    }

    /// The same search finds the markers where they belong.
    fn the_search_itself_works(&self) -> Result<()> {
        let found = self.markers.in_folder(&self.group.database(ENTITY, DATASET)?)?;
        let plain =
            (0..self.person.values.len()).filter(|n| found.iter().any(|f| f.marker == *n && f.spelling == "plain"));
        // The photo's marker lies behind bytes that are no text, the twelfth and later values are not used by the fixture.
        assert!(plain.count() >= 12, "the search is blind: {found:?}");
        Ok(())
    }

    async fn success(&mut self) -> Result<()> {
        self.proxy.limit(Some(4 * MIB));
        let case = self.portal.open_for(&self.identifiers()).await?;
        self.portal.until(&case, PATIENCE, |case| case.tasks[0].parts >= 4).await?;
        self.search().await?;
        self.proxy.limit(None);
        let ready = self.portal.ready(&case, PATIENCE).await?;
        assert!(["FULFILLED", "PARTLY_FULFILLED"].contains(&disposition(&ready, ENTITY).as_str()), "{ready:?}");
        let path = self.group.root().join("archive.zip");
        self.portal.download(&case, 0, &path).await?;
        let verified = command::verify(&path, Some(&self.group.group_key()), None)?;
        assert_eq!(verified.code, Some(0), "{}", verified.said());
        let shown = command::tributary(["archive".as_ref(), "show".as_ref(), path.as_os_str()])?;
        self.hit("archive verify and show", format!("{}{}", verified.said(), shown.said()).as_bytes());

        let archive = Archive::open(&path)?;
        let mut inside = Vec::new();
        for (name, bytes) in archive.of_entity(ENTITY) {
            inside.extend(self.markers.in_bytes(name, bytes));
        }
        let arrived = (0..12).filter(|n| inside.iter().any(|found| found.marker == *n)).count();
        assert_eq!(arrived, 12, "the person's own values are in the person's archive: {inside:?}");
        self.portal.deliver(&case, 1).await?;
        Ok(())
    }

    /// Requests that are refused with the person's values in every field that takes text.
    async fn refused_input(&mut self) -> Result<()> {
        let good = self.portal.request(&self.identifiers());
        self.portal.open(good.clone()).await?;
        let mut bad = Vec::new();
        for value in self.person.values.clone() {
            let mut change = |alter: &dyn Fn(&mut tributary_proto::gateway::v1::OpenCaseRequest)| {
                let mut request = good.clone();
                request.request_id = uuid::Uuid::new_v4().to_string();
                alter(&mut request);
                bad.push(request);
            };
            change(&|r| r.identifiers[0].r#type = value.clone());
            change(&|r| r.identifiers[0].value = format!("{value}\u{7}"));
            change(&|r| r.identifiers[0].value = value.repeat(40));
            change(&|r| r.scope = vec![value.clone()]);
            change(&|r| r.request_id = value.clone());
            change(&|r| r.on_behalf_of = value.repeat(40));
            change(&|r| r.request_id = good.request_id.clone());
            change(&|r| r.request_ref = format!("{value}\u{0}"));
        }
        for (at, mut request) in bad.into_iter().enumerate() {
            if at % 8 == 6 {
                request.identifiers[0].value = format!("other{at}@{}", "example.org");
            }
            if let Err(status) = self.portal.open(request).await {
                self.errors.push(status);
            }
        }
        let reader = self.group.caller("reader")?;
        for value in [self.person.email(), self.person.phone()] {
            let list = tributary_proto::gateway::v1::ListCasesRequest {
                on_behalf_of: OFFICER.to_owned(),
                filter: format!("request_ref = \"{value}"),
                page_token: value.to_owned(),
                page_size: 1,
            };
            self.errors.extend(self.portal.cases().await?.list_cases(list).await.err());
            self.errors.extend(self.portal.case(value).await.err());
            self.errors.extend(self.portal.archive(value, 1).await.err());
            self.errors.extend(self.portal.retry(value, value).await.err());
            self.errors.extend(reader.open_for(&[("email", value)]).await.err());
        }
        assert!(self.errors.len() >= 50, "only {} requests were refused", self.errors.len());
        Ok(())
    }

    async fn a_question_answered_and_a_case_cancelled(&mut self) -> Result<()> {
        let mut request = self.portal.request(&self.identifiers()[..1]);
        request.identity_confirmed = false;
        let case = self.portal.open(request).await?.case_id;
        let confirm = ConfirmIdentityRequest {
            case_id: case.clone(),
            on_behalf_of: OFFICER.to_owned(),
            method: METHOD.to_owned(),
            identifiers: vec![Identifier { r#type: "phone_number".into(), value: self.person.phone().to_owned() }],
        };
        self.portal.cases().await?.confirm_identity(confirm).await?;
        self.portal.ready(&case, PATIENCE).await?;

        // The person and a stranger in one request: a question, never an answer about either.
        let two = [("email", self.person.email()), ("phone_number", "+32470000007")];
        let mut request = self.portal.request(&two);
        request.waiting = best_effort(Duration::from_secs(2));
        let mixed = self.portal.open(request).await?.case_id;
        let ready = self.portal.ready(&mixed, PATIENCE).await?;
        assert_eq!(disposition(&ready, ENTITY), "NEEDS_IDENTITY");
        let cancel = CancelCaseRequest { case_id: mixed, on_behalf_of: OFFICER.to_owned(), reason: REASON.to_owned() };
        self.portal.cases().await?.cancel_case(cancel.clone()).await?;
        self.errors
            .extend(self.portal.cases().await?.cancel_case(CancelCaseRequest { case_id: case, ..cancel }).await.err());
        Ok(())
    }

    async fn a_cut_and_a_silent_link(&mut self) -> Result<()> {
        self.proxy.limit(Some(3 * MIB));
        let case = self.portal.open_for(&self.identifiers()).await?;
        for (parts, how) in [(2, Cut::Fin), (6, Cut::Reset)] {
            self.portal.until(&case, PATIENCE, |case| case.tasks[0].parts >= parts).await?;
            self.proxy.cut(how);
        }
        self.proxy.black_hole(true);
        self.portal.until(&case, PATIENCE, |case| !case.tasks[0].reason.is_empty()).await?;
        self.proxy.black_hole(false);
        self.proxy.limit(None);
        self.portal.ready(&case, PATIENCE).await?;
        Ok(())
    }

    async fn a_schema_that_changed_and_a_locked_database(&mut self) -> Result<()> {
        let database = self.group.database(ENTITY, DATASET)?;
        let db = Connection::open(&database)?;
        for (break_it, mend_it) in [
            ("ALTER TABLE orders RENAME TO orders_away", "ALTER TABLE orders_away RENAME TO orders"),
            ("BEGIN EXCLUSIVE", "COMMIT"),
        ] {
            db.execute_batch(break_it)?;
            let mut request = self.portal.request(&self.identifiers());
            request.waiting = best_effort(Duration::from_secs(4));
            let case = self.portal.open(request).await?.case_id;
            let ready = self.portal.ready(&case, PATIENCE).await?;
            assert_ne!(disposition(&ready, ENTITY), "FULFILLED", "{break_it}");
            self.hit("a case's text", format!("{ready:?}").as_bytes());
            db.execute_batch(mend_it)?;
        }
        Ok(())
    }

    /// Either side dies in the middle, also in a way that leaves crash output.
    async fn crashes(&mut self) -> Result<()> {
        for signal in [Signal::ABORT, Signal::TERM, Signal::KILL, Signal::ILL] {
            self.proxy.limit(Some(3 * MIB));
            let case = self.portal.open_for(&self.identifiers()).await?;
            self.portal.until(&case, PATIENCE, |case| case.tasks[0].parts >= 3).await?;
            for process in [&mut self.agent, &mut self.gateway] {
                let launch = process.launch().clone();
                process.signal(signal)?;
                process.ended(PATIENCE).await?;
                *process = launch.start().await?;
            }
            self.search().await?;
            self.proxy.limit(None);
            self.portal.ready(&case, PATIENCE).await?;
        }
        Ok(())
    }

    fn hit(&mut self, place: &str, bytes: &[u8]) {
        self.found.extend(self.markers.in_bytes(place, bytes));
    }

    /// Looks everywhere: logs, the processes' own files as they are on disk now, metrics, errors.
    async fn search(&mut self) -> Result<()> {
        let places: Vec<PathBuf> =
            vec![self.group.logs(), self.group.gateway_folder().join("data"), self.group.entity(ENTITY)?.join("data")];
        for place in places {
            self.found.extend(self.markers.in_folder(&place)?);
        }
        for admin_port in [self.group.gateway_admin(), self.group.agent_admin(ENTITY)?] {
            for path in ["/metrics", "/readyz", "/livez"] {
                let (_, text) = admin::get(admin_port, path).await?;
                self.hit(path, text.as_bytes());
            }
        }
        for status in std::mem::take(&mut self.errors) {
            let text = format!("{status:?} {}", status.message());
            let wire = [text.as_bytes(), status.details()].concat();
            self.hit("an error answer", &wire);
            let metadata = format!("{:?}", status.metadata());
            self.hit("an error's metadata", metadata.as_bytes());
        }
        Ok(())
    }
}

/// Everything that the process could say.
fn loud(mut launch: Launch) -> Launch {
    launch.environment.push(("TRIBUTARY_LOG".to_owned(), "trace".to_owned()));
    launch.environment.push(("RUST_BACKTRACE".to_owned(), "full".to_owned()));
    launch
}
