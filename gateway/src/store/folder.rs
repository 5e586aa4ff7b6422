//! Which object folder belongs to the database. Neighbour: `object_folder`, which looks at the folder's side.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sql::{Tx, vals};
use super::{Store, StoreError};

const FOLDER: &str = "object_folder";

/// The folder of a database, by the id that is written into both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FolderId {
    pub(crate) id: Uuid,
    /// Whether the id is known to stand in the folder: from then on a folder without it is another one.
    pub(crate) is_marked: bool,
}

impl Store {
    /// The folder of this database; a new id, to be written into the folder, when there is none yet.
    pub(crate) async fn object_folder(&self) -> Result<FolderId, StoreError> {
        let new = FolderId { id: Uuid::new_v4(), is_marked: false };
        self.write("read which object folder is meant", move |tx| {
            Box::pin(async move {
                let value = serde_json::to_vec(&new).map_err(|_| StoreError::Corrupt(FOLDER))?;
                let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
                tx.run(sql, &vals![FOLDER, value]).await?;
                read(tx).await
            })
        })
        .await
    }

    /// The id stands in the folder.
    pub(crate) async fn object_folder_marked(&self) -> Result<(), StoreError> {
        self.write("note that the object folder is marked", move |tx| {
            Box::pin(async move {
                let marked = FolderId { is_marked: true, ..read(tx).await? };
                let value = serde_json::to_vec(&marked).map_err(|_| StoreError::Corrupt(FOLDER))?;
                tx.run("UPDATE meta SET value = $2 WHERE name = $1", &vals![FOLDER, value]).await.map(drop)
            })
        })
        .await
    }
}

async fn read(tx: &mut Tx) -> Result<FolderId, StoreError> {
    let row = tx.row("SELECT value FROM meta WHERE name = $1", &vals![FOLDER]).await?;
    let value = row.ok_or(StoreError::Corrupt(FOLDER))?.blob("value")?;
    serde_json::from_slice(&value).map_err(|_| StoreError::Corrupt(FOLDER))
}
