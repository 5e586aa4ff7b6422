//! What was seen of a file's tables, kept from one snapshot to the next while its schema stays as it is: to ask SQLite of
//! a table takes longer than to read a small person's rows of it.
//!
//! A schema is told by its whole text, since the number that SQLite counts its changes by says nothing when another file
//! takes the place of this one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tributary_archive::digest::{Hasher, Sha256Hex};

use super::schema::{Table, TableKind};

/// Tables of one file, shared by all snapshots of it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Remembered>>);

/// The tables of the schema that was seen last.
#[derive(Debug, Default)]
struct Remembered {
    schema: Option<Sha256Hex>,
    tables: HashMap<String, Arc<Table>>,
}

/// The tables that one snapshot knows.
#[derive(Default)]
pub(super) struct Known {
    tables: HashMap<String, Arc<Table>>,
    /// Where to keep them, and for which schema.
    kept: Option<(Seen, Sha256Hex)>,
}

impl Known {
    /// What `seen` has of the schema that the snapshot of `connection` shows.
    pub(super) fn of(seen: &Seen, connection: &Connection) -> rusqlite::Result<Self> {
        let schema = digest(connection)?;
        let mut remembered = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.schema != Some(schema) {
            *remembered = Remembered { schema: Some(schema), tables: HashMap::new() };
        }
        Ok(Self { tables: remembered.tables.clone(), kept: Some((seen.clone(), schema)) })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Table> {
        self.tables.get(name).map(Arc::as_ref)
    }

    /// Takes note of a table, for later snapshots too. What a view or virtual table is may depend on more than the schema.
    pub(super) fn insert(&mut self, name: &str, table: Table) {
        let table = Arc::new(table);
        if let (Some((seen, schema)), false) = (&self.kept, table.kind == TableKind::View) {
            let mut remembered = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Another snapshot may have shown another schema meanwhile.
            if remembered.schema == Some(*schema) {
                remembered.tables.insert(name.to_owned(), Arc::clone(&table));
            }
        }
        self.tables.insert(name.to_owned(), table);
    }
}

/// The digest of everything that the schema says.
fn digest(connection: &Connection) -> rusqlite::Result<Sha256Hex> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let mut rows = statement.query([])?;
    let mut hasher = Hasher::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let text = row.get_ref(column)?.as_bytes_or_null()?.unwrap_or_default();
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    fn names(known: &Known) -> Vec<String> {
        let table = known.get("person").unwrap();
        table.columns.iter().map(|column| column.name.clone()).collect()
    }

    #[test]
    fn a_table_is_known_to_later_snapshots_until_the_schema_changes() {
        let (seen, connection) = (Seen::default(), Connection::open_in_memory().unwrap());
        connection
            .execute_batch("CREATE TABLE person (id INTEGER); CREATE VIEW people AS SELECT * FROM person")
            .unwrap();
        let mut first = Known::of(&seen, &connection).unwrap();
        assert!(first.get("person").is_none());
        for name in ["person", "people"] {
            first.insert(name, schema::read(&connection, name).unwrap().unwrap());
        }
        assert!(first.get("people").is_some());
        let second = Known::of(&seen, &connection).unwrap();
        assert_eq!(names(&second), ["id"]);
        assert!(second.get("people").is_none(), "what a view is may depend on more");

        connection.execute_batch("ALTER TABLE person ADD COLUMN owner TEXT").unwrap();
        let mut third = Known::of(&seen, &connection).unwrap();
        assert!(third.get("person").is_none());
        third.insert("person", schema::read(&connection, "person").unwrap().unwrap());
        first.insert("late", schema::read(&connection, "person").unwrap().unwrap());
        let fourth = Known::of(&seen, &connection).unwrap();
        assert_eq!(names(&fourth), ["id", "owner"]);
        assert!(fourth.get("late").is_none(), "what was seen under another schema says nothing of this one");
    }

    #[test]
    fn another_file_with_as_many_changes_is_another_schema() {
        let seen = Seen::default();
        let one = Connection::open_in_memory().unwrap();
        one.execute_batch("CREATE TABLE person (id INTEGER)").unwrap();
        Known::of(&seen, &one).unwrap().insert("person", schema::read(&one, "person").unwrap().unwrap());
        let other = Connection::open_in_memory().unwrap();
        other.execute_batch("CREATE TABLE person (id INTEGER, tenant TEXT)").unwrap();
        assert!(Known::of(&seen, &other).unwrap().get("person").is_none());
    }
}
