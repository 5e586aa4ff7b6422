//! What an agent promises over PostgreSQL and MariaDB, on real servers, beside SQLite.

#[cfg(test)]
mod exact;
#[cfg(test)]
mod support;
