//! Promises of the store over real files.
