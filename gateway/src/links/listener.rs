//! The listener for links with what it needs: bound and checked at the start, served until told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tributary_transport::https::{HttpsServer, Limits, ServerCertificate};
use tributary_transport::listen::listen;
use tributary_transport::tasks::Tasks;

use super::serve::{Parts, Site};
use crate::start::StartError;

/// How long the record of a download that was cut at the end may take.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// A bound listener and what answers on it.
pub(crate) struct Listener {
    server: HttpsServer,
    site: Site,
    tasks: Tasks,
}

impl Listener {
    /// Loads the certificate and binds the port.
    ///
    /// # Errors
    /// When the certificate, its key or the address cannot be used.
    pub(crate) fn bind(parts: Parts) -> Result<Self, StartError> {
        let settings = &parts.settings;
        let certificate = ServerCertificate::load(&settings.certificate, &settings.key).map_err(StartError::Links)?;
        let listener = listen(settings.listen).map_err(|error| StartError::Listen { setting: "links", error })?;
        let server = HttpsServer::new(listener, certificate, Limits::default(), parts.clock.clone());
        let server = server.map_err(|error| StartError::LinkSettings(error.to_string()))?;
        let tasks = parts.tasks.clone();
        Ok(Self { server, site: Site::new(parts), tasks })
    }

    /// Where browsers connect.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.server.local_addr()
    }

    /// Serves until `shutdown` fires, then lets downloads finish for at most `drain`.
    pub(crate) async fn run(self, shutdown: CancellationToken, drain: Duration) {
        self.server.run(self.site.router(), shutdown, drain).await;
        // What was under way has been cut by now; how it ended is recorded.
        self.tasks.drain(LAST_RECORDS).await;
    }
}
