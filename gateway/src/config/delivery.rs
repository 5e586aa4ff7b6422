//! How archives reach people, and how long they are kept: the sections `links` and `retention`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tributary_model::yaml::{Node, Reader};

use super::read::count;

/// Longest retention: what is delivered is deleted, not archived.
const MAX_DAYS: u16 = 3660;

/// The listener on which people download with a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSettings {
    /// Where browsers connect, HTTPS.
    pub listen: SocketAddr,
    /// How browsers reach it from outside.
    pub public_url: PublicUrl,
    /// The server's certificate chain, PEM; no SPIFFE ID is needed.
    pub certificate: PathBuf,
    /// Its private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// Downloads at once.
    pub downloads: usize,
    /// Misses that one network (an IPv4 address, an IPv6 /64) may have in ten minutes; 0 for any number, for when a
    /// balancer hides the addresses.
    pub misses_per_client: u32,
}

/// Downloads at once unless said otherwise.
const DOWNLOADS: usize = 32;
/// Misses of one network unless said otherwise: a person who pastes half a link some times is below it.
const MISSES: u32 = 20;

/// An `https` URL without anything after its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    path_at: usize,
}

impl PublicUrl {
    /// The URL without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its path without a slash at its end; empty for the root.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be an https URL such as https://archive.example.org, without query or fragment";
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").ok_or(RULE)?;
        let host_end = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at(host_end);
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        let is_path = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if host.is_empty() || !host.chars().all(is_host) || !path.chars().all(is_path) || path.contains("//") {
            return Err(RULE);
        }
        Ok(Self { text: text.to_owned(), path_at: text.len() - path.len() })
    }
}

/// How long archives are kept before they are shredded (GRP-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days after its delivery.
    pub delivered_days: u16,
    /// Days after it was written, when it was never delivered.
    pub undelivered_days: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { delivered_days: 30, undelivered_days: 90 }
    }
}

/// A number of days, written like `30d`.
struct Days(u16);

impl FromStr for Days {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days =
            text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| (1..=MAX_DAYS).contains(days));
        days.map(Self).ok_or("must be 1 to 3660 days, such as 30d")
    }
}

pub(super) fn links(r: &mut Reader, node: &Node, folder: &Path) -> Option<LinkSettings> {
    let mut f = r.fields(node, "`links`")?;
    let listen = f.required(r, "listen");
    let public_url = f.required(r, "public_url");
    let certificate: Option<String> = f.required(r, "certificate");
    let key: Option<String> = f.required(r, "key");
    let mut downloads = DOWNLOADS;
    count(r, &mut f, "downloads", &mut downloads);
    let misses = f.node("misses_per_client").map_or(Some(MISSES), |node| r.scalar(node, "misses_per_client"));
    f.deny_unknown(r);
    Some(LinkSettings {
        listen: listen?,
        public_url: public_url?,
        certificate: folder.join(certificate?),
        key: folder.join(key?),
        downloads,
        misses_per_client: misses?,
    })
}

pub(super) fn retention(r: &mut Reader, node: &Node) -> Option<Retention> {
    let mut f = r.fields(node, "`retention`")?;
    let mut retention = Retention::default();
    for (key, slot) in
        [("delivered", &mut retention.delivered_days), ("ready_undelivered", &mut retention.undelivered_days)]
    {
        if let Some(Days(days)) = f.node(key).and_then(|node| r.scalar(node, key)) {
            *slot = days;
        }
    }
    f.deny_unknown(r);
    Some(retention)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_gives_its_path_and_nothing_after_it() {
        for (text, url, path) in [
            ("https://a.example", "https://a.example", ""),
            ("https://a.example:8443/", "https://a.example:8443", ""),
            ("https://[::1]:8443/privacy/box/", "https://[::1]:8443/privacy/box", "/privacy/box"),
        ] {
            let parsed: PublicUrl = text.parse().unwrap();
            assert_eq!((parsed.as_str(), parsed.path()), (url, path), "{text}");
        }
        for bad in ["http://a.example", "https://", "https:///x", "https://a b", "https://a?x", "https://u@a", "a"] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn retention_is_days_within_reason() {
        assert_eq!("30d".parse::<Days>().unwrap().0, 30);
        for bad in ["0d", "30", "30h", "4000d", "-1d", ""] {
            assert!(bad.parse::<Days>().is_err(), "{bad}");
        }
    }
}
