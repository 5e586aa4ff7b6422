//! Promises about the people at the entity: what they search, what they see before it leaves, and what their silence means.

mod deciding;
mod reviewing;

use std::os::unix::fs::PermissionsExt;

use tributary_archive::attestation::{NotSearchedReason, PartsSummary};
use tributary_archive::frames::KeyEncryptionKey;

use super::*;
use crate::inbox::{Client, ClientError, Kind, Socket, Standing, Verdict};

/// Systems with one table of letters, whose text is given by the test.
struct Letters(&'static [&'static str]);

impl Letters {
    fn walk(&self, sink: &mut dyn PartSink) -> Result<Collected, CollectError> {
        let parts: Vec<Part> =
            (1..).zip(self.0).map(|(index, text)| letter(sink, index, text)).collect::<Result<_, _>>()?;
        Ok(found(&parts))
    }
}

/// Puts a table part with one row of `text` into the sink.
fn letter(sink: &mut dyn PartSink, index: u32, text: &str) -> Result<Part, CollectError> {
    table_part(sink, index, &format!("text\r\n{text}\r\n"))
}

fn paper() -> ManualCollection {
    let ask = serde_json::from_value(serde_json::json!({"en": "Look in the cellar"})).unwrap();
    let (dataset, collection) = ("paper".parse().unwrap(), "binder".to_owned());
    ManualCollection { dataset, collection, ask, due: None }
}

/// An entity with people.
struct Office {
    world: World,
    data: PathBuf,
    manual: Vec<ManualCollection>,
    reviewed: BTreeSet<(FidesKey, String)>,
}

impl Office {
    fn with_paper() -> Self {
        Self::new(vec![paper()], BTreeSet::new())
    }

    fn with_review() -> Self {
        let reviewed = BTreeSet::from([("crm".parse().unwrap(), "letter".to_owned())]);
        Self::new(Vec::new(), reviewed)
    }

    fn new(manual: Vec<ManualCollection>, reviewed: BTreeSet<(FidesKey, String)>) -> Self {
        let world = World::new();
        Self { data: world.data(), world, manual, reviewed }
    }

    /// What a process that is killed now leaves on the disk is where the next one starts.
    fn crash(&mut self) {
        let crashed = self.world.folder.path().join("crashed");
        copy(&self.data, &crashed);
        self.data = crashed;
    }

    async fn start(&self, texts: &'static [&'static str]) -> Exports {
        self.start_with(Box::new(move |_, _, sink, _| Letters(texts).walk(sink))).await
    }

    async fn start_with(&self, walk: Walking) -> Exports {
        let data = &self.data;
        let setup = self.world.setup(data, walk, self.manual.clone(), self.reviewed.clone());
        let exports = Exports::start(setup).await.unwrap();
        exports.spawn("inbox", Socket::bind(data).unwrap().serve(exports.clone()));
        exports
    }

    fn inbox(&self) -> Client {
        Client::new(&self.data)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.world.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The one open question.
    async fn question(&self) -> crate::inbox::Listed {
        let listed = self.inbox().list(false).await.unwrap();
        let [question] = listed.as_slice() else { panic!("{listed:?}") };
        question.clone()
    }

    fn opened(&self, exports: &Exports, envelope: &[u8]) -> Attestation {
        let keys = [exports.0.setup.signer.published.clone()];
        Attestation::open(envelope, &keys, self.world.clock.now()).unwrap()
    }
}

/// Everything from the beginning to the attestation, checked as a gateway does.
async fn answered(office: &Office, exports: &Exports, mandate: &Mandate) -> (Vec<Part>, Attestation) {
    let (mut parts, mut tables) = (Vec::new(), Vec::new());
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    loop {
        match next(&mut events).await.unwrap() {
            Event::GenerationStarted(_) => (parts, tables) = (Vec::new(), Vec::new()),
            Event::Part(_, part) => parts.push(part),
            Event::Table(table) => tables.push(table),
            Event::Attested { envelope, .. } => {
                let attestation = office.opened(exports, &envelope);
                attestation.check_parts_given(&parts, &tables).unwrap();
                return (parts, attestation);
            }
            Event::Pending { .. } | Event::Preview(_) | Event::Information(_) => {}
        }
    }
}

/// Waits until people are waited for.
async fn asked(exports: &Exports, mandate: &Mandate) {
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "waits for an answer of acme's people since 2026-11-21").await;
}

fn disposition(attestation: &Attestation, dataset: &str) -> Disposition {
    attestation.answers.iter().find(|answer| answer.dataset.as_str() == dataset).unwrap().disposition
}

