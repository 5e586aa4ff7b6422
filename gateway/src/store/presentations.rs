//! What makes an entity's answer readable for people: previews of its collections and the record of its processing.
//!
//! Sealed under the case's key. They belong to an instruction: a record that an attestation speaks of outlives what was
//! staged with it, since an archive that repeats the answer repeats the record too.

use serde::de::DeserializeOwned;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_model::id::{CaseId, EntityId, InstructionId};

use super::keys::CaseKeys;
use super::sql::{Ask, Snapshot, Tx, vals};
use super::{Claim, Store, StoreError};

pub(super) const PREVIEW: &str = "preview";
pub(super) const INFORMATION: &str = "information";
/// All descriptors of an answer with many parts, once more in one piece: to close a case is to read them all.
pub(super) const PARTS: &str = "parts";

impl Store {
    /// The previews that are known of a task.
    pub(crate) async fn staged_previews(&self, claim: &Claim) -> Result<Vec<Preview>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        previews(&mut snapshot, &claim.keys, claim.case, &claim.entity, claim.export).await
    }

    /// The record of processing that is known of a task.
    pub(crate) async fn staged_information(&self, claim: &Claim) -> Result<Option<Information>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        information(&mut snapshot, &claim.keys, claim.case, &claim.entity, claim.export).await
    }
}

/// Keeps a preview or the record of processing, sealed.
pub(super) async fn present(
    tx: &mut Tx,
    claim: &Claim,
    kind: &'static str,
    (dataset, collection): (String, String),
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO presentations (case_id, entity, instruction, kind, dataset, collection, content) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (case_id, entity, instruction, kind, dataset, collection) DO UPDATE SET content = $7";
    let values = vals![claim.case, &claim.entity, claim.export, kind, dataset, collection, sealed];
    tx.run(sql, &values).await.map(drop)
}

/// What presents one entity's answer.
#[derive(Default)]
pub(super) struct Presented {
    pub(super) previews: Vec<Preview>,
    pub(super) information: Option<Information>,
    /// Every part, in order, where they are kept in one piece.
    pub(super) parts: Option<Vec<Part>>,
}

/// All that presents one entity's answer to an instruction.
pub(super) async fn presented(
    ask: &mut impl Ask,
    keys: &CaseKeys,
    case: CaseId,
    entity: &EntityId,
    instruction: InstructionId,
) -> Result<Presented, StoreError> {
    let sql = "SELECT kind, content FROM presentations WHERE case_id = $1 AND entity = $2 AND instruction = $3 \
               ORDER BY dataset, collection";
    let mut presented = Presented::default();
    for row in ask.ask(sql, &vals![case, entity, instruction]).await? {
        let content = row.blob("content")?;
        match row.text("kind")?.as_str() {
            PREVIEW => presented.previews.push(keys.open(PREVIEW, &content)?),
            INFORMATION => presented.information = Some(keys.open(INFORMATION, &content)?),
            PARTS => presented.parts = Some(keys.open(PARTS, &content)?),
            _ => return Err(StoreError::Corrupt("kind")),
        }
    }
    Ok(presented)
}

/// The previews of one entity's answer to an instruction.
pub(super) async fn previews(
    ask: &mut impl Ask,
    keys: &CaseKeys,
    case: CaseId,
    entity: &EntityId,
    instruction: InstructionId,
) -> Result<Vec<Preview>, StoreError> {
    read(ask, keys, case, entity, instruction, PREVIEW).await
}

/// The record of processing in one entity's answer to an instruction.
pub(super) async fn information(
    ask: &mut impl Ask,
    keys: &CaseKeys,
    case: CaseId,
    entity: &EntityId,
    instruction: InstructionId,
) -> Result<Option<Information>, StoreError> {
    Ok(read(ask, keys, case, entity, instruction, INFORMATION).await?.pop())
}

async fn read<T: DeserializeOwned>(
    ask: &mut impl Ask,
    keys: &CaseKeys,
    case: CaseId,
    entity: &EntityId,
    instruction: InstructionId,
    kind: &'static str,
) -> Result<Vec<T>, StoreError> {
    let sql = "SELECT content FROM presentations WHERE case_id = $1 AND entity = $2 AND instruction = $3 AND kind = $4 \
               ORDER BY dataset, collection";
    let rows = ask.ask(sql, &vals![case, entity, instruction, kind]).await?;
    rows.iter().map(|row| keys.open(kind, &row.blob("content")?)).collect()
}

/// Drops what was kept of an entity, but for records that an attestation speaks of.
pub(super) async fn drop_presentations(tx: &mut Tx, case: CaseId, entity: &EntityId) -> Result<(), StoreError> {
    let sql = "DELETE FROM presentations WHERE case_id = $1 AND entity = $2 AND (kind <> 'information' OR instruction NOT IN \
               (SELECT instruction FROM attestations WHERE case_id = $1 AND entity = $2))";
    tx.run(sql, &vals![case, entity]).await.map(drop)
}
