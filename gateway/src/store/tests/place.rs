//! Where the suite's stores are: each promise holds on both databases.

use std::path::Path;

use tempfile::TempDir;
use tributary_archive::frames::KeyEncryptionKey;
use tributary_model::database::{Address, Secret, Tls};
use tributary_transport::tasks::Tasks;

use super::super::{Store, StoreError, schema};
use super::server::Database;
use crate::config::Postgres;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Engine {
    Sqlite,
    Postgres,
}

/// A database of a test's own, with the key that it was made with.
pub(in crate::store) struct Place {
    pub(super) folder: TempDir,
    database: Option<Database>,
}

impl Place {
    /// An empty one.
    pub(in crate::store) fn new(engine: Engine) -> Self {
        let database = (engine == Engine::Postgres).then(Database::shared);
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    /// One on a PostgreSQL server that the test may stop.
    pub(super) fn private() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Some(Database::private()) }
    }

    pub(super) fn database(&self) -> &Database {
        self.database.as_ref().expect("only SQLite has no server")
    }

    pub(super) fn kek(&self) -> KeyEncryptionKey {
        kek(self.folder.path(), "kek")
    }

    /// A process's store.
    pub(in crate::store) async fn open(&self, tasks: &Tasks) -> Result<Store, StoreError> {
        self.open_with(self.kek(), tasks).await
    }

    /// A process's store, with another key perhaps.
    pub(super) async fn open_with(&self, kek: KeyEncryptionKey, tasks: &Tasks) -> Result<Store, StoreError> {
        match &self.database {
            None => Store::open(&self.folder.path().join("data"), kek, tasks).await,
            Some(database) => Store::open_postgres(&self.settings(database), kek, tasks).await,
        }
    }

    /// Brings the schema up to date, where a start does not.
    pub(in crate::store) async fn migrate(&self) -> Result<(), StoreError> {
        let Some(database) = &self.database else { return Ok(()) };
        schema::migrate(schema::Place::Postgres(&self.settings(database))).await.map(drop)
    }

    pub(super) fn settings(&self, database: &Database) -> Postgres {
        let password = self.folder.path().join("password");
        write_password(&password, &database.password);
        Postgres {
            address: Address::Tcp { host: "localhost".to_owned(), port: database.port },
            user: database.user.clone(),
            password: Some(Secret::File(password)),
            database: database.name.clone(),
            tls: Tls::Verified { authority: Some(database.authority.clone()) },
            connections: 5,
            connect_timeout: Postgres::CONNECT_TIMEOUT,
        }
    }
}

/// Puts a password where only its owner may read it.
pub(super) fn write_password(path: &Path, password: &str) {
    std::fs::write(path, password).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// The key in a file of this name, made when it is not there.
pub(in crate::store) fn kek(folder: &Path, name: &str) -> KeyEncryptionKey {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    if !path.exists() {
        std::fs::write(&path, KeyEncryptionKey::generate().unwrap()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    KeyEncryptionKey::load(&path).unwrap()
}
