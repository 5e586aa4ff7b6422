//! What an agent promises over PostgreSQL and MariaDB, on real servers, beside SQLite.

#[cfg(test)]
mod alike;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod casts;
#[cfg(test)]
mod characters;
#[cfg(test)]
mod children;
#[cfg(test)]
mod composite;
#[cfg(test)]
mod digits;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod identifiers;
#[cfg(test)]
mod init;
#[cfg(test)]
mod linear;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod slices;
#[cfg(test)]
mod support;
#[cfg(test)]
mod systems;
#[cfg(test)]
mod values;
