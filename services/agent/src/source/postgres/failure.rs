//! What PostgreSQL's errors mean to a walk. Their texts may quote values, so only their codes are passed on.

use std::io::ErrorKind;

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use crate::source::ReadError;
use crate::source::server::TOO_LATE;

/// Whether others have all connections that the server gives: to anybody, to those who are no superusers, to this user, or
/// to the database. The server's code is one for all of these.
pub(super) fn is_used_up(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("53300"))
}

/// Whether a permission is missing because a policy would hide rows: the code is that of any permission.
fn is_policy(error: &Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.and_then(PgDatabaseError::routine) == Some("check_enable_rls")
}

/// What is said of a value that the database has no characters for.
pub(super) const NO_SUCH_CHARACTER: &str = "the database has no such character";

/// An error in our words.
pub(super) fn explain(error: &Error) -> ReadError {
    let unavailable = |what: &str| ReadError::Unavailable(what.to_owned());
    let not_readable = |what: &str| ReadError::NotReadable(what.to_owned());
    let code = match error {
        Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        // What the TLS library says of a certificate comes as an error of reading.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            return ReadError::Unavailable(format!("TLS failed: {error}"));
        }
        Error::Io(error) => return ReadError::Unavailable(format!("the connection broke ({})", error.kind())),
        Error::Tls(error) => return ReadError::Unavailable(format!("TLS failed: {error}")),
        Error::Configuration(error) => return ReadError::Unavailable(error.to_string()),
        _ => return unavailable("the server does not speak as expected"),
    };
    match code.as_str() {
        "28P01" | "28000" => unavailable("the server refuses the user or the password"),
        "3D000" => unavailable("the server has no such database"),
        "53300" | "53400" => unavailable("the server's connections are used up by others"),
        "22P05" | "22021" => not_readable(NO_SUCH_CHARACTER),
        "42501" if is_policy(error) => not_readable(
            "row-level security would hide rows of it from the database user; give the user BYPASSRLS, \
             or let it read a view whose owner the policies do not apply to",
        ),
        "57014" => not_readable(TOO_LATE),
        "42P01" | "3F000" => not_readable("the database has the table no more"),
        "42703" => not_readable("the table has a column no more"),
        "42501" => not_readable("the database user has no permission to read it"),
        "XX001" | "XX002" => not_readable("the server says that its data is damaged here"),
        _ if ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            ReadError::Unavailable(format!("the server cannot answer now (SQLSTATE {code})"))
        }
        _ if code.starts_with("25") => ReadError::Unavailable(format!("the snapshot was lost (SQLSTATE {code})")),
        _ => ReadError::NotReadable(format!("the server refuses the statement (SQLSTATE {code})")),
    }
}
