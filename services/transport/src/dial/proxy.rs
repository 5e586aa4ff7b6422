//! A way out through an HTTP proxy: CONNECT (RFC 9110, section 9.3.6), with Basic authentication (RFC 7617).
//!
//! The proxy sees where we go and carries what it cannot read. It may itself be spoken to over TLS.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::address::Address;
use super::{DialError, reach};
use crate::cause::TlsFailure;
use crate::socket::Socket;
use crate::tls::Tls;

/// What a proxy may answer before its tunnel begins.
const LONGEST_ANSWER: usize = 16 * 1024;

/// An HTTP proxy. Cheap to clone.
#[derive(Clone)]
pub struct Proxy {
    address: Address,
    credentials: Option<Credentials>,
    tls: Option<Arc<RootCertStore>>,
    is_https: bool,
}

/// A user name and password for a proxy. They are never shown.
#[derive(Clone)]
pub struct Credentials {
    user: Arc<Zeroizing<String>>,
    password: Arc<Zeroizing<String>>,
}

/// Why there is no tunnel through a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The URL cannot be read. It is not repeated, as it may hold a password.
    #[error("its URL cannot be read: write http://host:port or https://host:port")]
    Url,
    /// A proxy that is spoken to over TLS needs roots.
    #[error("it is spoken to over TLS: give `ca`, a file with the certificates of the authority that vouches for it")]
    NoRoots,
    /// The file of roots is not what it should be.
    #[error("`ca` holds no usable certificate of an authority")]
    BadRoots,
    /// It cannot be reached itself.
    #[error("it cannot be reached: {0}")]
    Unreachable(Box<DialError>),
    /// Its certificate is not trusted.
    #[error("the connection to it was not trusted: {0}")]
    Tls(TlsFailure),
    /// It wants a user name and password, and none are configured.
    #[error(
        "it asks for authentication{offered}: give `username` and `password_file`; only Basic authentication is spoken"
    )]
    WantsAuthentication {
        /// The schemes it offers.
        offered: String,
    },
    /// It does not accept the user name and password.
    #[error("it refused the user name and password: correct `username` and `password_file`")]
    RefusedCredentials,
    /// It does not let us go there.
    #[error("it answered {status} to CONNECT {target}: have its administrator allow connections to this host and port")]
    Denied {
        /// The status code.
        status: u16,
        /// Where we wanted to go.
        target: String,
    },
    /// It could not get there.
    #[error("it answered {status}: it cannot reach {target} itself")]
    CannotReach {
        /// The status code.
        status: u16,
        /// Where we wanted to go.
        target: String,
    },
    /// What answered is no HTTP proxy.
    #[error("it does not answer as an HTTP proxy does: check host and port")]
    NotAProxy,
}

impl ProxyError {
    /// Whether trying again later may help without anybody changing anything.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable(error) => error.is_unreachable(),
            Self::CannotReach { .. } => true,
            Self::Url
            | Self::NoRoots
            | Self::BadRoots
            | Self::Tls(_)
            | Self::WantsAuthentication { .. }
            | Self::RefusedCredentials
            | Self::Denied { .. }
            | Self::NotAProxy => false,
        }
    }
}

impl Credentials {
    /// As the proxy's administrator gave them.
    pub fn new(user: &str, password: &str) -> Self {
        let keep = |text: &str| Arc::new(Zeroizing::new(text.to_owned()));
        Self { user: keep(user), password: keep(password) }
    }

    fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.user.as_str(), self.password.as_str()));
        Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Proxy {
    /// The proxy at `http://host:port` or `https://host:port`. A user name and password may stand before the host, as
    /// environment variables have them.
    ///
    /// # Errors
    /// When the URL is another one.
    pub fn from_url(url: &str) -> Result<Self, ProxyError> {
        let (is_https, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(ProxyError::Url),
        };
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let address: Address = host.parse().map_err(|_| ProxyError::Url)?;
        let credentials = match user {
            None => None,
            Some(user) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                let decode = |text| percent_decoded(text).ok_or(ProxyError::Url);
                Some(Credentials::new(&decode(user)?, &decode(password)?))
            }
        };
        Ok(Self { address, credentials, tls: None, is_https })
    }

    /// Authenticates with these.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Trusts these authorities (PEM) for a proxy that is spoken to over TLS.
    ///
    /// # Errors
    /// When there is no usable certificate.
    pub fn with_roots(mut self, pem: &[u8]) -> Result<Self, ProxyError> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(pem) {
            roots.add(root.map_err(|_| ProxyError::BadRoots)?).map_err(|_| ProxyError::BadRoots)?;
        }
        if roots.is_empty() {
            return Err(ProxyError::BadRoots);
        }
        self.tls = Some(Arc::new(roots));
        Ok(self)
    }

    /// Whether everything is there that its URL makes necessary.
    ///
    /// # Errors
    /// When it is spoken to over TLS and no roots are given.
    pub fn checked(self) -> Result<Self, ProxyError> {
        if self.is_https && self.tls.is_none() { Err(ProxyError::NoRoots) } else { Ok(self) }
    }

    /// A tunnel to `target`.
    pub(super) async fn tunnel(&self, target: &Address, tls: &Tls, until: Instant) -> Result<Socket, DialError> {
        self.connected(target, tls, until)
            .await
            .map_err(|error| DialError::Proxy { proxy: self.to_string(), error: Box::new(error) })
    }

    async fn connected(&self, target: &Address, tls: &Tls, until: Instant) -> Result<Socket, ProxyError> {
        let reached = reach(&self.address, until).await;
        let mut stream = reached.map_err(|error| ProxyError::Unreachable(Box::new(error)))?;
        if !self.is_https {
            self.ask(&mut stream, target).await?;
            return Ok(Socket::Tcp(stream));
        }
        let roots = self.tls.as_ref().ok_or(ProxyError::NoRoots)?;
        let config = tls.towards_proxy(Arc::clone(roots)).map_err(|_| ProxyError::Tls(TlsFailure::Other))?;
        let name = ServerName::try_from(self.address.host().to_owned()).map_err(|_| ProxyError::Url)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let mut stream = stream.map_err(|error| self.untrusted(&error))?;
        self.ask(&mut stream, target).await?;
        Ok(Socket::Proxied(Box::new(stream)))
    }

    fn untrusted(&self, error: &std::io::Error) -> ProxyError {
        match TlsFailure::of(error) {
            Some(failure) => ProxyError::Tls(failure),
            None => ProxyError::Unreachable(Box::new(DialError::of_io(&self.address, error))),
        }
    }

    async fn ask(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        target: &Address,
    ) -> Result<(), ProxyError> {
        let broken = |error: std::io::Error| ProxyError::Unreachable(Box::new(DialError::of_io(&self.address, &error)));
        let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if let Some(credentials) = &self.credentials {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&credentials.basic());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        // Byte by byte would be slow and one byte too many would be the tunnel's; but in the tunnel we speak first.
        let mut answer = Vec::with_capacity(1024);
        let head = loop {
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if answer.len() >= LONGEST_ANSWER || stream.read_buf(&mut answer).await.map_err(broken)? == 0 {
                return Err(ProxyError::NotAProxy);
            }
        };
        let status = status_of(answer.get(..head).unwrap_or_default()).ok_or(ProxyError::NotAProxy)?;
        if (200..300).contains(&status) {
            return if answer.len() == head + 4 { Ok(()) } else { Err(ProxyError::NotAProxy) };
        }
        Err(self.refused(status, &answer, target))
    }

    fn refused(&self, status: u16, answer: &[u8], target: &Address) -> ProxyError {
        let target = target.to_string();
        match status {
            407 if self.credentials.is_some() => ProxyError::RefusedCredentials,
            407 => ProxyError::WantsAuthentication { offered: offered(answer) },
            502..=504 => ProxyError::CannotReach { status, target },
            _ => ProxyError::Denied { status, target },
        }
    }
}

/// The code of `HTTP/1.1 407 Proxy Authentication Required`.
fn status_of(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    version.starts_with("HTTP/1.").then_some(())?;
    rest.get(..3)?.parse().ok().filter(|code| (100..600).contains(code))
}

/// Names of the authentication schemes, as far as they are known words: what a stranger writes is not repeated.
fn offered(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let known = ["Basic", "Digest", "Negotiate", "NTLM", "Kerberos", "Bearer"];
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("proxy-authenticate:")).collect();
    let schemes: Vec<&str> =
        known.into_iter().filter(|name| lines.iter().any(|line| line.contains(&name.to_ascii_lowercase()))).collect();
    if schemes.is_empty() { String::new() } else { format!(" ({})", schemes.join(", ")) }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_with_what_an_environment_variable_may_hold() {
        let proxy = Proxy::from_url("http://us%40er:p%3Ass@proxy.corp.example:3128/").unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.corp.example:3128");
        let credentials = proxy.credentials.unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("us@er", "p:ss"));
        assert!(Proxy::from_url("https://proxy.corp.example:3129").unwrap().checked().is_err(), "no roots");
        for bad in ["proxy:3128", "socks5://proxy:1080", "http://proxy", "http://%zz@proxy:1", "http://"] {
            assert_eq!(Proxy::from_url(bad).err(), Some(ProxyError::Url), "{bad}");
        }
    }

    #[test]
    fn neither_password_nor_user_is_ever_shown() {
        let proxy = Proxy::from_url("http://anna:secret@proxy:1").unwrap();
        let shown = format!("{proxy} {proxy:?} {:?}", proxy.credentials);
        assert!(!shown.contains("anna") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn schemes_are_named_and_texts_are_not_repeated() {
        let answer =
            b"HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate realm=\"hi\"\r\n\r\n";
        assert_eq!(offered(answer), " (Negotiate, NTLM)");
        assert_eq!(status_of(answer), Some(407));
        assert_eq!(status_of(b"SSH-2.0-OpenSSH_9.2"), None);
    }
}
