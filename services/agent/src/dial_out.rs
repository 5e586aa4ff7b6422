//! The connection that the agent opens to its gateway: put together from the configuration, and tried out.

mod tryout;

use std::path::Path;

use tributary_model::group::Reach;
use tributary_model::group::signed::VerifiedGroup;
use tributary_model::id::EntityId;
use tributary_proto::FILE_DESCRIPTOR_SET;
use tributary_transport::dial::{Credentials, Dialer, Proxy, Via};
use tributary_transport::outbound::{Links, Outbound};
use tributary_transport::secret_file;
use tributary_transport::tls::Tls;

use crate::config::{Config, DialOut, Password, ProxySettings, WayOut};
use crate::start::StartError;

pub use self::tryout::{GatewayReport, reach_gateways};

/// What serves the gateway on connections of the agent's own making.
pub(crate) fn outbound(settings: &DialOut, tls: Tls, group: &VerifiedGroup) -> Result<Outbound, StartError> {
    let gateway = group.file().gateway.spiffe_id.clone();
    let outbound = Outbound::new(dialer(settings, tls)?, gateway, settings.gateways.clone(), settings.pace);
    Ok(outbound.describe(FILE_DESCRIPTOR_SET))
}

/// What the configuration and the group file say differently about who opens the connection for an entity.
pub(crate) fn disagreement(config: &Config, group: &VerifiedGroup, entity: &EntityId) -> Option<String> {
    match (&group.file().entity(entity)?.agent.reach, &config.listen, &config.dial_out) {
        (Reach::DialsIn, _, None) => Some(format!(
            "the group file says that the agent of `{entity}` dials in, but the configuration has no `dial_out`: the gateway \
             waits for it"
        )),
        (Reach::At(address), None, _) => Some(format!(
            "the group file says that the gateway dials the agent of `{entity}` at {address}, but the configuration has no \
             `listen`: have `dials_in: true` put there in place of the address"
        )),
        (Reach::DialsIn, _, Some(_)) | (Reach::At(_), Some(_), _) => None,
    }
}

/// What should be seen of how the agent is connected. It stays ready: the gateway waits for an agent that comes back, and
/// restarting one does not bring a gateway back.
pub(crate) fn remarks(links: &Links) -> Vec<String> {
    match (links.held(), links.missing()) {
        (0, _) => vec!["no connection to the gateway: nothing can be asked of this agent; its log says why".to_owned()],
        (_, 0) => Vec::new(),
        (held, missing) => vec![format!(
            "connected to {held} of {} processes of the gateway; its log says which are missing",
            held + missing
        )],
    }
}

fn dialer(settings: &DialOut, tls: Tls) -> Result<Dialer, StartError> {
    Ok(Dialer::new(tls).via(match &settings.way {
        WayOut::Direct => Via::Direct,
        WayOut::Environment => Via::Environment,
        WayOut::Proxy(settings) => Via::Proxy(proxy(settings)?),
    }))
}

fn proxy(settings: &ProxySettings) -> Result<Proxy, StartError> {
    let bad = |reason: String| StartError::DialOut(format!("proxy: {reason}"));
    let mut proxy = Proxy::from_url(&settings.url).map_err(|error| bad(error.to_string()))?;
    if let Some(file) = &settings.ca {
        let pem = secret_file::read_public(file).map_err(|error| bad(format!("ca: {error}")))?;
        proxy = proxy.with_roots(&pem).map_err(|error| bad(format!("{}: {error}", file.display())))?;
    }
    if let Some((user, password)) = &settings.login {
        proxy = proxy.with_credentials(match password {
            Password::File(file) => credentials(user, file).map_err(bad)?,
            Password::Environment(name) => {
                let password = std::env::var(name);
                Credentials::new(user, &password.map_err(|_| bad(format!("the environment has no variable {name}")))?)
            }
        });
    }
    proxy.checked().map_err(|error| bad(error.to_string()))
}

fn credentials(user: &str, file: &Path) -> Result<Credentials, String> {
    let bytes = secret_file::read_secret(file).map_err(|error| format!("password_file: {error}"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("password_file {}: it is not text", file.display()))?;
    // Editors end a file with a line break, which is not the password's.
    Ok(Credentials::new(user, text.trim_end_matches(['\r', '\n'])))
}
