//! Links: a person downloads without a client, once, and whoever guesses, comes late or comes twice gets nothing.

mod downloads;
mod making;
mod strangers;

use tributary_proto::gateway::v1 as wire;

use crate::case::{Case, WHO, request};
use crate::hub::{Hub, eventually};
use crate::support::agent::Agent;
use crate::support::script::Script;

/// A case with a ready archive, and whoever made it.
async fn ready(hub: &Hub, script: Script) -> (Case, Agent) {
    let agent = hub.agent("be", script);
    let mut case = Case::open(hub, request(0)).await;
    case.ready().await;
    (case, agent)
}

fn asked(case: &Case) -> wire::CreateLinkRequest {
    wire::CreateLinkRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), ..Default::default() }
}

/// Makes a link; its id and its path.
async fn make(case: &mut Case, change: impl FnOnce(&mut wire::CreateLinkRequest)) -> (String, String) {
    let mut request = asked(case);
    change(&mut request);
    let made = case.archives.create_link(request).await.unwrap().into_inner();
    let path = made.url.strip_prefix("https://localhost").unwrap().to_owned();
    assert!(path.starts_with("/box/l/") && path.len() == "/box/l/".len() + 43, "{path}");
    (made.link.unwrap().link_id, path)
}

async fn list(case: &mut Case) -> Vec<wire::Link> {
    let request = wire::ListLinksRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned() };
    case.archives.list_links(request).await.unwrap().into_inner().links
}

async fn revoke(case: &mut Case, link_id: &str) -> Result<wire::Link, tonic::Status> {
    let request =
        wire::RevokeLinkRequest { case_id: case.id.clone(), on_behalf_of: WHO.to_owned(), link_id: link_id.to_owned() };
    Ok(case.archives.revoke_link(request).await?.into_inner().link.unwrap())
}

/// Waits until the case's only link is as `wanted`.
async fn until(case: &mut Case, wanted: impl Fn(&wire::Link) -> bool) -> wire::Link {
    eventually("the link comes to what is waited for", async || Some(list(case).await.remove(0)).filter(&wanted)).await
}
