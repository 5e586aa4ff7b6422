//! Making keys where they will be used: the private half never leaves the host.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::key::SigningKey;

use crate::exit::Outcome;
use crate::files;
use crate::output::Output;

/// `agent keygen`, `group keygen`
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// Where the private key goes (PKCS#8 PEM, readable by its owner only, never overwritten)
    #[arg(long, default_value = "signing.key")]
    out: PathBuf,
    /// Also make a key-encryption key for data at rest in this file
    #[arg(long)]
    key_encryption_key: Option<PathBuf>,
}

#[derive(Serialize)]
struct Made<'a> {
    private_key: &'a Path,
    public_key: String,
    key_id: String,
}

/// Makes a key pair and prints the public half.
pub(crate) fn keygen(args: &Keygen, output: Output) -> Outcome {
    let key = SigningKey::generate()?;
    files::write_private(&args.out, key.to_pem()?.as_bytes())?;
    if let Some(path) = &args.key_encryption_key {
        files::write_private(path, KeyEncryptionKey::generate()?.as_bytes())?;
    }
    let public = key.public();
    let made = Made { private_key: &args.out, public_key: public.to_string(), key_id: public.id().to_string() };
    output.print(&made, |made| {
        let path = made.private_key.display();
        format!("private key (stays on this host): {path}\npublic key (for the group file): {}", made.public_key)
    })
}
