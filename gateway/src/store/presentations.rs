//! What makes an entity's answer readable for people: previews of its collections and the record of its processing.
//!
//! Sealed under the case's key. They belong to an instruction: a record that an attestation speaks of outlives what was
//! staged with it, since an archive that repeats the answer repeats the record too.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tributary_archive::information::Information;
use tributary_archive::preview::Preview;
use tributary_model::id::{CaseId, EntityId, InstructionId};

use super::keys::CaseKeys;
use super::sql::{Ask, Snapshot, Tx, vals};
use super::staging::same_generation;
use super::tasks::Held;
use super::{Claim, Store, StoreError};

const PREVIEW: &str = "preview";
const INFORMATION: &str = "information";

impl Store {
    /// Keeps a preview.
    pub(crate) async fn preview(&self, claim: &Claim, generation: u32, preview: Preview) -> Result<(), StoreError> {
        let place = (preview.dataset.to_string(), preview.collection.clone());
        self.present(claim, generation, PREVIEW, place, preview).await
    }

    /// Keeps the record of processing.
    pub(crate) async fn information(
        &self,
        claim: &Claim,
        generation: u32,
        information: Information,
    ) -> Result<(), StoreError> {
        self.present(claim, generation, INFORMATION, (String::new(), String::new()), information).await
    }

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

    async fn present<T: Serialize + Send + 'static>(
        &self,
        claim: &Claim,
        generation: u32,
        kind: &'static str,
        place: (String, String),
        content: T,
    ) -> Result<(), StoreError> {
        let (store, claim) = (self.clone(), claim.clone());
        let sealed = claim.keys.seal(kind, &content)?;
        self.write("keep a presentation", move |tx| {
            Box::pin(async move {
                let task = Held::read(tx, &store, &claim).await?;
                same_generation(&task, generation)?;
                let sql = "INSERT INTO presentations (case_id, entity, instruction, kind, dataset, collection, content) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7) \
                           ON CONFLICT (case_id, entity, instruction, kind, dataset, collection) \
                           DO UPDATE SET content = $7";
                let (dataset, collection) = place;
                let values = vals![claim.case, &claim.entity, claim.export, kind, dataset, collection, sealed];
                tx.run(sql, &values).await.map(drop)
            })
        })
        .await
    }
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
    let sql = "DELETE FROM presentations WHERE case_id = $1 AND entity = $2 AND (kind = 'preview' OR instruction NOT IN \
               (SELECT instruction FROM attestations WHERE case_id = $1 AND entity = $2))";
    tx.run(sql, &vals![case, entity]).await.map(drop)
}
