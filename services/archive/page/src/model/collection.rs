//! One kind of data of one entity: what its columns mean, the rows of its preview, and the files that hold all of it.

use std::borrow::Cow;

use super::hidden::{Hidden, HiddenReason};
use super::text::Text;

/// A collection that the entity handed over, whole or in part, open or sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collection<'a> {
    /// The dataset it belongs to, as it is named in the files.
    pub dataset: &'a str,
    /// The dataset's name for people, which heads its collections.
    pub dataset_title: Option<Text<'a>>,
    /// What the dataset is.
    pub dataset_description: Option<Text<'a>>,
    /// Its own name, as in the files.
    pub name: &'a str,
    /// Its name for people.
    pub title: Option<Text<'a>>,
    /// What it holds.
    pub description: Option<Text<'a>>,
    /// The columns, in the order of every row. Empty when only files are known.
    pub columns: Vec<Column<'a>>,
    /// The rows shown, each with one cell per column.
    pub rows: Vec<Vec<Cell<'a>>>,
    /// Rows in all files together.
    pub total_rows: u64,
    /// The files with the rows, in order.
    pub files: Vec<FileLink<'a>>,
    /// Whether the files are encrypted to the person; then there are no rows to show.
    pub sealed: bool,
    /// What is hidden in it because it is about others.
    pub hidden: Vec<Hidden>,
}

/// A column of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column<'a> {
    /// Its name in the files.
    pub name: &'a str,
    /// Its name for people.
    pub title: Option<Text<'a>>,
    /// What it means.
    pub description: Option<Text<'a>>,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its numbers.
    pub unit: Option<&'a str>,
    /// What its values stand for, where they are codes.
    pub codes: Vec<Code<'a>>,
    /// Fideslang data categories.
    pub categories: Vec<&'a str>,
}

/// What the values of a column are, as far as it matters for showing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Text, and whatever is shown as it stands.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A calendar date, `2026-03-05`.
    Date,
    /// A date and time as in RFC 3339; the zone may be missing.
    Datetime,
}

/// A value that stands for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code<'a> {
    /// The value as it stands in the rows.
    pub value: &'a str,
    /// What it means.
    pub label: Text<'a>,
}

/// A cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value, which is not the empty text.
    Null,
    /// The value, to be shown by its column's kind.
    Text(&'a str),
    /// The value is a file of its own.
    File {
        /// Its path below the entity's folder.
        path: &'a str,
    },
    /// The beginning of a value that is too long to show.
    Cut {
        /// The beginning.
        text: &'a str,
        /// Bytes of the whole value.
        bytes: u64,
    },
    /// Hidden, whether or not there is a value.
    Hidden(HiddenReason),
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink<'a> {
    /// Its path below the entity's folder, as the file is called there.
    pub path: Cow<'a, str>,
    /// Rows in it; `None` where that does not apply or is not known.
    pub rows: Option<u64>,
    /// Bytes of it.
    pub bytes: u64,
}

/// Documents, images and other files of the person at one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachments<'a> {
    /// The files to list. A person with 50,000 of them is better served by the folder: give the first few hundred.
    pub files: Vec<FileLink<'a>>,
    /// How many there are in all.
    pub total: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}
