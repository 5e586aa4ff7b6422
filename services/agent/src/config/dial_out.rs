//! `dial_out` of `agent.yaml`: the gateway's addresses, when the agent opens the connection, and the way to them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tributary_model::yaml::{Fields, Node, Reader};
use tributary_transport::dial::Proxy;
use tributary_transport::outbound::Pace;

use super::quantity::Span;

/// The agent opens the connection to the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialOut {
    /// Where the gateway is, `host:port` each: one address of a balancer, or one for each process.
    pub gateways: Vec<String>,
    /// The way to them.
    pub way: WayOut,
    /// How often to try, and how to notice that a connection is dead.
    pub pace: Pace,
}

/// How connections leave this network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayOut {
    /// Directly.
    Direct,
    /// Through the proxy that `HTTPS_PROXY` names, except to what `NO_PROXY` names.
    Environment,
    /// Through this proxy.
    Proxy(ProxySettings),
}

/// An HTTP proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// User name and where its password is.
    pub login: Option<(String, Password)>,
    /// PEM file of the authority that vouches for a proxy with `https://`.
    pub ca: Option<PathBuf>,
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// In a file that its owner alone may read.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

pub(super) fn dial_out(r: &mut Reader, node: &Node, folder: &Path) -> Option<DialOut> {
    let mut f = r.fields(node, "`dial_out`")?;
    let gateways = f.required_node(r, "gateways").and_then(|node| gateways(r, node));
    let way = f.node("proxy").map_or(Some(WayOut::Direct), |node| way(r, node, folder));
    let mut pace = Pace::default();
    for (key, slot) in [
        ("retry_min", &mut pace.retry_min),
        ("retry_max", &mut pace.retry_max),
        ("keepalive", &mut pace.keepalive),
        ("timeout", &mut pace.patience),
    ] {
        time(r, &mut f, key, slot);
    }
    if pace.retry_min > pace.retry_max {
        r.problem(f.place(), "`retry_min` must not be longer than `retry_max`");
    }
    f.deny_unknown(r);
    Some(DialOut { gateways: gateways?, way: way?, pace })
}

fn gateways(r: &mut Reader, node: &Node) -> Option<Vec<String>> {
    let items = r.list(node, "gateways");
    if items.is_empty() {
        r.problem(node.place, "`gateways` must hold at least one address, host:port");
    }
    let mut addresses = Vec::new();
    for item in items {
        let address: String = r.scalar(item, "gateways")?;
        if let Err(error) = tributary_transport::dial::check_address(&address) {
            r.problem(item.place, format!("`gateways`: {error}"));
        }
        addresses.push(address);
    }
    Some(addresses)
}

fn way(r: &mut Reader, node: &Node, folder: &Path) -> Option<WayOut> {
    if let Some(word) = node.text() {
        if word != "environment" {
            r.problem(node.place, "`proxy` must be `environment`, or a map with `url`");
        }
        return Some(WayOut::Environment);
    }
    let mut f = r.fields(node, "`proxy`")?;
    let url: Option<String> = f.required(r, "url");
    let username: Option<String> = f.optional(r, "username");
    let file: Option<String> = f.optional(r, "password_file");
    let variable: Option<String> = f.optional(r, "password_env");
    let ca: Option<String> = f.optional(r, "ca");
    let place = f.place();
    f.deny_unknown(r);
    let login = match (username, file, variable) {
        (None, None, None) => None,
        (Some(user), Some(file), None) => Some((user, Password::File(folder.join(file)))),
        (Some(user), None, Some(variable)) => Some((user, Password::Environment(variable))),
        _ => {
            r.problem(place, "`username` needs either `password_file` or `password_env`, and they need `username`");
            None
        }
    };
    let url = url?;
    match Proxy::from_url(&url) {
        Ok(_) if url.contains('@') => {
            r.problem(place, "`url` must not hold a password: give `username` and `password_file`")
        }
        Ok(_) if url.starts_with("https://") && ca.is_none() => {
            r.problem(place, "a proxy with https:// needs `ca`, the certificates of the authority that vouches for it");
        }
        Ok(_) => {}
        Err(error) => r.problem(place, format!("`proxy`: {error}")),
    }
    Some(WayOut::Proxy(ProxySettings { url, login, ca: ca.map(|file| folder.join(file)) }))
}

fn time(r: &mut Reader, f: &mut Fields<'_>, key: &'static str, slot: &mut Duration) {
    if let Some(Span(time)) = f.optional(r, key) {
        *slot = time;
    }
}
