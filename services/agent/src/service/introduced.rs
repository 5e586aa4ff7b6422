//! The gateway's first call on a connection that the agent opened: who it is, which processes it has, and whether it uses
//! the connection.

use std::time::Duration;

use tonic::{Request, Status};
use tributary_model::group::GroupFile;
use tributary_model::id::EntityId;
use tributary_proto::agent::v1::{DescribeRequest, DialInRefusal};
use tributary_transport::peer::session_of;

/// A connection that is not kept is closed at once; its call is not answered meanwhile, so that nobody uses it.
const CLOSING: Duration = Duration::from_secs(10);

/// Passes on what the gateway says of itself, on connections that the agent opened. Comes back without an error when the
/// call is to be answered. `served` are the entities that are served here; the group file may name this agent for others
/// too, who then have a process of their own.
pub(crate) async fn first_word(
    request: &Request<DescribeRequest>,
    served: &[EntityId],
    group: &GroupFile,
) -> Result<(), Status> {
    let Some(session) = session_of(request) else { return Ok(()) };
    let said = request.get_ref();
    let is_ours = served.iter().any(|entity| entity.as_str() == said.entity);
    let refused = match said.refusal() {
        DialInRefusal::Unspecified if !is_ours && shares_our_identity(said, served, group) => return Ok(()),
        DialInRefusal::Unspecified if is_ours => {
            if session.introduce(&said.replica, &said.replicas) {
                return Ok(());
            }
            tokio::time::sleep(CLOSING).await;
            return Err(Status::aborted("there is a connection to this process of the gateway already"));
        }
        DialInRefusal::Unspecified => {
            "it asks for another entity than the configuration names here; correct it, or use that entity's certificate"
        }
        DialInRefusal::NotAnAgent => {
            "by its group file this certificate is of no entity's agent; put a group file in force there that names it"
        }
        DialInRefusal::HasAddress => {
            "by its group file it dials this agent itself; have the agent's `address` replaced by `dials_in: true` and the group file signed anew"
        }
    };
    session.refused(refused);
    Ok(())
}

/// Whether the group file has one identity for the agents of the entity that is asked for and of those that are served. The
/// gateway asks for each on every connection of that identity: it is used for those that are served, and not for this one.
fn shares_our_identity(said: &DescribeRequest, served: &[EntityId], group: &GroupFile) -> bool {
    let asked = group.entities.iter().find(|entity| entity.id.as_str() == said.entity);
    let ours = served.first().and_then(|entity| group.entity(entity));
    asked.zip(ours).is_some_and(|(asked, ours)| asked.agent.spiffe_id == ours.agent.spiffe_id)
}
