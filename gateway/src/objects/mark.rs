//! The id in the folder that says whose objects are in it.

use std::fs;
use std::io::{self, Write};

use uuid::Uuid;

use super::{Objects, sync_folder};

/// The file with the id. No case is called like this.
const FILE: &str = "folder-id";

impl Objects {
    /// The id that stands in the folder.
    ///
    /// # Errors
    /// What the file system says, or that the file holds no id.
    pub(crate) fn mark(&self) -> io::Result<Option<Uuid>> {
        let text = match fs::read_to_string(self.root.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        text.trim().parse().map(Some).map_err(|_| io::Error::other(format!("its file `{FILE}` holds no id")))
    }

    /// Writes the id into the folder, whole or not at all. Processes that start together write the same.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn set_mark(&self, id: Uuid) -> io::Result<()> {
        let partial = self.root.join(format!("{FILE}.{}", self.writer));
        let mut file = fs::File::create(&partial)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(partial, self.root.join(FILE))?;
        sync_folder(&self.root)
    }
}
