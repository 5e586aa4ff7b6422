//! in-toto Statement v1, as far as it is used here: one subject with a SHA-256 digest, and a typed predicate.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Hex;
use crate::json;

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: P,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digest {
    sha256: Sha256Hex,
}

impl<P: Serialize + DeserializeOwned> Statement<P> {
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        json::read(bytes)
    }
}

impl<P: Serialize> Statement<P> {
    pub(crate) fn new(subject: &str, sha256: Sha256Hex, predicate_type: &str, predicate: P) -> Self {
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject { name: subject.to_owned(), digest: Digest { sha256 } }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        // The predicates are structs of texts, numbers and lists, which cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The predicate, when the statement is of the expected kind and about one subject of the expected name.
    pub(crate) fn predicate_of(&self, subject: &str, predicate_type: &'static str) -> Result<&P, String> {
        if self.kind != STATEMENT_TYPE || self.predicate_type != predicate_type {
            return Err(format!("expected an in-toto statement v1 with predicate type {predicate_type}"));
        }
        match self.subject.as_slice() {
            [only] if only.name == subject => Ok(&self.predicate),
            _ => Err(format!("expected one subject named `{subject}`")),
        }
    }

    /// The digest of the one subject.
    pub(crate) fn digest(&self) -> Option<Sha256Hex> {
        self.subject.first().map(|subject| subject.digest.sha256)
    }
}
