//! Which way out: directly, through one proxy, or as the environment says.

use super::address::Address;
use super::{DialError, Proxy};

/// How connections leave this network.
#[derive(Debug, Clone, Default)]
pub enum Via {
    /// Directly.
    #[default]
    Direct,
    /// Through this proxy.
    Proxy(Proxy),
    /// As `HTTPS_PROXY` and `NO_PROXY` say, in either case of letters.
    Environment,
}

impl Via {
    pub(super) fn proxy_for(&self, target: &Address) -> Result<Option<Proxy>, DialError> {
        match self {
            Self::Direct => Ok(None),
            Self::Proxy(proxy) => Ok(Some(proxy.clone())),
            Self::Environment => of_environment(target, |name| std::env::var(name).ok()),
        }
    }
}

/// The lower-case variable wins, as in curl.
fn of_environment(target: &Address, get: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, DialError> {
    let variable = |lower: &str, upper: &str| get(lower).or_else(|| get(upper)).filter(|text| !text.is_empty());
    let Some(url) = variable("https_proxy", "HTTPS_PROXY") else { return Ok(None) };
    let exempt = variable("no_proxy", "NO_PROXY").is_some_and(|list| is_exempt(target.host(), &list));
    if exempt {
        return Ok(None);
    }
    let refused = |error| DialError::Proxy { proxy: "HTTPS_PROXY".to_owned(), error: Box::new(error) };
    Proxy::from_url(&url).map(Some).map_err(refused)
}

/// `*`, names that stand for themselves and what is below them, and addresses as they are written.
fn is_exempt(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let name = entry.strip_prefix("*.").or_else(|| entry.strip_prefix('.')).unwrap_or(entry);
        let is_below = || {
            let (host, name) = (host.to_ascii_lowercase(), name.to_ascii_lowercase());
            host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'))
        };
        entry == "*" || host.eq_ignore_ascii_case(name) || is_below()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(target: &str, variables: &[(&str, &str)]) -> Option<String> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        of_environment(&target.parse().unwrap(), get).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_environment_names_a_proxy_and_who_is_reached_without() {
        let target = "gateway.group.example:8443";
        let proxy = ("HTTPS_PROXY", "http://proxy.corp.example:3128");
        assert_eq!(chosen(target, &[]), None);
        assert_eq!(chosen(target, &[("HTTPS_PROXY", "")]), None);
        assert_eq!(chosen(target, &[proxy]).as_deref(), Some("http://proxy.corp.example:3128"));
        let lower = ("https_proxy", "http://other.example:1");
        assert_eq!(chosen(target, &[proxy, lower]).as_deref(), Some("http://other.example:1"));
        for exempt in ["*", "group.example", ".group.example", "*.group.example", "a, gateway.GROUP.example"] {
            assert_eq!(chosen(target, &[proxy, ("NO_PROXY", exempt)]), None, "{exempt}");
        }
        for other in ["up.example", "way.group.example", "example.org", ""] {
            assert!(chosen(target, &[proxy, ("no_proxy", other)]).is_some(), "{other}");
        }
    }
}
