//! A database as a URL: `postgres://user:password@host:5432/database`. Errors never quote it: it may hold a password.

use std::path::PathBuf;
use std::str::FromStr;

use super::{Address, EngineKind};
use crate::sensitive::Sensitive;

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// Which kind of server.
    pub engine: EngineKind,
    /// As whom to connect.
    pub user: String,
    /// That user's password.
    pub password: Option<Sensitive<String>>,
    /// Where the server is.
    pub address: Address,
    /// The database.
    pub database: Option<String>,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; the form is postgres://user@host:5432/database or mysql://user@host:3306/database, with `%` codes for special characters"
)]
pub struct InvalidUrl(&'static str);

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl("a URL begins with a scheme"))?;
        let engine = match scheme {
            "postgres" | "postgresql" => EngineKind::Postgres,
            "mysql" | "mariadb" => EngineKind::MySql,
            _ => return Err(InvalidUrl("the scheme must be postgres or mysql")),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, database) =
            rest.split_once('/').map_or((rest, ""), |(authority, database)| (authority, database));
        let (user, host) = authority.rsplit_once('@').ok_or(InvalidUrl("a URL names its user before an @"))?;
        let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        let socket = match query.map(|query| query.split_once('=')) {
            None => None,
            Some(Some(("host" | "socket", path))) if path.starts_with(['/', '%']) => {
                Some(PathBuf::from(decoded(path)?))
            }
            Some(_) => return Err(InvalidUrl("after a ? only socket=/path may stand; TLS is set by the key `tls`")),
        };
        let address = match socket {
            Some(path) => Address::Socket(path),
            None => tcp(host, engine)?,
        };
        if user.is_empty() {
            return Err(InvalidUrl("a URL names its user before an @"));
        }
        Ok(Self {
            engine,
            user: decoded(user)?,
            password: password.map(decoded).transpose()?.map(Sensitive::new),
            address,
            database: Some(decoded(database)?).filter(|name| !name.is_empty()),
        })
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn tcp(host: &str, engine: EngineKind) -> Result<Address, InvalidUrl> {
    // An IPv6 address stands in brackets.
    let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(engine.port()), str::parse).map_err(|_| InvalidUrl("the port must be a number"))?;
    if host.is_empty() {
        return Err(InvalidUrl("a URL names its host"));
    }
    Ok(Address::Tcp { host: decoded(host)?, port })
}

fn decoded(text: &str) -> Result<String, InvalidUrl> {
    let wrong = InvalidUrl("a % must be followed by two hexadecimal digits of UTF-8");
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (code, after) = rest.split_at_checked(2).ok_or(wrong)?;
        let code = std::str::from_utf8(code).map_err(|_| wrong)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| wrong)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_engine_user_place_and_database() {
        let url = DatabaseUrl::parse("postgresql://re%40der:p%3Aw@db.acme.fr:6432/crm").unwrap();
        assert_eq!((url.engine, url.user.as_str()), (EngineKind::Postgres, "re@der"));
        assert_eq!(url.password.unwrap().expose(), "p:w");
        assert_eq!(url.address, Address::Tcp { host: "db.acme.fr".to_owned(), port: 6432 });
        assert_eq!(url.database.as_deref(), Some("crm"));
        let url = DatabaseUrl::parse("mariadb://reader@[::1]").unwrap();
        assert_eq!(url.address, Address::Tcp { host: "::1".to_owned(), port: 3306 });
        assert_eq!((url.password, url.database), (None, None));
        let url = DatabaseUrl::parse("postgres://reader@/crm?host=/run/postgresql").unwrap();
        assert_eq!(url.address, Address::Socket("/run/postgresql".into()));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_quoting_it() {
        for bad in [
            "crm",
            "oracle://u:secret@h/d",
            "postgres://h/d",
            "postgres://u:secret@h:port/d",
            "postgres://u:secret%zz@h/d",
            "mysql://u:secret@/d",
            "postgres://u:secret@h/d?sslmode=disable",
            "postgres://:secret@h/d",
        ] {
            let error = DatabaseUrl::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let url = DatabaseUrl::parse("postgres://u:secret@h/d").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
