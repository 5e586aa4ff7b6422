//! SPIFFE IDs: who a process is on a connection. Source: the SPIFFE ID standard, sections 2.1 to 2.4.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// The authority that vouches for a SPIFFE ID, for example `acme-fr.example`. Roots are kept per trust domain and never merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let ok = !text.is_empty()
            && text.len() <= 255
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c));
        let rule = "1 to 255 of a-z, 0-9, '-', '.' and '_' (SPIFFE ID 2.1)";
        if ok { Ok(Self(text.to_owned())) } else { Err(InvalidId { what: "a trust domain", rule }) }
    }
}

/// A workload's identity, `spiffe://<trust domain>/<path>`, at most 2048 bytes, path not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SpiffeId {
    text: String,
    domain: TrustDomain,
}

impl SpiffeId {
    /// The whole id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain, which chooses the roots.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "spiffe://<trust domain>/<path> with segments of letters, digits, '-', '.' and '_' (SPIFFE ID 2)";
        let invalid = InvalidId { what: "a SPIFFE ID", rule };
        let rest = text.strip_prefix("spiffe://").filter(|_| text.len() <= 2048).ok_or_else(|| invalid.clone())?;
        let (domain, path) = rest.split_once('/').ok_or_else(|| invalid.clone())?;
        let segment = |s: &str| {
            !s.is_empty() && s != "." && s != ".." && s.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        if !path.split('/').all(segment) {
            return Err(invalid);
        }
        Ok(Self { text: text.to_owned(), domain: domain.parse()? })
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<TrustDomain> for String {
    fn from(domain: TrustDomain) -> String {
        domain.0
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> String {
        id.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_ids_exist() {
        let id: SpiffeId = "spiffe://acme-fr.example/tributary/agent".parse().unwrap();
        assert_eq!(id.trust_domain().as_str(), "acme-fr.example");
        for bad in [
            "https://a/b",
            "spiffe://a",
            "spiffe://a/",
            "spiffe:///x",
            "spiffe://A/x",
            "spiffe://a:1/x",
            "spiffe://a/x/",
            "spiffe://a/../x",
            "spiffe://a/x?y",
            "spiffe://u@a/x",
        ] {
            assert!(bad.parse::<SpiffeId>().is_err(), "{bad}");
        }
    }
}
