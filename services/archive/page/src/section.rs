//! The sections of the page, in the order in which a person meets them.

pub(crate) mod answers;
pub(crate) mod chain;
pub(crate) mod check;
pub(crate) mod collection;
pub(crate) mod data;
pub(crate) mod files;
pub(crate) mod frame;
pub(crate) mod hidden;
pub(crate) mod information;
pub(crate) mod letter;
pub(crate) mod missing;
pub(crate) mod overview;
pub(crate) mod rights;
pub(crate) mod table;
