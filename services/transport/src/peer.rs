//! Who is at the other end of a connection, as handlers see it.
//!
//! The identity was verified during the handshake (`verify`) and stays that of the connection; whether it may make
//! a certain call is decided by the handler, per rpc, before the input is looked at.

use tributary_model::spiffe::SpiffeId;

use crate::outbound::Session;

/// The verified identity at the other end of the connection on which a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The SPIFFE ID of its certificate.
    pub id: SpiffeId,
}

/// What each request of a connection carries: who sent it, and what it means that this side opened the connection.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) peer: Peer,
    pub(crate) session: Option<Session>,
}

/// The peer that sent `request`. None only when the request did not come through this crate's server.
pub fn peer_of<T>(request: &tonic::Request<T>) -> Option<&Peer> {
    request.extensions().get::<Origin>().map(|origin| &origin.peer)
}

/// The session that `request` belongs to, when this side opened the connection on which it came.
pub fn session_of<T>(request: &tonic::Request<T>) -> Option<&Session> {
    request.extensions().get::<Origin>().and_then(|origin| origin.session.as_ref())
}

/// The peer as tower layers find it, before tonic makes a request of it.
pub fn peer_in(extensions: &http::Extensions) -> Option<&Peer> {
    extensions.get::<Origin>().map(|origin| &origin.peer)
}
