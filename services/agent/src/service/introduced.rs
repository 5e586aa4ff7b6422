//! The gateway's first call on a connection that the agent opened: who it is, which processes it has, and whether it uses
//! the connection.

use std::time::Duration;

use tonic::{Request, Status};
use tributary_proto::agent::v1::{DescribeRequest, DialInRefusal};
use tributary_transport::peer::session_of;

/// A connection that is not kept is closed at once; its call is not answered meanwhile, so that nobody uses it.
const CLOSING: Duration = Duration::from_secs(10);

/// Passes on what the gateway says of itself, on connections that the agent opened. Comes back without an error when the
/// call is to be answered. `is_ours` says whether it asks for the entity that is served here.
pub(crate) async fn first_word(request: &Request<DescribeRequest>, is_ours: bool) -> Result<(), Status> {
    let Some(session) = session_of(request) else { return Ok(()) };
    let said = request.get_ref();
    let refused = match said.refusal() {
        DialInRefusal::Unspecified if is_ours => {
            if session.introduce(&said.replica, &said.replicas) {
                return Ok(());
            }
            tokio::time::sleep(CLOSING).await;
            return Err(Status::aborted("there is a connection to this process of the gateway already"));
        }
        DialInRefusal::Unspecified => {
            "it asks for another entity than the one that `entity` names here; correct it, or use that entity's certificate"
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
