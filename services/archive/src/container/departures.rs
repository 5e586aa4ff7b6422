//! How a container differs from the one that was written, though what is in it may be the same.

/// What another program changed when it packed or unpacked an archive.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    /// What the strict reader stopped at.
    pub(crate) first: Option<String>,
    /// Whether it is a folder on a disk, without a container.
    pub(crate) unpacked: bool,
    /// Entries in another order than that of their names.
    pub(crate) reordered: bool,
    /// Entries for folders.
    pub(crate) folders: u64,
    /// Entries with data descriptors.
    pub(crate) descriptors: u64,
    /// Headers with extra fields.
    pub(crate) extra_fields: u64,
    /// Comments.
    pub(crate) comments: u64,
    /// Entries with another date than the assembly's.
    pub(crate) stamps: u64,
    /// Parts that are deflated anew, or stored.
    pub(crate) recompressed: u64,
    /// The archive's own files that are deflated.
    pub(crate) deflated: u64,
    /// The top folder has another name than the case.
    pub(crate) renamed: bool,
    /// Files beside the archive's folder, which nothing covers.
    pub(crate) strays: u64,
}

impl Departures {
    /// Each departure in words.
    pub(crate) fn list(&self) -> Vec<String> {
        let files = |number: u64| if number == 1 { "1 file".to_owned() } else { format!("{number} files") };
        let counted = [
            (self.folders, "folders have entries of their own"),
            (self.descriptors, "sizes stand behind the data (data descriptors)"),
            (self.extra_fields, "headers carry extra fields"),
            (self.comments, "comments were added"),
            (self.stamps, "dates are not when the archive was assembled"),
            (self.recompressed, "parts are compressed otherwise than the entity carried them"),
            (self.deflated, "the archive's own files are deflated; they were stored"),
        ];
        let mut list = Vec::new();
        if self.unpacked {
            list.push("it is an unpacked folder: dates, order and compression are gone".to_owned());
        }
        if self.reordered {
            list.push("entries stand in another order".to_owned());
        }
        list.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what} ({n})")));
        if self.renamed {
            list.push("its folder is not named after the case".to_owned());
        }
        if self.strays > 0 {
            list.push(format!("{} beside its folder are not part of it; nobody signed them", files(self.strays)));
        }
        // The strict reader's word only where no other says it better.
        list.extend(self.first.clone().filter(|_| list.is_empty()));
        list
    }
}
