//! Promises about the decision whether anything leaves: before it nothing does, and silence is none.

use tributary_archive::{information, preview as previews};

use super::super::presented::{presented, preview, record};
use super::*;

const DAY: u64 = 24 * 3600;

impl Office {
    fn that_decides(manual: Vec<ManualCollection>, reviewed: BTreeSet<(FidesKey, String)>) -> Self {
        let mut office = Self::new(manual, reviewed);
        office.world.decision = Some(Duration::from_secs(4 * DAY));
        office
    }

    /// The open question of a kind, which there must be.
    async fn asked_for(&self, kind: Kind) -> tributary_model::id::QuestionId {
        let listed = self.inbox().list(false).await.unwrap();
        listed.iter().find(|question| question.kind == kind).unwrap_or_else(|| panic!("{listed:?}")).id
    }

    async fn decide(&self, verdict: Verdict) -> Result<crate::inbox::Kept, ClientError> {
        let listed = self.inbox().list(true).await.unwrap();
        let decision = listed.iter().find(|question| question.kind == Kind::Decision).unwrap().id;
        self.inbox().answer(decision, None, verdict, &[], None).await
    }
}

/// Waits until a decision is waited for; nothing may come before it.
async fn undecided(exports: &Exports, mandate: &Mandate) {
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    loop {
        match next(&mut events).await.unwrap() {
            Event::GenerationStarted(_) => {}
            Event::Pending { reason, .. } if reason.contains("a decision") => {
                assert_eq!(reason, "waits for a decision of acme's people since 2026-11-21");
                return;
            }
            Event::Pending { .. } => {}
            _ => panic!("something left before anybody had decided"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_it_is_decided_and_everything_after() {
    let office = Office::that_decides(Vec::new(), BTreeSet::new());
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    undecided(&exports, &mandate).await;
    let hidden = PartName { instruction: mandate.instruction, generation: 1, index: 1 };
    assert!(matches!(exports.read(hidden, mandate.case, 0).await.err(), Some(ExportError::NoPart { .. })));
    let (question, inbox) = (office.question().await, office.inbox());
    assert_eq!((question.kind, question.dataset, question.collection), (Kind::Decision, None, None));
    assert_eq!(question.due_at, office.world.clock.now() + SignedDuration::from_hours(4 * 24));
    let (shown, parts) = inbox.show(question.id).await.unwrap();
    assert_eq!((shown.person.len(), parts.len()), (1, 2), "whoever decides can look at what was found");
    let mut seen = Vec::new();
    inbox.read(question.id, 2, &mut seen).await.unwrap();
    assert_eq!(seen, b"text\r\nsecond\r\n");
    for wrong in [Verdict::Release, Verdict::Nothing, Verdict::Refuse(" ".to_owned())] {
        assert!(matches!(office.decide(wrong).await, Err(ClientError::Invalid(_))));
    }
    let part = inbox.answer(question.id, Some(1), Verdict::Fulfil, &[], None).await.unwrap_err();
    assert!(part.to_string().contains("leave --part out"), "{part}");
    assert!(office.decide(Verdict::Fulfil).await.unwrap().whole);
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.disposition), (2, Disposition::Fulfilled));
    assert_eq!(bytes(&exports, &mandate, 1, 2).await, b"text\r\nsecond\r\n");
    assert!(office.decide(Verdict::Fulfil).await.unwrap().known);
    let other = office.decide(Verdict::Refuse("no".to_owned())).await.unwrap_err();
    assert!(other.to_string().contains("otherwise before"), "{other}");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_and_the_record_of_processing_wait_for_the_decision_too() {
    for verdict in [Verdict::Fulfil, Verdict::Refuse("manifestly excessive".to_owned())] {
        let office = Office::that_decides(Vec::new(), BTreeSet::new());
        let exports = office.start_with(Box::new(|_, _, sink, _| presented(sink, &[preview("letter", 2)]))).await;
        let mandate = office.world.mandate();
        exports.begin(&mandate, requested()).await.unwrap();
        undecided(&exports, &mandate).await;
        office.decide(verdict.clone()).await.unwrap();
        let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
        let (mut shown, mut told) = (0, 0);
        let envelope = loop {
            match next(&mut events).await.unwrap() {
                Event::Preview(_) => shown += 1,
                Event::Information(_) => told += 1,
                Event::Attested { envelope, .. } => break envelope,
                _ => {}
            }
        };
        let attestation = office.opened(&exports, &envelope);
        let (digests, expected) = match verdict {
            Verdict::Fulfil => {
                let digests = (previews::digest(&[preview("letter", 2)]), information::digest(&record()));
                ((Some(digests.0), Some(digests.1)), (1, 1))
            }
            _ => ((None, None), (0, 0)),
        };
        assert_eq!((shown, told), expected);
        assert_eq!((attestation.previews_sha256, attestation.information_sha256), digests);
        exports.stop(PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_signed_with_its_reason_and_says_nothing_of_what_was_found() {
    let mut office = Office::with_review();
    office = Office::that_decides(vec![paper()], office.reviewed);
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    undecided(&exports, &mandate).await;
    let manual = office.asked_for(Kind::Manual).await;
    assert_eq!(office.inbox().list(false).await.unwrap().len(), 3);
    office.decide(Verdict::Refuse("manifestly excessive (Art. 12(5) GDPR)".to_owned())).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    let PartsSummary { count, rows, bytes, .. } = attestation.parts;
    assert_eq!((parts.len(), count, rows, bytes), (0, 0, 0, 0));
    for dataset in ["crm", "paper"] {
        assert_eq!(disposition(&attestation, dataset), Disposition::Refused);
    }
    let reasons: BTreeSet<_> = attestation.answers.iter().map(|answer| answer.reason.as_deref()).collect();
    assert_eq!(reasons, BTreeSet::from([Some("manifestly excessive (Art. 12(5) GDPR)")]));
    assert!(attestation.searched.is_empty() && attestation.redactions.is_empty());
    assert!(office.inbox().list(false).await.unwrap().is_empty(), "nobody has to search or look any more");
    let late = office.inbox().answer(manual, None, Verdict::Nothing, &[], None).await.unwrap_err();
    assert!(late.to_string().contains("needed no more"), "{late}");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fulfils_a_request_does_not_release_what_is_under_review() {
    let reviewed = Office::with_review().reviewed;
    let mut office = Office::that_decides(Vec::new(), reviewed);
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    undecided(&exports, &mandate).await;
    office.decide(Verdict::Fulfil).await.unwrap();
    asked(&exports, &mandate).await;
    office.crash();
    exports.stop(PATIENCE).await;
    // What a backup without the generation's files restores: it is walked anew, over a database that has changed.
    let spool = office.data.join("spool").join(mandate.instruction.to_string());
    std::fs::remove_dir_all(spool.join("1")).unwrap();
    let exports = office.start(&["first", "changed"]).await;
    asked(&exports, &mandate).await;
    let review = office.question().await;
    assert_eq!(review.kind, Kind::Review, "the decision was about the request, not about bytes: it stands");
    office.inbox().answer(review.id, None, Verdict::Release, &[], None).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.generation), (2, 2));
    assert_eq!(bytes(&exports, &mandate, 2, 2).await, b"text\r\nchanged\r\n");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_decision_over_a_restart_and_after_its_day() {
    let mut office = Office::that_decides(Vec::new(), BTreeSet::new());
    let exports = office.start(&["first"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    undecided(&exports, &mandate).await;
    office.world.later(5 * DAY as i64);
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    pause(&mut events, "waits for a decision of acme's people since 2026-11-21, overdue since 2026-11-25").await;
    assert!(office.question().await.overdue);
    // Long after anything that nobody fetches would have been dropped. And who asks nobody any more still has asked.
    office.world.later(20 * DAY as i64);
    office.crash();
    office.world.decision = None;
    exports.stop(PATIENCE).await;
    let exports = office.start(&["another"]).await;
    let hidden = PartName { instruction: mandate.instruction, generation: 1, index: 1 };
    assert!(matches!(exports.read(hidden, mandate.case, 0).await.err(), Some(ExportError::NoPart { .. })));
    office.decide(Verdict::Fulfil).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.generation), (1, 1), "nothing was walked twice");
    assert_eq!(bytes(&exports, &mandate, 1, 1).await, b"text\r\nfirst\r\n");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_on_a_decision_withholds_everything() {
    let mut office = Office::that_decides(vec![paper()], BTreeSet::new());
    office.world.give_up = Some(Duration::from_secs(2 * DAY));
    let exports = office.start(&["first"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    undecided(&exports, &mandate).await;
    // The search by hand would be waited for longer.
    office.world.later(6 * DAY as i64);
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert!(parts.is_empty());
    assert!(attestation.answers.iter().all(|answer| answer.disposition == Disposition::Withheld));
    let reason = attestation.answers[0].reason.as_deref();
    assert_eq!(reason, Some("nobody at the entity has decided on the request in time"));
    assert!(matches!(office.decide(Verdict::Fulfil).await, Err(ClientError::Invalid(_))), "too late");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_decides_before_the_walk_is_over_need_not_decide_again() {
    let office = Office::that_decides(Vec::new(), BTreeSet::new());
    let (walk, go) = halting();
    let exports = office.start_with(walk).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    while office.inbox().list(false).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    office.decide(Verdict::Fulfil).await.unwrap();
    go.send(()).unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.disposition), (2, Disposition::Fulfilled));
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_decide_before_it_is_clear_who_asks() {
    let office = Office::that_decides(vec![paper()], BTreeSet::new());
    let unclear = |_, _: &Request, _: &mut dyn PartSink, _: &StopFlag| {
        let mut collected = found(&[]);
        collected.located = Located::NeedsIdentity;
        collected.tables_sha256 = table::digest([]);
        collected.answers[0].disposition = Disposition::NeedsIdentity;
        Ok(collected)
    };
    let exports = office.start_with(Box::new(unclear)).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.disposition), (0, Disposition::NeedsIdentity));
    assert!(office.inbox().list(false).await.unwrap().is_empty());
    exports.stop(PATIENCE).await;
}