#[tokio::test(flavor = "multi_thread")]
async fn people_have_the_time_that_is_left_since_the_request_was_received() {
    let office = Office::with_paper();
    let exports = office.start(&["hello"]).await;
    let (now, days) = (office.world.clock.now(), |days: i64| SignedDuration::from_hours(24 * days));
    // Ten days are theirs, but the case was opened three weeks after the letter came.
    let mandate = Mandate { received_at: Some(now - days(21)), ..office.world.mandate() };
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let question = office.question().await;
    assert_eq!(question.received_at, Some(now - days(21)));
    // 31 October to 30 November, and a week to send it.
    assert_eq!((now - days(21)).to_string(), "2026-10-31T12:00:00Z");
    assert_eq!(question.due_at.to_string(), "2026-11-23T12:00:00Z");
    let (shown, _) = office.inbox().show(question.id).await.unwrap();
    assert_eq!(serde_json::to_value(&shown).unwrap()["received_at"], "2026-10-31T12:00:00Z");
    exports.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_finds_leaves_beside_what_the_walk_found() {
    let office = Office::with_paper();
    let exports = office.start(&["hello"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    assert_eq!(bytes(&exports, &mandate, 1, 1).await, b"text\r\nhello\r\n", "what nobody looks at is there already");
    let question = office.question().await;
    assert_eq!((question.kind, question.collection.as_deref()), (Kind::Manual, Some("binder")));
    let (shown, _) = office.inbox().show(question.id).await.unwrap();
    assert_eq!(shown.person, [("email".to_owned(), "anna@example.org".to_owned())]);
    // More than one frame of the spool, and more than one of the socket.
    let large = vec![7; 300_000];
    let files = [office.file("letter.txt", b"Dear Anna"), office.file("scan 1.tiff", &large)];
    let by = Some("Berta of the archive".to_owned());
    let kept = office.inbox().answer(question.id, None, Verdict::Files, &files, by).await.unwrap();
    assert!(kept.whole && !kept.known);
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    let found: Vec<_> = parts.iter().map(|part| (part.path.as_str(), part.media_type.as_str())).collect();
    assert_eq!(
        found,
        [
            ("crm/letter-0001.csv", "text/csv"),
            ("paper/binder-given/0001-letter.txt", "text/plain"),
            ("paper/binder-given/0002-scan 1.tiff", "image/tiff")
        ]
    );
    assert_eq!(bytes(&exports, &mandate, 1, 3).await, large);
    assert_eq!(disposition(&attestation, "paper"), Disposition::Fulfilled);
    assert!(attestation.searched.iter().any(|searched| searched.collection == "binder"));
    let listed = office.inbox().list(true).await.unwrap();
    let by = listed[0].answered_by.clone().unwrap();
    assert!(by.starts_with("Berta of the archive (user "), "{by}");
    exports.finish(mandate.instruction, mandate.case).await.unwrap();
    assert!(files_in(&exports), "what people gave goes with its export");
    assert!(office.inbox().show(question.id).await.unwrap().0.person.is_empty());
    exports.stop(PATIENCE).await;
}

fn files_in(exports: &Exports) -> bool {
    exports.spooled()() == Some(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_archive_counts_as_searched_and_a_refusal_as_not() {
    for (verdict, expected) in [
        (Verdict::Nothing, Disposition::NoData),
        (Verdict::CannotAnswer("the cellar is under water".to_owned()), Disposition::PartlyFulfilled),
    ] {
        let office = Office::with_paper();
        let exports = office.start(&["hello"]).await;
        let mandate = office.world.mandate();
        exports.begin(&mandate, requested()).await.unwrap();
        asked(&exports, &mandate).await;
        let question = office.question().await;
        office.inbox().answer(question.id, None, verdict.clone(), &[], None).await.unwrap();
        let (_, attestation) = answered(&office, &exports, &mandate).await;
        assert_eq!(disposition(&attestation, "paper"), expected);
        let gap = attestation.not_searched.iter().find(|gap| gap.dataset.as_str() == "paper");
        match verdict {
            Verdict::Nothing => assert_eq!(gap, None),
            _ => {
                let gap = gap.unwrap();
                assert_eq!(
                    (gap.reason, gap.detail.as_str()),
                    (NotSearchedReason::NotAnswered, "the cellar is under water")
                );
            }
        }
        exports.stop(PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_and_the_same_again_changes_nothing() {
    let office = Office::with_paper();
    let exports = office.start(&["hello"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let (question, inbox) = (office.question().await.id, office.inbox());
    let letter = office.file("letter.txt", b"Dear Anna");
    let other = office.file("other.txt", b"Dear Berta");
    for wrong in [Verdict::Release, Verdict::Withhold("no".to_owned()), Verdict::CannotAnswer(" ".to_owned())] {
        assert!(matches!(inbox.answer(question, None, wrong, &[], None).await, Err(ClientError::Invalid(_))));
    }
    inbox.answer(question, None, Verdict::Files, std::slice::from_ref(&letter), None).await.unwrap();
    answered(&office, &exports, &mandate).await;
    let stored = exports.spooled()();
    let again = inbox.answer(question, None, Verdict::Files, &[letter], None).await.unwrap();
    assert!(again.known);
    for (verdict, files) in [(Verdict::Files, vec![other]), (Verdict::Nothing, Vec::new())] {
        let refused = inbox.answer(question, None, verdict, &files, None).await.unwrap_err();
        assert!(matches!(&refused, ClientError::Invalid(said) if said.contains("otherwise before")), "{refused}");
    }
    assert_eq!(exports.spooled()(), stored, "what was not taken leaves nothing behind");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_said_and_kept_and_never_taken_for_an_answer() {
    let mut office = Office::with_paper();
    let exports = office.start(&["hello"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    let due = loop {
        if let Event::Pending { retry_at: Some(due), reason } = next(&mut events).await.unwrap()
            && reason.contains("people")
        {
            break due;
        }
    };
    assert_eq!(due, office.world.clock.now() + SignedDuration::from_hours(240));
    office.world.later(11 * 24 * 3600);
    pause(&mut events, "overdue since 2026-12-01").await;
    assert!(office.question().await.overdue);
    // Long after anything that nobody fetches would have been dropped.
    office.world.later(15 * 24 * 3600);
    office.crash();
    exports.stop(PATIENCE).await;
    let exports = office.start(&["hello"]).await;
    let question = office.question().await;
    office.inbox().answer(question.id, None, Verdict::Nothing, &[], None).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.generation), (1, 1), "nothing was walked twice");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_how_long_to_wait_gets_a_named_gap_and_nothing_unseen_leaves() {
    let mut office = Office::with_review();
    office.manual.push(paper());
    office.world.give_up = Some(Duration::from_secs(5 * 24 * 3600));
    let exports = office.start(&["hello"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    office.world.later(16 * 24 * 3600);
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert!(parts.is_empty());
    assert_eq!(disposition(&attestation, "crm"), Disposition::Withheld);
    assert_eq!(disposition(&attestation, "paper"), Disposition::PartlyFulfilled);
    assert_eq!(attestation.not_searched[0].reason, NotSearchedReason::NotAnswered);
    let listed = office.inbox().list(true).await.unwrap();
    assert!(listed.iter().all(|question| question.state == Standing::Lapsed), "{listed:?}");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_given_again_when_its_export_has_ended_is_known_and_another_still_refused() {
    let mut office = Office::with_review();
    office.manual.push(paper());
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let mut questions = office.inbox().list(false).await.unwrap();
    questions.sort_by_key(|question| question.kind == Kind::Review);
    let (search, review) = (questions[0].id, questions[1].id);
    let (letter, other) = (office.file("letter.txt", b"Dear Anna"), office.file("other.txt", b"Dear Anna"));
    let inbox = &office.inbox();
    let found = |files: Vec<PathBuf>| async move { inbox.answer(search, None, Verdict::Files, &files, None).await };
    let seen = |part, verdict| async move { inbox.answer(review, part, verdict, &[], None).await };
    assert!(!found(vec![letter.clone()]).await.unwrap().known);
    assert!(!seen(None, Verdict::Release).await.unwrap().known);
    let spooled = files(&office.data.join("spool")).len();
    assert!(found(vec![letter.clone()]).await.unwrap().known);
    assert!(matches!(found(vec![other.clone()]).await, Err(ClientError::Invalid(_))));
    assert_eq!(files(&office.data.join("spool")).len(), spooled, "what is only compared is not stored");
    answered(&office, &exports, &mandate).await;
    exports.finish(mandate.instruction, mandate.case).await.unwrap();

    assert!(found(vec![letter.clone()]).await.unwrap().known);
    assert!(seen(None, Verdict::Release).await.unwrap().known);
    for refused in [
        found(vec![other]).await,
        inbox.answer(search, None, Verdict::Nothing, &[], None).await,
        seen(None, Verdict::Withhold("it names a colleague".to_owned())).await,
        seen(Some(1), Verdict::Release).await,
        inbox.answer(review, Some(1), Verdict::Replace, &[letter], None).await,
    ] {
        assert!(matches!(refused, Err(ClientError::Invalid(_))), "{:?}", refused.map(|kept| kept.known));
    }
    assert!(files(&office.data.join("spool")).is_empty());
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_ends_withdraws_its_questions_and_drops_what_waited() {
    let mut office = Office::with_review();
    office.manual.push(paper());
    let exports = office.start(&["first"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let questions = office.inbox().list(false).await.unwrap();
    assert_eq!(questions.len(), 2);
    exports.finish(mandate.instruction, mandate.case).await.unwrap();
    assert!(office.inbox().list(false).await.unwrap().is_empty());
    for question in questions {
        let verdict = if question.kind == Kind::Review { Verdict::Release } else { Verdict::Nothing };
        let refused = office.inbox().answer(question.id, None, verdict, &[], None).await.unwrap_err();
        assert!(matches!(refused, ClientError::Invalid(_)), "{refused}");
    }
    exports.stop(PATIENCE).await;
    assert!(files(&office.data.join("spool")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_open_to_the_agents_own_user_only_and_says_when_nobody_is_there() {
    let office = Office::with_paper();
    let nobody = office.inbox().list(false).await.unwrap_err();
    assert!(matches!(nobody, ClientError::NotRunning { .. }), "{nobody}");
    let exports = office.start(&["first"]).await;
    let mode = std::fs::metadata(office.data.join("inbox.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let unknown = tributary_model::id::QuestionId::new(office.world.clock.now());
    assert!(matches!(office.inbox().show(unknown).await, Err(ClientError::NotFound(_))));
    exports.stop(PATIENCE).await;
    assert!(matches!(office.inbox().list(false).await.unwrap_err(), ClientError::NotRunning { .. }));
}
