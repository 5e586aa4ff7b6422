//! One process for two entities: each has its own answers, keys and ledger, and an order for one is nothing to the other.

use jiff::SignedDuration;
use tonic::Code;
use tributary_archive::attestation::Attestation;
use tributary_model::key::{SigningKey, ValidKey};
use tributary_model::mandate::Action;
use tributary_proto::agent::v1::DescribeRequest;
use tributary_transport::secret_file::create_secret;

use crate::world::{ANNA, MANIFEST, Order, World, reason};

/// A world in which `other` has its agent where `acme` has it, and both have all of the store.
fn world() -> World {
    let mut world = World::new();
    let key = SigningKey::generate().unwrap();
    create_secret(&world.path("other.key"), key.to_pem().unwrap().as_bytes()).unwrap();
    let now = world.group.issued_at;
    let published = ValidKey {
        public_key: key.public(),
        not_before: now - SignedDuration::from_hours(1),
        not_after: now + SignedDuration::from_hours(50 * 24),
        revoked_at: None,
    };
    world.group.entities[1].agent = world.group.entities[0].agent.clone();
    world.group.entities[1].attestation_keys = vec![published];
    world.write_group();
    let shared = MANIFEST.replace("    name: Customers\n", "    tributary: {controller: {shared: true}}\n");
    std::fs::write(world.path("crm.yml"), shared).unwrap();
    world.served =
        "entities: [{id: acme, signing_key: attestation.key}, {id: other, signing_key: other.key}]\n".to_owned();
    world
}

/// The same instruction and case, for the other entity.
fn under_other(order: &Order) -> Order {
    let mut order = order.clone();
    order.mandate.entity = "other".parse().unwrap();
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_of_one_entity_is_unknown_under_another_even_with_the_same_id() {
    let world = world();
    let agent = world.start().await;
    let ours = world.order(Action::Export, ANNA);
    let theirs = under_other(&ours);
    let first = world.export(&agent, &ours).await;
    assert_eq!(world.open(&first.envelope).entity.as_str(), "acme");

    for refused in [
        world.watch(&agent, &theirs).await.err().unwrap(),
        world.read(&agent, &theirs, (1, 1, 0)).await.unwrap_err(),
        world.attestation(&agent, &theirs).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "EXPORT_NOT_FOUND"));
    }
    world.finish(&agent, &theirs).await.unwrap();
    assert_eq!(world.attestation(&agent, &ours).await.unwrap(), first.envelope, "what is finished there stays here");
    assert!(world.read(&agent, &ours, (first.generation, 1, 0)).await.is_ok());

    let second = world.export(&agent, &theirs).await;
    let keys = &world.group.entities[1].attestation_keys;
    let said = Attestation::open(&second.envelope, keys, world.group.issued_at).unwrap();
    assert_eq!(said.entity.as_str(), "other");
    assert!(said.answers.iter().all(|answer| answer.controller.as_str() == "other"));
    assert!(
        Attestation::open(&second.envelope, &world.group.entities[0].attestation_keys, world.group.issued_at).is_err()
    );
    for entity in ["acme", "other"] {
        assert!(
            world.path(&format!("data/{entity}/ledger.sqlite")).is_file(),
            "{entity} keeps its answers in a folder of its own"
        );
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entity_is_described_by_itself_and_nobody_else_is() {
    let mut world = world();
    let agent = world.start().await;
    for entity in ["acme", "other"] {
        let request = DescribeRequest { entity: entity.to_owned(), ..Default::default() };
        let described = agent.client.clone().describe(request).await.unwrap().into_inner();
        assert_eq!(described.entity, entity);
        assert_eq!(described.served_entities, ["acme", "other"]);
    }
    let request = DescribeRequest { entity: "third".to_owned(), ..Default::default() };
    let refused = agent.client.clone().describe(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "ENTITY_NOT_SERVED"));
    let mut third = world.order(Action::Export, ANNA);
    third.mandate.entity = "third".parse().unwrap();
    let refused = world.begin(&agent, &third).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "MANDATE_INVALID"));
    assert!(refused.message().contains("another entity"), "{}", refused.message());
    agent.stop().await;

    world.served = world.served.replace("id: other", "id: third");
    let refused = world.bind().await.err().unwrap().to_string();
    assert!(refused.contains("`third` is not in the group file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_of_a_single_entity_is_not_left_behind_unseen() {
    let mut world = world();
    let several = std::mem::replace(&mut world.served, "entity: acme\nsigning_key: attestation.key\n".to_owned());
    let agent = world.start().await;
    let order = world.order(Action::Export, ANNA);
    let export = world.export(&agent, &order).await;
    agent.stop().await;

    world.served = several;
    let refused = world.bind().await.err().unwrap().to_string();
    assert!(
        refused.contains("holds the ledger of an agent of one entity") && refused.contains("data/acme"),
        "{refused}"
    );
    std::fs::create_dir(world.path("data/acme")).unwrap();
    for entry in std::fs::read_dir(world.path("data")).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("ledger.sqlite") || name == "spool" {
            std::fs::rename(entry.path(), world.path("data/acme").join(name)).unwrap();
        }
    }
    let agent = world.start().await;
    assert_eq!(world.attestation(&agent, &order).await.unwrap(), export.envelope, "it goes on where it was");
    agent.stop().await;
}
