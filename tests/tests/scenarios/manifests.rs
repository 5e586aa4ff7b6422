//! Manifests as administrators get them wrong: `agent check` names file, line and what to do, and nothing starts.

use std::path::Path;

use anyhow::Result;
use tributary_tests::command::{Ran, tributary};
use tributary_tests::fixture::{Fixture, Shop};
use tributary_tests::group::{Direction, EntityPlan, Group, Plan};

const ENTITY: &str = "alpha-be";

fn group() -> Result<Group> {
    // A check that dials out would want a gateway to be there.
    Plan::new(vec![EntityPlan::new(ENTITY, "BE").holds(Shop::with_strangers("shop"))])
        .direction(Direction::Inbound)
        .lay_out()
}

fn check(group: &Group) -> Result<Ran> {
    let config = group.entity(ENTITY)?.join("agent.yaml");
    tributary([Path::new("agent"), Path::new("check"), Path::new("--config"), &config])
}

/// `agent check` and the agent itself refuse the manifest, at `place`, with each of `words`.
async fn refused(group: &Group, manifest: &str, place: &str, words: &[&str]) -> Result<()> {
    std::fs::write(group.entity(ENTITY)?.join("manifests/shop.yml"), manifest)?;
    let checked = check(group)?;
    assert!(checked.code.is_some_and(|code| code != 0), "{checked:?}");
    let started = group.agent_launch(ENTITY)?.refusal().await?;
    assert!(started.code.is_some_and(|code| code != 0), "{started:?}");
    for said in [checked.said(), started.said] {
        assert!(said.contains(place), "{place:?} is not in\n{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in\n{said}");
        }
    }
    Ok(())
}

fn good() -> String {
    Shop::with_strangers("shop").manifest()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_manifest_passes_although_its_references_form_a_cycle() -> Result<()> {
    let group = group()?;
    let checked = check(&group)?;
    assert_eq!(checked.code, Some(0), "{}", checked.said());
    let cycle = good().replace(
        "{ name: notes, data_categories: [user.content] }",
        "{ name: notes, data_categories: [user.content], fides_meta: { references: [{ dataset: shop, field: line.article, direction: from }] } }",
    );
    assert_ne!(cycle, good());
    std::fs::write(group.entity(ENTITY)?.join("manifests/shop.yml"), cycle)?;
    let checked = check(&group)?;
    assert_eq!(checked.code, Some(0), "{}", checked.said());
    group.start_agent(ENTITY).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_that_cannot_be_read_is_refused_at_its_line() -> Result<()> {
    let group = group()?;
    let broken = good().replace("    name: Shop\n", "    name: [Shop\n");
    refused(&group, &broken, "shop.yml:", &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangling_reference_is_refused_with_both_ends() -> Result<()> {
    let group = group()?;
    let line = 1 + good().lines().position(|line| line.contains("field: orders.id")).unwrap_or_default();
    let dangling = good().replace("field: orders.id", "field: orders.ident");
    refused(&group, &dangling, &format!("shop.yml:{line}:"), &["shop.line.order_id", "orders.ident"]).await?;
    let elsewhere = good().replace("{ dataset: shop, field: orders.id", "{ dataset: store, field: orders.id");
    refused(&group, &elsewhere, &format!("shop.yml:{line}:"), &["store"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_goes_in_a_circle_is_refused() -> Result<()> {
    let group = group()?;
    let circle = good()
        .replace("      - name: orders\n", "      - name: orders\n        fides_meta: { after: [shop.line] }\n")
        .replace("      - name: line\n", "      - name: line\n        fides_meta: { after: [shop.orders] }\n");
    refused(&group, &circle, "shop.yml:", &["shop.orders", "`after` has a cycle"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_or_table_that_the_database_does_not_have_is_refused() -> Result<()> {
    let group = group()?;
    let wrong = good().replace("{ name: phone,", "{ name: telephone,").replace("- name: line\n", "- name: lines\n");
    let line = 1 + good().lines().position(|line| line.contains("name: phone,")).unwrap_or_default();
    refused(&group, &wrong, &format!("shop.yml:{line}:"), &["telephone", "lines", "customer"]).await
}
