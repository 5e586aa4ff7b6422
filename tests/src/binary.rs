//! Where the product's binary is: the same file that users run, never the crates called in-process.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Overrides the place of the binary.
const VARIABLE: &str = "TRIBUTARY_BIN";

/// The binary that was built beside this test, or the one that `TRIBUTARY_BIN` names.
///
/// # Errors
/// When it is missing; the message says how to build it.
pub fn tributary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        return if path.is_file() { Ok(path) } else { bail!("{VARIABLE} names {}, which is no file", path.display()) };
    }
    let this = std::env::current_exe().context("the test's own path")?;
    // target/<profile>/deps/<test>, target/<profile>/examples/<example> or target/<profile>/<program>
    let own = this.parent().context("the test lies in no folder")?;
    if own.join("tributary").is_file() {
        return Ok(own.join("tributary"));
    }
    let profile = own.parent().context("the test lies in no target folder")?;
    let path = profile.join("tributary");
    if path.is_file() {
        return Ok(path);
    }
    let release = if profile.ends_with("release") { " --release" } else { "" };
    bail!("{} is missing; build it with `cargo build{release} -p tributary`", path.display())
}
