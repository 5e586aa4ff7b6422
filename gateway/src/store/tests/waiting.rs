//! Promises about dates: each policy of waiting over a month, and who is told when somebody is late.

use super::*;

on_both_databases![
    by_delivery_date_waits_a_month_and_then_writes_what_there_is,
    require_complete_writes_nothing_incomplete_before_the_date,
    who_never_vouches_is_told_before_the_delivery_date_and_once,
    entities_get_time_when_the_identity_is_confirmed_after_the_delivery_date,
];

async fn by_delivery_date_waits_a_month_and_then_writes_what_there_is(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be", "fr"]).await;
    bench.answer("be", Disposition::NoData, now()).await;
    for day in 0..25 {
        assert_eq!(bench.store.decide_due(days(day)).await.unwrap(), 0);
        let late = bench.store.escalate(days(day)).await.unwrap();
        assert_eq!(late.len(), usize::from(day == 20), "day {day}");
    }
    assert_eq!(bench.store.decide_due(days(25)).await.unwrap(), 1);
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
    bench.write_archive(case, 1, days(25)).await.unwrap();
    bench.answer("fr", Disposition::NoData, days(26)).await;
    assert_eq!(bench.store.drafts(days(26)).await.unwrap(), [case], "the late answer waits as an addendum");
    bench.write_archive(case, 2, days(26)).await.unwrap();
    bench.store.confirm_delivery(case, 1, days(26), actor(), days(26)).await.unwrap();
    let closed = bench.store.confirm_delivery(case, 2, days(26), actor(), days(26)).await.unwrap();
    assert_eq!(closed.state, CaseState::Closed);
}

async fn require_complete_writes_nothing_incomplete_before_the_date(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.case(Waiting::RequireComplete, &["be"]).await;
    bench.answer("be", Disposition::Refused, now()).await;
    assert_eq!(bench.get(case).await.state, CaseState::Running);
    assert_eq!(bench.store.decide_due(days(24)).await.unwrap(), 0);
    bench.store.decide_due(days(25)).await.unwrap();
    assert_eq!(bench.get(case).await.state, CaseState::Assembling);
}

async fn who_never_vouches_is_told_before_the_delivery_date_and_once(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.unvouched_case().await;
    for day in 0..30 {
        let late = bench.store.escalate(days(day)).await.unwrap();
        let expected = (day == 20).then_some(Escalation { case, late: Late::Identity });
        assert_eq!(late, Vec::from_iter(expected), "day {day}");
    }
    let found = bench.get(case).await;
    assert_eq!((found.state, found.escalated_at), (CaseState::AwaitingIdentity, Some(days(20))));
    let (events, _) = bench.store.events_after(case, 0).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.name == "ESCALATED" && event.entity.is_none()).count(), 1);
}

async fn entities_get_time_when_the_identity_is_confirmed_after_the_delivery_date(engine: Engine) {
    let bench = Bench::new(engine).await;
    let case = bench.unvouched_case().await;
    let scope = Scope {
        decisions: vec![decision("be")],
        group: InForce { version: 1, digest: "00".repeat(32) },
        dates: dates(),
    };
    bench.store.confirm_identity(case, Vec::new(), scope, actor(), days(40)).await.unwrap();
    assert_eq!(bench.store.decide_due(days(40) + SignedDuration::from_hours(23)).await.unwrap(), 0);
    assert_eq!(bench.get(case).await.state, CaseState::Locating);
    assert_eq!(bench.store.decide_due(days(41)).await.unwrap(), 1);
}
