//! Answers: from Locate to the verified attestation, and what refusals mean.

use std::sync::Arc;

use jiff::SignedDuration;
use tonic::{Code, Status};
use tributary_gateway::attest::{AttestationFault, Expected, verify_attestation};
use tributary_gateway::entity::{EntityError, ExportState, Fault, Located};
use tributary_model::clock::Clock;
use tributary_model::disposition::Disposition;
use tributary_model::id::CaseId;
use tributary_model::key::SigningKey;
use tributary_model::right::TableFormat;
use tributary_proto::agent::v1::LocateOutcome;
use tributary_transport::status::status;

use super::{fetch, watch};
use crate::support::agent::{Agent, Call};
use crate::support::script::Script;
use crate::support::world::{World, id};

const FR: &str = "acme-fr";

/// Stages a whole export and verifies its attestation.
async fn answered(world: &World, script: Script) -> Result<Disposition, AttestationFault> {
    let agent = Agent::start(world, FR, script);
    let (client, order) = (world.client(FR), world.order());
    let destination = world.destination(&order);
    let announced = watch(&client, &order).await.unwrap();
    for part in &announced.parts {
        fetch(&client, &order, part, &destination).await.unwrap();
    }
    let expected = Expected {
        case: order.case,
        right: order.right,
        instruction: order.instruction,
        generation: announced.generation,
        parts: &announced.parts,
        tables: &announced.tables,
        previews: &announced.previews,
        information: announced.information.as_ref(),
        group: &world.in_force,
    };
    let now = world.clock.now();
    let verified = verify_attestation(&announced.envelope, client.entity(), &expected, now);
    assert!(client.get_attestation(&order).await.unwrap() == announced.envelope);
    client.finish_export(&order).await.unwrap();
    assert_eq!(agent.calls().last(), Some(&Call::FinishExport));
    verified.map(|attestation| attestation.disposition)
}

#[tokio::test]
async fn a_whole_export_ends_in_the_entitys_signed_answer() {
    let world = World::new(&[FR]);
    assert_eq!(answered(&world, Script::honest()).await, Ok(Disposition::Fulfilled));
    for disposition in [Disposition::NoData, Disposition::Refused, Disposition::NeedsIdentity] {
        let world = World::new(&[FR]);
        assert_eq!(answered(&world, Script::saying(disposition)).await, Ok(disposition));
    }
}

#[tokio::test]
async fn an_attestation_with_a_foreign_key_or_about_another_case_does_not_count() {
    let world = World::new(&[FR]);
    let foreign = Some(Arc::new(SigningKey::generate().unwrap()));
    let refused = answered(&world, Script { signed_by: foreign, ..Script::honest() }).await;
    assert!(matches!(refused, Err(AttestationFault::Envelope(_))), "{refused:?}");

    let world = World::new(&[FR]);
    let other = CaseId::new(world.clock.now());
    let script = Script::honest().attesting(move |said| said.case = other);
    assert_eq!(answered(&world, script).await, Err(AttestationFault::Other("case")));

    let world = World::new(&[FR, "acme-de"]);
    let other = Some(Arc::clone(&world.member("acme-de").key));
    let script = Script { signed_by: other, ..Script::honest() }.attesting(|said| said.entity = id("acme-de"));
    assert!(matches!(answered(&world, script).await, Err(AttestationFault::Envelope(_))));
}

#[tokio::test]
async fn an_attestation_covers_what_was_announced_and_nothing_else() {
    let world = World::new(&[FR]);
    let script = Script::honest().announcing(0, |part| part.media_type = "text/plain".to_owned());
    assert!(matches!(answered(&world, script).await, Err(AttestationFault::Parts(_))));
}

