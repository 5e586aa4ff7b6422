//! Serving one connection to its end.
//!
//! tonic's server takes a stream of connections, returns at once when that stream ends, and never says why a connection
//! ended: so the stream stays open until the connection is gone, and the connection remembers its last error.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::conn::Conn;
use crate::limits::Limits;
use crate::rpc::Handled;
use crate::server::{AFTER_CUT, http2};

/// How serving a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The last error of the connection, if there was one.
    pub(super) error: Option<Arc<io::Error>>,
    /// Whether calls were cut at the end of the drain.
    pub(super) was_cut: bool,
}

/// Serves `conn` until it is gone or `stop` fires; then lets calls finish for at most `drain`. `cut` must be the token
/// that the connection was made with.
pub(super) async fn serve(
    conn: Conn,
    service: Handled<Routes>,
    limits: &Limits,
    cut: &CancellationToken,
    stop: &CancellationToken,
    drain: Duration,
) -> Ended {
    let life = conn.life().clone();
    let incoming = stream::iter([Ok::<_, io::Error>(conn)]).chain(stream::pending());
    let over = {
        let (gone, stop) = (life.gone().clone(), stop.clone());
        async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = stop.cancelled() => {}
            }
        }
    };
    let serving = http2(limits).serve_with_incoming_shutdown(service, incoming, over);
    tokio::pin!(serving);
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    let was_cut = tokio::select! {
        _ = &mut serving => false,
        () = deadline => {
            cut.cancel();
            // It ends at its next poll, which the cut causes.
            let _ = tokio::time::timeout(AFTER_CUT, &mut serving).await;
            true
        }
    };
    Ended { error: life.error(), was_cut }
}
