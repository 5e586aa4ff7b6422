//! TLS settings of both sides, built in one place: versions, provider, ALPN, no resumption.
//!
//! Neighbours: `identity` (what we present), `trust` and `verify` (what we accept), `accept` and `dial` (who use it).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, UnixTime};
use tributary_model::clock::SharedClock;
use tributary_model::spiffe::SpiffeId;

use crate::identity::{self, Identity};
use crate::presented::Presented;
use crate::trust::TrustBundles;
use crate::verify::{AnyMember, ExactPeer};

/// HTTP/2 in which whoever dialled is the client, as gRPC needs it. Nobody sets it for us.
pub(crate) const ALPN_H2: &[u8] = b"h2";

/// HTTP/2 in which whoever dialled is the server: an agent that serves its gateway on a connection of its own making.
pub(crate) const ALPN_AGENT: &[u8] = b"tributary-agent/1";

/// TLS 1.2 stays on for callers behind older stacks; both versions verify both certificates.
pub(crate) const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// Who we are, whom we trust and what time it is: all that a handshake needs. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    identity: Identity,
    bundles: TrustBundles,
    clock: SharedClock,
}

impl Tls {
    /// Joins the three. Validity of certificates is judged by `clock`.
    pub fn new(identity: Identity, bundles: TrustBundles, clock: SharedClock) -> Self {
        Self { identity, bundles, clock }
    }

    /// Our own identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The bundles in force.
    pub fn bundles(&self) -> &TrustBundles {
        &self.bundles
    }

    /// Publishes when our own certificate ends, and says so loudly when it already has: every peer would refuse us, each
    /// for itself, and none of them is ours to look at.
    pub(crate) fn report(&self) {
        let not_after = self.identity.not_after();
        opentelemetry::global::meter("tributary")
            .i64_gauge("tributary.certificate.expiry.timestamp")
            .with_unit("s")
            .with_description("When this process's own certificate stops being valid, as Unix time")
            .build()
            .record(not_after.as_second(), &[]);
        if not_after <= self.clock.now() {
            tracing::error!(id = %self.identity.id(), %not_after, "our own certificate has expired: renew it");
        }
    }

    /// How long the certificate of a peer still lasts.
    pub(crate) fn lasts(&self, leaf: &CertificateDer<'_>) -> Duration {
        let left = identity::expiry(leaf).map(|not_after| not_after.duration_since(self.clock.now()));
        left.and_then(|left| Duration::try_from(left).ok()).unwrap_or(Duration::ZERO)
    }

    /// Settings for accepting connections, also those of agents that dial in when `agents` says so.
    ///
    /// No tickets and no session store: a resumed session would carry an identity that was judged by older roots.
    pub(crate) fn accepting(&self, agents: bool) -> Result<ServerConfig, rustls::Error> {
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let callers = Arc::new(AnyMember { bundles: self.bundles.clone(), algorithms });
        let certificate = Arc::new(SingleCertAndKey::from(self.identity.certified()));
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(Now(Arc::clone(&self.clock))))
            .with_protocol_versions(VERSIONS)?
            .with_client_cert_verifier(callers)
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        if agents {
            config.alpn_protocols.push(ALPN_AGENT.to_vec());
        }
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Settings for one connection to exactly `expected`. Whom it refuses is noted in `presented`. Without a `protocol` the
    /// peer is not asked for one.
    pub(crate) fn dialling(
        &self,
        expected: &SpiffeId,
        protocol: Option<&[u8]>,
        presented: Presented,
    ) -> Result<ClientConfig, rustls::Error> {
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let peer = ExactPeer { expected: expected.clone(), bundles: self.bundles.clone(), algorithms, presented };
        let certificate = Arc::new(SingleCertAndKey::from(self.identity.certified()));
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Now(Arc::clone(&self.clock))))
            .with_protocol_versions(VERSIONS)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(peer))
            .with_client_cert_resolver(certificate);
        config.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl Tls {
    /// Settings for speaking to a proxy over TLS: its name counts, as `roots` vouch for it, and it learns nothing of us.
    pub(crate) fn towards_proxy(&self, roots: Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_details(provider(), Arc::new(Now(Arc::clone(&self.clock))))
            .with_protocol_versions(VERSIONS)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Passed explicitly everywhere: a process-wide default would depend on who installs one first.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Time for handshakes.
pub(crate) struct Now(pub(crate) SharedClock);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}