#[tokio::test]
async fn an_entity_says_whether_it_knows_the_person() {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script::honest());
    let (client, order) = (world.client(FR), world.order());
    for (outcome, located) in [
        (LocateOutcome::Found, Located::Found),
        (LocateOutcome::NotFound, Located::NotFound),
        (LocateOutcome::NeedsIdentity, Located::NeedsIdentity),
    ] {
        agent.change(|script| script.located = outcome);
        assert_eq!(client.locate(&order).await.unwrap(), located);
    }
    agent.change(|script| script.located = LocateOutcome::Unspecified);
    assert!(matches!(client.locate(&order).await, Err(EntityError::Fault(Fault::Message(_)))));
    let received = world.clock.now() - SignedDuration::from_hours(72);
    let started = client.start_export(&order, TableFormat::Csv, received).await.unwrap();
    assert_eq!((started.generation, started.state), (1, ExportState::Running));
    assert_eq!(agent.receptions(), [Some(received)]);
}

#[tokio::test]
async fn an_agent_from_before_receptions_were_said_is_asked_without() {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script { takes_reception: false, ..Script::honest() });
    let (client, order) = (world.client(FR), world.order());
    let started = client.start_export(&order, TableFormat::Csv, world.clock.now()).await.unwrap();
    assert_eq!((started.generation, agent.receptions()), (1, vec![None]));
    // An agent that refuses the mandate for another reason goes on doing so.
    agent.change(|script| script.refusal = Some(status(Code::PermissionDenied, "MANDATE_INVALID", "no", &[])));
    let refused = client.start_export(&order, TableFormat::Csv, world.clock.now()).await.unwrap_err();
    assert!(matches!(refused, EntityError::Refused { reason: "MANDATE_INVALID", .. }), "{refused:?}");
}

#[tokio::test]
async fn an_agent_describes_itself_for_its_own_entity_only() {
    let world = World::new(&[FR, "acme-de"]);
    let _agent = Agent::start(&world, FR, Script::honest());
    let description = world.client(FR).describe().await.unwrap();
    assert_eq!((description.entity, description.group_version), (id(FR), 3));
    assert_eq!(description.datasets[0].key.as_str(), "crm");
    let mut mistaken = world.entity("acme-de");
    mistaken.agent = world.entity(FR).agent;
    let client = world.client_with(mistaken, &crate::support::world::patient());
    assert!(matches!(client.describe().await, Err(EntityError::Fault(Fault::OtherEntity))));
}

#[tokio::test]
async fn every_refusal_has_its_class() {
    let world = World::new(&[FR]);
    let agent = Agent::start(&world, FR, Script::honest());
    let (client, order) = (world.client(FR), world.order());
    let refused = async |refusal: Status| {
        agent.change(|script| script.refusal = Some(refusal));
        client.start_export(&order, TableFormat::Csv, world.clock.now()).await.unwrap_err()
    };
    let said = |code, reason: &str| status(code, reason, "anna", &[]);
    assert!(matches!(refused(said(Code::NotFound, "EXPORT_NOT_FOUND")).await, EntityError::Gone));
    let busy = refused(said(Code::Unavailable, "SYSTEM_UNAVAILABLE")).await;
    assert!(matches!(busy, EntityError::Busy { reason: "SYSTEM_UNAVAILABLE", .. }), "{busy:?}");
    let differs = refused(said(Code::AlreadyExists, "EXPORT_DIFFERS")).await;
    assert!(matches!(differs, EntityError::Refused { reason: "EXPORT_DIFFERS", .. }), "{differs:?}");
    let internal = refused(Status::internal("anna")).await;
    assert!(matches!(internal, EntityError::Fault(Fault::Failed(Code::Internal))), "{internal:?}");
    for error in [busy, differs, internal] {
        assert!(!format!("{error} {error:?}").contains("anna"));
    }
}

#[tokio::test]
async fn a_mandate_of_another_key_is_refused_and_the_refusal_counts() {
    let world = World::new(&[FR]);
    let _agent = Agent::start(&world, FR, Script::honest());
    let foreign = Arc::new(SigningKey::generate().unwrap());
    let stranger = world.client_signing_with(FR, &foreign);
    let error = stranger.locate(&world.order()).await.unwrap_err();
    assert!(matches!(error, EntityError::Refused { reason: "MANDATE_INVALID", .. }), "{error:?}");
    assert!(error.counts_as_attempt());
}
