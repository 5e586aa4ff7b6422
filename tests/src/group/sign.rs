//! The group file on disk: written, changed and signed again, as the group's key holders would.

use anyhow::Result;
use tributary_model::group::GroupFile;
use tributary_model::group::signed::sign;
use tributary_model::key::SigningKey;

use super::Group;

impl Group {
    /// Raises the group file's version, changes it and signs it again; `change` may set another version. Processes see it at their next start.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change(&mut self, change: impl FnOnce(&mut GroupFile)) -> Result<()> {
        self.file.version += 1;
        change(&mut self.file);
        self.write_group_file()
    }

    /// Signs the group file as it stands with another key than the group's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sign_with(&self, key: &SigningKey) -> Result<()> {
        let pair = sign(&self.file, key)?;
        std::fs::write(self.root().join("group/group.dsse.json"), pair.whole.to_json())?;
        Ok(std::fs::write(self.root().join("group/trust.dsse.json"), pair.public.to_json())?)
    }

    pub(super) fn write_group_file(&self) -> Result<()> {
        self.sign_with(&self.group_key)
    }
}
