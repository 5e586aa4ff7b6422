//! Files that people give: streamed into the encrypted spool whatever their size, named and typed so that an archive can
//! hold them.

use std::io;

use tokio::sync::mpsc::Receiver;
use tributary_archive::frames::ContentKey;
use tributary_archive::information::Information;
use tributary_archive::part::{Encoding, Part, PartPath};
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_model::id::{FidesKey, InstructionId};

use super::GivenFile;
use super::table::{InvalidTable, TableCheck};
use crate::collect::{PartSink, SinkError};
use crate::encode::part::Writer;
use crate::ledger::GIVEN;
use crate::spool::{PartName, PartWriter, Spool, SpoolFull};

/// Longest name of a given file, in characters.
const MAX_NAME: usize = 80;

/// What the ends of names say about content. What is not here travels as bytes, which every reader accepts.
const TYPES: [(&str, &str); 26] = [
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eml", "message/rfc822"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rtf", "application/rtf"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
];

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// No room is left.
    #[error("{0}")]
    Full(String),
    /// It cannot stand in for a table.
    #[error(transparent)]
    Table(#[from] InvalidTable),
    /// The other side broke off.
    #[error("the file did not come to its end")]
    Cut,
    /// The spool failed.
    #[error("spool: {0}")]
    Io(io::Error),
}

impl From<SinkError> for NotTaken {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Full(reason) => Self::Full(reason),
            SinkError::Io(error) => error.into(),
        }
    }
}

impl From<io::Error> for NotTaken {
    fn from(error: io::Error) -> Self {
        match SpoolFull::cause(&error) {
            Some(full) => Self::Full(full.to_string()),
            None => Self::Io(error),
        }
    }
}

/// Where a file's bytes go.
struct SpoolFile {
    writer: Option<PartWriter>,
}

impl PartSink for SpoolFile {
    fn table(&mut self, _: &Table) -> Result<(), SinkError> {
        Ok(())
    }

    fn begin(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, carried: &[u8]) -> Result<(), SinkError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write(carried)).map_err(SinkError::Io)
    }

    fn finish(&mut self, _: &Part) -> Result<(), SinkError> {
        Ok(())
    }

    fn preview(&mut self, _: &Preview) -> Result<(), SinkError> {
        Ok(())
    }

    fn information(&mut self, _: &Information) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Which file it is to be.
pub(super) struct Place<'a> {
    pub(super) spool: &'a Spool,
    pub(super) key: &'a ContentKey,
    pub(super) instruction: InstructionId,
    pub(super) number: u32,
}

/// Takes a file's bytes, `None` of them being its end, and brings them to the disk. What fails leaves nothing behind.
pub(super) fn take(
    place: &Place<'_>,
    name: &str,
    check: Option<TableCheck>,
    bytes: Receiver<Option<Vec<u8>>>,
) -> Result<GivenFile, NotTaken> {
    let file = PartName { instruction: place.instruction, generation: GIVEN, index: place.number };
    place.spool.begin(place.instruction, GIVEN)?;
    let taken = write(place, file, name, check, bytes);
    if taken.is_err()
        && let Err(error) = place.spool.remove_part(file)
    {
        tracing::warn!(%error, "a file that was not taken could not be removed; it goes with its export");
    }
    taken
}

/// Reads a file's bytes as [`take`] does, and keeps none of them.
pub(super) fn measure(name: &str, bytes: Receiver<Option<Vec<u8>>>) -> Result<GivenFile, NotTaken> {
    pass(&mut SpoolFile { writer: None }, 0, name, None, bytes)
}

fn write(
    place: &Place<'_>,
    file: PartName,
    name: &str,
    check: Option<TableCheck>,
    bytes: Receiver<Option<Vec<u8>>>,
) -> Result<GivenFile, NotTaken> {
    let mut sink = SpoolFile { writer: Some(place.spool.create(file, place.key)?) };
    let given = pass(&mut sink, place.number, name, check, bytes)?;
    if let Some(writer) = sink.writer.take() {
        writer.finish()?;
    }
    place.spool.sync_part(file)?;
    Ok(given)
}

