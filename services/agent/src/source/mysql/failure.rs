//! What errors of MySQL and MariaDB mean to a walk. Their texts may quote values, so only their numbers are passed on.

use std::io::ErrorKind;

use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::source::ReadError;
use crate::source::server::TOO_LATE;

/// Whether others have all connections that the server gives, to anybody (1040) or to this user (1203, 1226).
pub(super) fn is_used_up(error: &Error) -> bool {
    matches!(number(error), 1040 | 1203 | 1226)
}

fn number(error: &Error) -> u16 {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.map_or(0, MySqlDatabaseError::number)
}

/// An error in our words.
pub(super) fn explain(error: &Error) -> ReadError {
    let unavailable = |what: &str| ReadError::Unavailable(what.to_owned());
    let not_readable = |what: &str| ReadError::NotReadable(what.to_owned());
    let number = match error {
        Error::Database(_) => number(error),
        // What the TLS library says of a certificate comes as an error of reading.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            return ReadError::Unavailable(format!("TLS failed: {error}"));
        }
        Error::Io(error) => return ReadError::Unavailable(format!("the connection broke ({})", error.kind())),
        Error::Tls(error) => return ReadError::Unavailable(format!("TLS failed: {error}")),
        Error::Configuration(error) => return ReadError::Unavailable(error.to_string()),
        _ => return unavailable("the server does not speak as expected"),
    };
    match number {
        1045 | 1698 | 1251 | 1862 => unavailable("the server refuses the user or the password"),
        1044 => unavailable("the server refuses the user access to the database"),
        1049 => unavailable("the server has no such database"),
        1040 | 1203 | 1226 => unavailable("the server's connections are used up by others"),
        1146 => not_readable(GONE),
        1054 => not_readable("the table has a column no more"),
        1142 | 1143 | 1370 => not_readable("the database user has no permission to read it"),
        1969 | 3024 => not_readable(TOO_LATE),
        1153 | 1301 => not_readable("a value is larger than the server's `max_allowed_packet`"),
        // The table's form changed after the snapshot was taken: the next snapshot has the new one.
        1412 => unavailable("a table was changed while it was read"),
        1053 | 1077 | 1079 | 1129 | 1130 | 1152 | 1158..=1161 | 1184 | 1205 | 1213 | 1317 | 1927 | 3169 => {
            ReadError::Unavailable(format!("the server cannot answer now (error {number})"))
        }
        _ => ReadError::NotReadable(format!("the server refuses the statement (error {number})")),
    }
}

/// What is said of a table that is not there.
pub(super) const GONE: &str = "the database has the table no more";
