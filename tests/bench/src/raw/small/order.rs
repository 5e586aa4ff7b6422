//! Orders signed with Ed25519: as long as a mandate, verified by whoever gets one.

use anyhow::{Context, Result};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// About what a mandate takes on the wire.
const LENGTH: usize = 1000;
const SIGNATURE: usize = 64;

/// A key that both sides know, as this is only about its cost.
pub(super) fn key() -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[9; 32]).ok().context("the key")
}

/// Signs `length` bytes that name `what`.
pub(super) fn signed(key: &Ed25519KeyPair, what: &str, length: usize) -> Vec<u8> {
    let mut order = what.as_bytes().to_vec();
    order.resize(length, b' ');
    let signature = key.sign(&order);
    order.extend_from_slice(signature.as_ref());
    order
}

/// Signs an order.
pub(super) fn order(key: &Ed25519KeyPair, what: &str) -> Vec<u8> {
    signed(key, what, LENGTH)
}

/// Verifies what was signed.
pub(super) fn verify(key: &Ed25519KeyPair, signed: &[u8]) -> Result<()> {
    let (order, signature) = signed.split_last_chunk::<SIGNATURE>().context("too short")?;
    let public = UnparsedPublicKey::new(&ED25519, key.public_key().as_ref());
    public.verify(order, signature).ok().context("the signature does not verify")
}
