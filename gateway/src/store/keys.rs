//! The keys in force: one store key for fingerprints, two keys per case, all wrapped by the key-encryption key.
//!
//! A case's content key seals the person's identifiers, data and whatever entities say; dropping its wrapped form
//! shreds them. Its record key seals who did what and why, which stays.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tributary_archive::frames::{ContentKey, CryptoError, KeyEncryptionKey};
use tributary_model::id::CaseId;

use super::sql::{Tx, vals};
use super::{Store, StoreError};

pub(super) const STORE_KEY: &str = "store_key";
const STORE_CONTEXT: &[u8] = b"tributary gateway store";

pub(super) struct Keys {
    kek: Arc<KeyEncryptionKey>,
    store: ContentKey,
}

impl Keys {
    /// Unwraps the store key, or makes it. A wrong key-encryption key is found out here, before anything is served.
    pub(super) async fn open(tx: &mut Tx, kek: Arc<KeyEncryptionKey>) -> Result<Self, StoreError> {
        let key = ContentKey::generate()?;
        let wrapped = kek.wrap(&key, STORE_CONTEXT)?;
        // Whoever comes first makes it, and all others take that one.
        let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        tx.run(sql, &vals![STORE_KEY, wrapped]).await?;
        let row = tx.row("SELECT value FROM meta WHERE name = $1", &vals![STORE_KEY]).await?;
        let wrapped = row.ok_or(StoreError::Corrupt(STORE_KEY))?.blob("value")?;
        let store = kek.unwrap(&wrapped, STORE_CONTEXT).map_err(|_| StoreError::WrongKey)?;
        Ok(Self { kek, store })
    }

    /// New keys for a case, with their wrapped forms.
    pub(super) fn generate(&self, case: CaseId) -> Result<(CaseKeys, Vec<u8>, Vec<u8>), StoreError> {
        let (content, record) = (ContentKey::generate()?, ContentKey::generate()?);
        let wrapped_content = self.kek.wrap(&content, &context(case, "content"))?;
        let wrapped_record = self.kek.wrap(&record, &context(case, "record"))?;
        Ok((CaseKeys { content: Some(content), record }, wrapped_content, wrapped_record))
    }

    pub(super) fn unwrap(&self, case: CaseId, content: Option<&[u8]>, record: &[u8]) -> Result<CaseKeys, StoreError> {
        let content = content.map(|wrapped| self.kek.unwrap(wrapped, &context(case, "content"))).transpose()?;
        Ok(CaseKeys { content, record: self.kek.unwrap(record, &context(case, "record"))? })
    }

    pub(super) fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        self.store.mac(purpose, data)
    }
}

impl Store {
    /// A keyed digest that nobody without the key-encryption key can make or guess.
    pub(crate) fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        self.keys().mac(purpose, data)
    }
}

fn context(case: CaseId, kind: &str) -> Vec<u8> {
    format!("tributary case {case} {kind}").into_bytes()
}

/// The keys of one case.
#[derive(Clone)]
pub(crate) struct CaseKeys {
    content: Option<ContentKey>,
    record: ContentKey,
}

impl CaseKeys {
    /// Of these keys.
    #[cfg(test)]
    pub(super) fn of(content: ContentKey, record: ContentKey) -> Self {
        Self { content: Some(content), record }
    }

    /// The key of the person's data; gone once the case was shredded.
    pub(crate) fn content(&self) -> Result<&ContentKey, StoreError> {
        self.content.as_ref().ok_or(StoreError::Crypto(CryptoError::Altered))
    }

    /// Goes on without the key of the person's data, once it was dropped.
    pub(super) fn forget_content(&mut self) {
        self.content = None;
    }

    pub(super) fn seal<T: Serialize + ?Sized>(&self, purpose: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        let plain = json(value)?;
        Ok(self.content()?.seal(purpose, &plain)?)
    }

    pub(super) fn open<T: DeserializeOwned>(&self, purpose: &'static str, sealed: &[u8]) -> Result<T, StoreError> {
        from_json(purpose, &self.content()?.open(purpose, sealed)?)
    }

    /// A text that may be gone with its key.
    pub(super) fn open_text(&self, purpose: &str, sealed: Option<&[u8]>) -> Result<String, StoreError> {
        let (Some(key), Some(sealed)) = (&self.content, sealed) else { return Ok(String::new()) };
        String::from_utf8(key.open(purpose, sealed)?).map_err(|_| StoreError::Corrupt("text"))
    }

    pub(super) fn seal_text(&self, purpose: &str, text: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.content {
            Some(key) if !text.is_empty() => Ok(Some(key.seal(purpose, text.as_bytes())?)),
            _ => Ok(None),
        }
    }

    pub(super) fn seal_record<T: Serialize>(&self, purpose: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        Ok(self.record.seal(purpose, &json(value)?)?)
    }

    pub(super) fn open_record<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        sealed: &[u8],
    ) -> Result<T, StoreError> {
        from_json(purpose, &self.record.open(purpose, sealed)?)
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|_| StoreError::Corrupt("a value that cannot be written"))
}

fn from_json<T: DeserializeOwned>(what: &'static str, plain: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(plain).map_err(|_| StoreError::Corrupt(what))
}
