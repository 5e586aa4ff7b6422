//! A store whose statements run on the thread that asks. Everything of it but the driver is the product's.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{OnceCell, broadcast};
use tributary_archive::frames::KeyEncryptionKey;
use tributary_transport::tasks::Tasks;

use crate::replicas::ReplicaId;
use crate::store::keys::Keys;
use crate::store::sql::inline::Inline;
use crate::store::sql::{Readers, Tx};
use crate::store::writer::Writer;
use crate::store::{CHANGES, FILE, Inner, Jobs, Store, StoreError, schema};

/// Opens a store in `folder`, which is empty.
pub(super) async fn open(folder: &Path, kek: KeyEncryptionKey, tasks: &Tasks) -> Result<(Store, Inline), StoreError> {
    let file = folder.join(FILE);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(&file, empty().await?).unwrap();
    let inline = Inline::open(&file)?;
    let mut tx = Tx::inline(inline.clone());
    let keys = Keys::open(&mut tx, Arc::new(kek)).await?;
    let (changes, _) = broadcast::channel(CHANGES);
    let drafted = Arc::default();
    let inner = Inner {
        readers: Readers::Inline(inline.clone()),
        jobs: Jobs::Sqlite(Writer::start(tx, changes.clone(), Arc::clone(&drafted), tasks)),
        keys,
        replica: ReplicaId::new(),
        changes,
        drafted,
        owes_forgetting: AtomicBool::new(true),
        _lock: None,
    };
    Ok((Store(Arc::new(inner)), inline))
}

/// A database with its schema and nothing else, as bytes; migrated once per process.
async fn empty() -> Result<&'static [u8], StoreError> {
    static EMPTY: OnceCell<Vec<u8>> = OnceCell::const_new();
    let migrated = EMPTY.get_or_try_init(async || {
        let folder = tempfile::tempdir().unwrap();
        schema::migrate(schema::Place::Folder(folder.path())).await?;
        Ok(std::fs::read(folder.path().join(FILE)).unwrap())
    });
    migrated.await.map(Vec::as_slice)
}
