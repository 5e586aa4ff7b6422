//! The secret in a link: 256 random bits as text. The store has its keyed digest only.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tributary_model::sensitive::Sensitive;

use crate::store::Store;

/// What a token's digest is keyed for: a link's never counts as a download's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A link, as it is handed to the person.
    Link,
    /// One download that was begun with it.
    Download,
}

/// Longest text that is looked up; a token is shorter.
const LONGEST: usize = 128;
/// Random bytes of a token.
const BYTES: usize = 32;

/// A token in clear. `Debug` shows a mask.
#[derive(Clone)]
pub(crate) struct Token(Sensitive<String>);

/// The system's random source failed.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source failed")]
pub(crate) struct NoRandom;

impl Token {
    /// A new token.
    pub(crate) fn random() -> Result<Self, NoRandom> {
        let mut bytes = [0; BYTES];
        rand::fill(&mut bytes).map_err(|_| NoRandom)?;
        Ok(Self(Sensitive::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// What stands in a URL. Any text is taken: whether it is a token only the store knows.
    pub(super) fn given(text: &str) -> Self {
        let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
        Self(Sensitive::new(text[..end].to_owned()))
    }

    /// The text, for the URL.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which the store has it.
    pub(crate) fn digest(&self, store: &Store, purpose: Purpose) -> [u8; 32] {
        let purpose = match purpose {
            Purpose::Link => "link token",
            Purpose::Download => "download token",
        };
        store.mac(purpose, self.expose().as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}
