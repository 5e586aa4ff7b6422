//! Promises about what people see before it leaves: it waits for them, and what they say of it holds for those bytes.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_review_is_not_seen_by_the_gateway_before_it_is_released() {
    let office = Office::with_review();
    let exports = office.start(&["first", "second", "third"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    let mut events = pin!(exports.watch(mandate.instruction, mandate.case).await.unwrap());
    loop {
        match next(&mut events).await.unwrap() {
            Event::Part(..) | Event::Table(_) => panic!("something left before anybody had seen it"),
            Event::Pending { reason, .. } if reason.contains("people") => break,
            _ => {}
        }
    }
    let hidden = PartName { instruction: mandate.instruction, generation: 1, index: 1 };
    assert!(matches!(exports.read(hidden, mandate.case, 0).await.err(), Some(ExportError::NoPart { .. })));
    let (question, inbox) = (office.question().await.id, office.inbox());
    let (_, parts) = inbox.show(question).await.unwrap();
    assert_eq!(parts.len(), 3);
    let mut seen = Vec::new();
    inbox.read(question, 2, &mut seen).await.unwrap();
    assert_eq!(seen, b"text\r\nsecond\r\n");
    assert!(matches!(inbox.read(question, 4, &mut seen).await, Err(ClientError::NotFound(_))));

    let more = office.file("more.csv", b"text\r\nse***d\r\nmore\r\n");
    let refused = inbox.answer(question, Some(2), Verdict::Replace, &[more], None).await.unwrap_err();
    assert!(refused.to_string().contains("more rows"), "{refused}");
    let version = office.file("version.csv", b"text\r\nse***d\r\n");
    assert!(!inbox.answer(question, Some(2), Verdict::Replace, &[version], None).await.unwrap().whole);
    let reason = || Verdict::Withhold("it names a colleague".to_owned());
    assert!(!inbox.answer(question, Some(3), reason(), &[], None).await.unwrap().whole);
    assert!(inbox.answer(question, None, Verdict::Release, &[], None).await.unwrap().whole);
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    let paths: Vec<&str> = parts.iter().map(|part| part.path.as_str()).collect();
    assert_eq!(paths, ["crm/letter-0001.csv", "crm/letter-0002.csv"]);
    assert_eq!(bytes(&exports, &mandate, 1, 1).await, b"text\r\nfirst\r\n");
    assert_eq!(parts[1].sha256, Sha256Hex::of(b"text\r\nse***d\r\n"));
    let answer = &attestation.answers[0];
    assert_eq!((answer.disposition, answer.rows), (Disposition::PartlyFulfilled, 2));
    let reason = answer.reason.as_deref().unwrap();
    assert_eq!(
        reason,
        "letter: 1 file withheld after review: it names a colleague, 1 file given in a redacted version"
    );
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_altogether_is_an_answer_without_parts() {
    let office = Office::with_review();
    let exports = office.start(&["first"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let question = office.question().await.id;
    let verdict = Verdict::Withhold("a court forbids it".to_owned());
    office.inbox().answer(question, None, verdict, &[], None).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    let PartsSummary { count, rows, .. } = attestation.parts;
    assert_eq!((parts.len(), count, rows), (0, 0, 0));
    assert_eq!(attestation.disposition, Disposition::Withheld);
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_between_answer_and_attestation_loses_nothing() {
    let mut office = Office::with_review();
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let question = office.question().await.id;
    office.inbox().answer(question, Some(1), Verdict::Release, &[], None).await.unwrap();
    office.crash();
    exports.stop(PATIENCE).await;
    // The last answer is kept, and whoever kept it is gone before anything follows from it.
    {
        let kek = KeyEncryptionKey::load(&office.world.folder.path().join("kek")).unwrap();
        let ledger = Ledger::open(&office.data, kek).unwrap();
        let (answer, now) = (crate::inbox::Answer::Released, office.world.clock.now());
        let expires_at = now + SignedDuration::from_hours(1);
        let given = crate::ledger::Given { question, number: Some(2), answer: &answer, by: "berta", expires_at };
        let kept = ledger.answer(&given, now).unwrap();
        assert_eq!(kept, crate::ledger::Answered::Kept { whole: true });
    }
    let exports = office.start(&["another", "text"]).await;
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!((parts.len(), attestation.generation), (2, 1), "what was looked at is what leaves");
    assert_eq!(bytes(&exports, &mandate, 1, 2).await, b"text\r\nsecond\r\n");
    exports.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_generation_takes_answers_about_the_same_bytes_and_asks_about_others() {
    let mut office = Office::with_review();
    let exports = office.start(&["first", "second"]).await;
    let mandate = office.world.mandate();
    exports.begin(&mandate, requested()).await.unwrap();
    asked(&exports, &mandate).await;
    let question = office.question().await.id;
    let version = office.file("version.csv", b"text\r\n***\r\n");
    office.inbox().answer(question, Some(1), Verdict::Replace, &[version], None).await.unwrap();
    office.crash();
    exports.stop(PATIENCE).await;
    // What a backup without the generation's files restores: it is walked anew, over a database that has changed.
    let spool = office.data.join("spool").join(mandate.instruction.to_string());
    std::fs::remove_dir_all(spool.join("1")).unwrap();
    let exports = office.start(&["first", "changed"]).await;
    asked(&exports, &mandate).await;
    let (_, parts) = office.inbox().show(question).await.unwrap();
    let answers: Vec<Option<&str>> = parts.iter().map(|part| part.answer.as_deref()).collect();
    assert_eq!(answers, [Some("replaced"), None]);
    office.inbox().answer(question, None, Verdict::Release, &[], None).await.unwrap();
    let (parts, attestation) = answered(&office, &exports, &mandate).await;
    assert_eq!(attestation.generation, 2);
    assert_eq!(parts[0].sha256, Sha256Hex::of(b"text\r\n***\r\n"));
    assert_eq!(bytes(&exports, &mandate, 2, 2).await, b"text\r\nchanged\r\n");
    exports.stop(PATIENCE).await;
}
