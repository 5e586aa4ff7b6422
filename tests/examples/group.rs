//! Lays a small group out and runs it until standard input ends: for clients in other languages.
//!
//! Prints one JSON line with addresses and paths as soon as everything is ready.

use std::io::Read;

use anyhow::Result;
use tributary_tests::binary;
use tributary_tests::fixture::Shop;
use tributary_tests::group::{EntityPlan, PORTAL, Plan};

const EMAIL: &str = "anna@example.org";

#[tokio::main]
async fn main() -> Result<()> {
    let shop = |key: &str| Shop::with_person(key, EMAIL, "Anna de Vries", 4);
    let group = Plan::new(vec![
        EntityPlan::new("alpha-be", "BE").holds(shop("shop")),
        EntityPlan::new("beta-fr", "FR").holds(Shop::with_strangers("boutique")),
        EntityPlan::new("gamma-de", "DE").holds(shop("laden")),
    ])
    .lay_out()?;
    let agents = group.start_agents(&["alpha-be", "beta-fr", "gamma-de"]).await?;
    let gateway = group.start_gateway().await?;

    let caller = group.caller_folder(PORTAL);
    let facts = serde_json::json!({
        "target": format!("localhost:{}", group.gateway_address().port()),
        "root": caller.join("gateway-ca.pem"),
        "certificate": caller.join("svid.pem"),
        "key": caller.join("svid-key.pem"),
        "client": caller.join("client.yaml"),
        "group_key": group.group_key(),
        "email": EMAIL,
        "expected": { "alpha-be": "FULFILLED", "beta-fr": "NO_DATA", "gamma-de": "FULFILLED" },
        "folder": group.root(),
        "tributary": binary::tributary()?,
    });
    println!("{facts}");
    // Whoever started this closes our standard input when done, or dies, which closes it too.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    drop((gateway, agents));
    Ok(())
}
