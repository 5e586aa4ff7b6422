//! What the gateway remembers of the group: the file in force, whose version only rises, and the public parts that
//! archives need, by version.

use serde::{Deserialize, Serialize};
use tributary_model::group::signed::InForce;

use super::sql::{Ask, locking, vals};
use super::{Store, StoreError};

const GROUP: &str = "group_in_force";

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u64,
    digest: String,
}

fn public_name(version: u64) -> String {
    format!("group_public_{version}")
}

impl Store {
    /// The group file that was in force at the last start.
    pub(crate) async fn group_in_force(&self) -> Result<Option<InForce>, StoreError> {
        self.write("read the group in force", |tx| Box::pin(async move { in_force(tx).await })).await
    }

    /// Puts a verified group file in force and keeps its signed public part. Another process may have put a newer one in
    /// force since this one looked: versions only rise.
    pub(crate) async fn put_group_in_force(&self, group: InForce, public_part: Vec<u8>) -> Result<(), StoreError> {
        self.write("put a group in force", move |tx| {
            Box::pin(async move {
                // There from the first start on: who holds it is the only one to change what is in force.
                let lock = locking!("SELECT value FROM meta WHERE name = $1");
                tx.rows(lock, &vals![super::keys::STORE_KEY]).await?;
                if let Some(newer) = in_force(tx).await?.filter(|found| found.version > group.version) {
                    return Err(StoreError::NewerGroup(newer.version));
                }
                let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) \
                           ON CONFLICT (name) DO UPDATE SET value = $2";
                tx.run(sql, &vals![public_name(group.version), public_part]).await?;
                let stored = Stored { version: group.version, digest: group.digest };
                let value = serde_json::to_vec(&stored).map_err(|_| StoreError::Corrupt(GROUP))?;
                tx.run(sql, &vals![GROUP, value]).await.map(drop)
            })
        })
        .await
    }
}

pub(super) async fn in_force(ask: &mut impl Ask) -> Result<Option<InForce>, StoreError> {
    let row = ask.ask("SELECT value FROM meta WHERE name = $1", &vals![GROUP]).await?.pop();
    let Some(row) = row else { return Ok(None) };
    let stored: Stored = serde_json::from_slice(&row.blob("value")?).map_err(|_| StoreError::Corrupt(GROUP))?;
    Ok(Some(InForce { version: stored.version, digest: stored.digest }))
}

/// The signed public part of the group file of this version.
pub(super) async fn public_part(ask: &mut impl Ask, version: u64) -> Result<Vec<u8>, StoreError> {
    let row = ask.ask("SELECT value FROM meta WHERE name = $1", &vals![public_name(version)]).await?.pop();
    row.ok_or(StoreError::Corrupt("group_public"))?.blob("value")
}
