//! A gateway whose state is in PostgreSQL: the main job, and a server that goes and comes back while it is under way.

use tonic::Code;
use tributary_proto::gateway::v1::{CaseState, GetCaseRequest};

use crate::case::{Case, WHO, reason, request, task, verified};
use crate::hub::Hub;
use crate::main_job::main_job;
use crate::server::Database;
use crate::support::script::{Reading, Script};

#[tokio::test]
async fn a_case_ends_in_one_verified_archive_also_with_its_state_on_postgres() {
    main_job(Hub::on(Database::shared(), &["be", "de", "fr"]).await).await;
}

#[tokio::test]
async fn a_database_that_restarts_costs_callers_a_repetition_and_no_part() {
    let hub = Hub::on(Database::private(), &["be"]).await;
    let be = hub.agent("be", Script::honest());
    // The fourth part, the document, does not end before the database is gone.
    be.change(|script| script.reading = Reading::HangsAt(60_000));
    let mut case = Case::open(&hub, request(0)).await;
    case.until(|case| task(case, "be").parts == 3).await;
    let server = hub.database.as_ref().unwrap();
    server.stop();
    let asked = GetCaseRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned() };
    let refused = case.cases.get_case(asked).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "SYSTEM_UNAVAILABLE"));
    server.again();
    be.change(|script| script.reading = Reading::Pieces(64 * 1024));
    let mut case = Case::of(&hub, case.id).await;
    let ready = case.advancing(&hub, |case| case.state() == CaseState::Ready).await;
    assert_eq!(task(&ready, "be").parts, 4);
    for part in 1..=3 {
        assert_eq!(be.offsets(part).len(), 1, "part {part} was staged before the database was gone");
    }
    let archive = case.archive(0).await;
    assert_eq!(verified(&hub, &archive, None).verdict, tributary_archive::verify::Verdict::Authentic);
}