fn pass(
    sink: &mut SpoolFile,
    number: u32,
    name: &str,
    mut check: Option<TableCheck>,
    mut bytes: Receiver<Option<Vec<u8>>>,
) -> Result<GivenFile, NotTaken> {
    let media_type = media_type(name);
    let encoding = if check.is_some() || is_text(media_type) { Encoding::Deflate } else { Encoding::Identity };
    let mut writer = Writer::new(sink);
    writer.begin(encoding)?;
    loop {
        match bytes.blocking_recv() {
            Some(Some(piece)) => {
                if let Some(check) = &mut check {
                    check.look(&piece)?;
                }
                writer.write(&piece)?;
            }
            Some(None) => break,
            None => return Err(NotTaken::Cut),
        }
    }
    let rows = check.map_or(Ok(0), TableCheck::finish)?;
    let measured = writer.end()?;
    Ok(GivenFile {
        number,
        name: plain_name(name),
        media_type: media_type.to_owned(),
        encoding: measured.encoding,
        rows,
        bytes: measured.bytes,
        encoded_bytes: measured.encoded_bytes,
        crc32: measured.crc32,
        sha256: measured.sha256,
        encoded_sha256: measured.encoded_sha256,
    })
}

/// What the end of a name says about content.
fn media_type(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    TYPES.iter().find(|(known, _)| *known == end).map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Whether deflating is worth its time; most other types are compressed already.
fn is_text(media_type: &str) -> bool {
    let textual = ["application/json", "application/rtf", "application/xml", "image/bmp", "message/rfc822"];
    media_type.starts_with("text/") || textual.contains(&media_type)
}

/// A name without folders and control characters, cut before its end where it is too long.
fn plain_name(name: &str) -> String {
    let name: String = name.rsplit(['/', '\\']).next().unwrap_or(name).chars().filter(|c| !c.is_control()).collect();
    let name = name.trim().trim_start_matches('.');
    if name.is_empty() {
        return "file".to_owned();
    }
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && end.len() <= 10 => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    let stem: String = stem.chars().take(MAX_NAME.saturating_sub(end.chars().count())).collect();
    format!("{stem}{end}")
}

/// Where a given file lies in its entity's folder: numbered, so that no two meet, and under the name it was given.
pub(crate) fn name_in_path(dataset: &FidesKey, collection: &str, number: u32, name: &str) -> PartPath {
    PartPath::encode(&[dataset.as_str(), &format!("{collection}-given"), &format!("{number:04}-{name}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder_and_keeps_its_end() {
        let key: FidesKey = "paper".parse().unwrap();
        for (given, kept) in [
            ("letter.pdf", "letter.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\scan 1.TIFF", "scan 1.TIFF"),
            ("..", "file"),
            ("a\u{0}b.txt", "ab.txt"),
            ("", "file"),
        ] {
            assert_eq!(plain_name(given), kept, "{given}");
            let path = name_in_path(&key, "archive", 7, &plain_name(given));
            assert!(path.as_str().starts_with("paper/archive-given/0007-"), "{path}");
            assert_eq!(path.as_str().parse::<PartPath>().as_ref(), Ok(&path));
        }
        let long = format!("{}.pdf", "ü".repeat(300));
        let path = name_in_path(&key, &"c".repeat(300), 1, &plain_name(&long));
        assert!(path.as_str().len() <= 200 && path.as_str().ends_with(".pdf"), "{path}");
        assert_eq!(path.as_str().parse::<PartPath>().as_ref(), Ok(&path));
    }

    #[test]
    fn the_end_of_a_name_says_what_is_in_it() {
        assert_eq!(media_type("Scan.PDF"), "application/pdf");
        assert_eq!(media_type("notes.txt"), "text/plain");
        assert_eq!(media_type("strange.xyz"), "application/octet-stream");
        assert_eq!(media_type("none"), "application/octet-stream");
    }
}
