//! Where to dial: `host:port` or `https://host:port`.

use std::fmt;
use std::str::FromStr;

use super::DialError;

/// A host, which may be a name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn malformed(&self) -> DialError {
        DialError::Address { address: self.to_string() }
    }
}

impl FromStr for Address {
    type Err = DialError;

    fn from_str(text: &str) -> Result<Self, DialError> {
        let malformed = || DialError::Address { address: text.to_owned() };
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':').ok_or_else(malformed)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_ok() => inner,
            Some(_) => return Err(malformed()),
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if host.is_empty() || (bracketed.is_none() && !host.chars().all(plain)) {
            return Err(malformed());
        }
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(malformed)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_port_is_read_in_every_usual_spelling() {
        for (text, shown) in [
            ("agent.example:7443", "agent.example:7443"),
            ("https://agent.example:7443", "agent.example:7443"),
            ("https://agent.example:7443/", "agent.example:7443"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:7443", "[::1]:7443"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_host_and_port_is_refused() {
        for bad in [
            "",
            "agent",
            "agent:",
            ":1",
            "agent:0",
            "agent:70000",
            "http://agent:1",
            "https://a:1/x",
            "::1:1",
            "u@a:1",
            "[x]:1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
