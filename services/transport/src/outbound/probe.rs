//! Trying out whether a gateway can be reached and would use the connection, without staying.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Layer;
use tributary_model::spiffe::SpiffeId;

use super::Pace;
use super::address::not_used;
use super::error::NotLinked;
use super::replicas::Replicas;
use super::serving::serve;
use super::session::{Said, Session};
use crate::dial::Dialer;
use crate::limits::Limits;
use crate::rpc::{Methods, ServerCalls};

/// A gateway that would use the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The process of it that answered.
    pub replica: String,
    /// All its processes, by its own word.
    pub replicas: Vec<String>,
}

/// Dials `gateway` at `address` and waits for its first call, which `routes` must hand to
/// [`Session::introduce`] or [`Session::refused`] and not answer: the gateway then keeps whatever connection it has.
///
/// # Errors
/// What stands in the way.
pub fn probe<'a>(
    dialer: &'a Dialer,
    gateway: &'a SpiffeId,
    address: &'a str,
    pace: Pace,
    routes: Routes,
) -> BoxFuture<'a, Result<Probed, NotLinked>> {
    // Boxed, so that the whole of it is compiled here and not again in every program that awaits it.
    Box::pin(probed(dialer, gateway, address, pace, routes))
}

async fn probed(
    dialer: &Dialer,
    gateway: &SpiffeId,
    address: &str,
    pace: Pace,
    routes: Routes,
) -> Result<Probed, NotLinked> {
    let cut = CancellationToken::new();
    let conn = dialer.offer(address, gateway, pace.patience, &cut).await?;
    let session = Session::new(Replicas::new().begin(0), None);
    let conn = conn.of(session.clone()).impatient(pace.patience);
    let limits = Limits::default();
    let service = ServerCalls::new(Methods::standard(), &limits).layer(routes.prepare());
    let stop = CancellationToken::new();
    let said = tokio::select! {
        biased;
        said = session.said() => said,
        ended = serve(conn, service, &limits, &cut, &stop, pace.patience) => {
            return Err(not_used(address, ended.error.as_deref()));
        }
        () = tokio::time::sleep(pace.patience) => Said::Nothing,
    };
    match said {
        Said::Spare { replica, replicas } => Ok(Probed { replica, replicas }),
        Said::Welcome { replica } => Ok(Probed { replica, replicas: Vec::new() }),
        Said::Refused { reason } => Err(NotLinked::Refused { address: address.to_owned(), reason }),
        Said::Nothing => Err(NotLinked::Silent { address: address.to_owned(), after: pace.patience }),
    }
}
