//! Reads a ZIP file that some other program wrote of the same files: entries in any order, deflated or not, with data
//! descriptors, extra fields, dates and comments of its own. It notes each departure from the profile's container, and
//! refuses whatever two readers could take for different files: gaps, overlaps, doubles, names or sizes said twice and
//! differently, links, encryption.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use super::departures::Departures;
use super::fields::{u16_at, u32_at, u64_at};
use super::reader::{name_is_unsafe, read_at, record};
use super::{Directory, DirectoryError, MAX_DIRECTORY, MAX_ENTRIES, MAX_RATIO, Packed, Stored};

const END: usize = 22;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// Longest comment at the end of the file.
const MAX_COMMENT: u64 = 65_535;

const FLAG_ENCRYPTED: u16 = 1;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_PATCH: u16 = 1 << 5;
const FLAG_STRONG: u16 = 1 << 6;
const FLAG_UTF8: u16 = 1 << 11;
const FLAG_MASKED: u16 = 1 << 13;

const EXTRA_ZIP64: u16 = 0x0001;
const EXTRA_UNICODE_PATH: u16 = 0x7075;

/// What a directory entry says, beside what is kept of it.
struct Record {
    stored: Stored,
    packed: Packed,
    is_folder: bool,
    flags: u16,
    method: u16,
    offset: u64,
    raw_name: Vec<u8>,
}

/// Reads the directory, checks it against every local header, and returns the files by name.
pub(crate) fn read<R: Read + Seek + ?Sized>(file: &mut R) -> Result<(Directory, Departures), DirectoryError> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut departures = Departures::default();
    let end = find_end(file, len, &mut departures)?;
    if end.entries > MAX_ENTRIES || end.size > MAX_DIRECTORY {
        return record("the directory is larger than is read", end.offset);
    }
    let directory = read_at(file, end.offset, end.size as usize)?;
    let mut records = read_central(&directory, &end, &mut departures)?;
    departures.reordered = !records.is_sorted_by(|a, b| a.stored.name < b.stored.name && a.offset < b.offset);
    records.sort_by_key(|record| record.offset);
    let starts: Vec<u64> = records.iter().map(|record| record.offset).chain([end.offset]).collect();
    if starts.first().is_some_and(|first| *first != 0) {
        return record("there are bytes before the first entry", 0);
    }
    for (entry, next) in records.iter_mut().zip(&starts[1..]) {
        check_local(file, entry, *next, &mut departures)?;
    }
    let mut entries = Vec::with_capacity(records.len());
    let mut names = BTreeSet::new();
    for Record { mut stored, packed, is_folder, offset, .. } in records {
        if !names.insert(stored.name.clone()) {
            return record("two entries have one name", offset);
        }
        if is_folder {
            departures.folders += 1;
            continue;
        }
        stored.packed = Some(packed);
        entries.push(stored);
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((Directory { entries, len }, departures))
}

struct End {
    entries: u64,
    size: u64,
    offset: u64,
}

/// The end record: the last one that the file's end bears out.
fn find_end<R: Read + Seek + ?Sized>(
    file: &mut R,
    len: u64,
    departures: &mut Departures,
) -> Result<End, DirectoryError> {
    let window = len.min(MAX_COMMENT + END as u64);
    let tail = read_at(file, len - window, window as usize)?;
    let found = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").filter(|at| tail.len() - at >= END);
    let Some(at) = found else { return record("no end of a ZIP file was found", len) };
    let bytes = &tail[at..];
    let position = len - window + at as u64;
    let comment = usize::from(u16_at(bytes, 20));
    if bytes.len() != END + comment {
        return record("bytes follow the end of the ZIP file", position);
    }
    departures.comments += u64::from(comment > 0);
    let (entries, size, offset) = (u16_at(bytes, 10), u32_at(bytes, 12), u32_at(bytes, 16));
    if bytes[4..8] != [0; 4] || u16_at(bytes, 8) != entries {
        return record("the archive is split over several files", position);
    }
    let wide = entries == u16::MAX || size == u32::MAX || offset == u32::MAX;
    let locator = if position >= 20 { read_at(file, position - 20, 20)? } else { Vec::new() };
    let (end, before) = if locator.starts_with(b"PK\x06\x07") {
        let at = u64_at(&locator, 8);
        if at.checked_add(56 + 20) != Some(position) {
            return record("the ZIP64 records are not where they are said to be", position);
        }
        let bytes = read_at(file, at, 56)?;
        let end = End { entries: u64_at(&bytes, 32), size: u64_at(&bytes, 40), offset: u64_at(&bytes, 48) };
        let agrees = |narrow: u64, limit: u64, wide: u64| narrow == limit || narrow == wide;
        let agree = agrees(entries.into(), u16::MAX.into(), end.entries)
            && agrees(size.into(), u32::MAX.into(), end.size)
            && agrees(offset.into(), u32::MAX.into(), end.offset);
        if bytes[..4] != *b"PK\x06\x06" || u64_at(&bytes, 4) != 44 || u64_at(&bytes, 24) != end.entries || !agree {
            return record("the two end records disagree", at);
        }
        (end, at)
    } else if wide {
        return record("the ZIP64 records are missing", position);
    } else {
        (End { entries: entries.into(), size: size.into(), offset: offset.into() }, position)
    };
    if end.offset.checked_add(end.size) != Some(before) {
        return record("the directory does not end where the end record begins", before);
    }
    Ok(end)
}

fn read_central(directory: &[u8], end: &End, departures: &mut Departures) -> Result<Vec<Record>, DirectoryError> {
    let mut records = Vec::new();
    let mut at = 0;
    for _ in 0..end.entries {
        let position = end.offset + at as u64;
        let bytes = &directory[at..];
        let short = || DirectoryError::Record { what: "the directory is shorter than its entries", at: position };
        let header = bytes.get(..CENTRAL).ok_or_else(short)?;
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
        let whole = CENTRAL + name + extra + comment;
        let bytes = bytes.get(..whole).ok_or_else(short)?;
        records.push(central(bytes, name, extra, position, departures)?);
        departures.comments += u64::from(comment > 0);
        at += whole;
    }
    if at != directory.len() {
        return record("the directory is longer than its entries", end.offset + at as u64);
    }
    Ok(records)
}

fn central(
    bytes: &[u8],
    name: usize,
    extra: usize,
    at: u64,
    departures: &mut Departures,
) -> Result<Record, DirectoryError> {
    let (flags, method) = (u16_at(bytes, 8), u16_at(bytes, 10));
    if bytes[..4] != *b"PK\x01\x02" {
        return record("a directory entry is none", at);
    }
    if flags & (FLAG_ENCRYPTED | FLAG_PATCH | FLAG_STRONG | FLAG_MASKED) != 0 {
        return record("an entry is encrypted; unpack the archive and verify the folder", at);
    }
    if method != 0 && method != 8 {
        return record(
            "an entry is compressed otherwise than by deflate; unpack the archive and verify the folder",
            at,
        );
    }
    let raw_name = bytes[CENTRAL..CENTRAL + name].to_vec();
    let extra = &bytes[CENTRAL + name..CENTRAL + name + extra];
    let name = name_of(&raw_name, flags, extra, at)?;
    let is_folder = name.ends_with('/');
    let trimmed = name.strip_suffix('/').unwrap_or(&name);
    if name_is_unsafe(trimmed) {
        return record("a name leaves the archive's folder or is no file's", at);
    }
    // Made on Unix or macOS: the mode says whether it is a file, a folder, or something that is neither.
    let mode = u32_at(bytes, 38) >> 16;
    let kind = if matches!(bytes[5], 3 | 19) { mode & 0o170_000 } else { 0 };
    let expected = if is_folder { 0o040_000 } else { 0o100_000 };
    if kind != 0 && kind != expected {
        return record("an entry is a link or another special file", at);
    }
    let [size, compressed, offset] =
        sizes(bytes, extra).ok_or(DirectoryError::Record { what: "an entry's sizes cannot be read", at })?;
    let deflated = method == 8;
    let true_sizes = if deflated { size / MAX_RATIO <= compressed } else { size == compressed };
    if !true_sizes || (is_folder && size != 0) {
        return record("an entry's sizes cannot be true", at);
    }
    departures.extra_fields += u64::from(fields(extra).any(|field| field.is_none_or(|(id, _)| id != EXTRA_ZIP64)));
    let stored = Stored { name, size, packed: None };
    // Where the data begin is known from the local header only.
    let packed = Packed { deflated, crc32: u32_at(bytes, 16), compressed, data: 0, stamp: u32_at(bytes, 12) };
    Ok(Record { stored, packed, is_folder, flags, method, offset, raw_name })
}

/// The name in UTF-8, as every reader must take it.
fn name_of(raw: &[u8], flags: u16, extra: &[u8], at: u64) -> Result<String, DirectoryError> {
    let unicode = fields(extra).flatten().find(|(id, _)| *id == EXTRA_UNICODE_PATH).map(|(_, data)| data);
    let unicode = match unicode {
        // One byte of version and a checksum of the other name stand before it.
        Some(data) if data.len() > 5 && u32_at(data, 1) == crc32fast::hash(raw) => Some(&data[5..]),
        _ => None,
    };
    if flags & FLAG_UTF8 != 0 && unicode.is_some_and(|unicode| unicode != raw) {
        return record("an entry has two names", at);
    }
    String::from_utf8(unicode.unwrap_or(raw).to_vec())
        .or_else(|_| record("a name is not UTF-8; unpack the archive and verify the folder", at))
}

/// The extra fields: id and data of each, or `None` for what cannot be read.
fn fields(extra: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let mut rest = extra;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = rest.get(..4).and_then(|head| {
            let (id, length) = (u16_at(head, 0), usize::from(u16_at(head, 2)));
            let data = rest.get(4..4 + length)?;
            rest = &rest[4 + length..];
            Some((id, data))
        });
        if read.is_none() {
            rest = &[];
        }
        Some(read)
    })
}

/// Size, compressed size and offset of a directory entry.
fn sizes(header: &[u8], extra: &[u8]) -> Option<[u64; 3]> {
    let narrow = [u32_at(header, 24), u32_at(header, 20), u32_at(header, 42)];
    let wide = fields(extra).flatten().find(|(id, _)| *id == EXTRA_ZIP64).map_or(&[][..], |(_, data)| data);
    let mut wide = wide.chunks_exact(8).map(|chunk| u64_at(chunk, 0));
    let mut out = [0; 3];
    for (slot, narrow) in out.iter_mut().zip(narrow) {
        *slot = if narrow == u32::MAX { wide.next()? } else { narrow.into() };
    }
    Some(out)
}

/// The local header says the same, and the entry fills its place up to `next`.
fn check_local<R: Read + Seek + ?Sized>(
    file: &mut R,
    entry: &mut Record,
    next: u64,
    departures: &mut Departures,
) -> Result<(), DirectoryError> {
    let at = entry.offset;
    let outside = || DirectoryError::Record { what: "an entry reaches into what follows it", at };
    let end_of_header = at.checked_add(LOCAL as u64).filter(|end| *end <= next).ok_or_else(outside)?;
    let header = read_at(file, at, LOCAL)?;
    let (name, extra) = (u64::from(u16_at(&header, 26)), u64::from(u16_at(&header, 28)));
    let data = end_of_header + name + extra;
    let end = data.checked_add(entry.packed.compressed).filter(|end| *end <= next).ok_or_else(outside)?;
    let tail = read_at(file, end_of_header, (name + extra) as usize)?;
    let (raw_name, extra) = tail.split_at(name as usize);
    let flags = u16_at(&header, 6);
    let described = flags & FLAG_DESCRIPTOR != 0;
    let local = Sizes { crc32: u32_at(&header, 14), compressed: u32_at(&header, 18), size: u32_at(&header, 22) };
    let same = header[..4] == *b"PK\x03\x04"
        && raw_name == entry.raw_name
        && u16_at(&header, 8) == entry.method
        && described == (entry.flags & FLAG_DESCRIPTOR != 0)
        && flags & FLAG_UTF8 == entry.flags & FLAG_UTF8
        && local.agrees(entry, extra, described);
    if !same {
        return record("a local header differs from the directory", at);
    }
    let after = read_at(file, end, (next - end).min(25) as usize)?;
    let fits = if described { is_descriptor(&after, entry) } else { after.is_empty() };
    if !fits {
        return record("there are bytes between entries", end);
    }
    departures.descriptors += u64::from(described);
    departures.extra_fields +=
        u64::from(!extra.is_empty() && fields(extra).any(|f| f.is_none_or(|(id, _)| id != EXTRA_ZIP64)));
    entry.packed.data = data;
    Ok(())
}

/// The sizes of a local header.
struct Sizes {
    crc32: u32,
    compressed: u32,
    size: u32,
}

impl Sizes {
    fn agrees(&self, entry: &Record, extra: &[u8], described: bool) -> bool {
        let (packed, size) = (&entry.packed, entry.stored.size);
        if described && self.crc32 == 0 && (self.compressed == 0 || self.compressed == u32::MAX) {
            // Whoever streams the file reads the descriptor, which is compared on its own.
            return true;
        }
        let wide = fields(extra).flatten().find(|(id, _)| *id == EXTRA_ZIP64).map(|(_, data)| data);
        let is = |narrow: u32, value: u64, slot: usize| {
            let wide = wide.and_then(|data| data.get(slot..slot + 8)).map(|data| u64_at(data, 0));
            if narrow == u32::MAX { wide == Some(value) } else { u64::from(narrow) == value }
        };
        self.crc32 == packed.crc32 && is(self.size, size, 0) && is(self.compressed, packed.compressed, 8)
    }
}

/// A data descriptor with or without its signature, with narrow or wide sizes.
fn is_descriptor(bytes: &[u8], entry: &Record) -> bool {
    let body = match bytes.len() {
        12 | 20 => bytes,
        16 | 24 if bytes.starts_with(b"PK\x07\x08") => &bytes[4..],
        _ => return false,
    };
    let (crc32, compressed, size) = (entry.packed.crc32, entry.packed.compressed, entry.stored.size);
    let said = if body.len() == 12 {
        (u64::from(u32_at(body, 4)), u64::from(u32_at(body, 8)))
    } else {
        (u64_at(body, 4), u64_at(body, 12))
    };
    u32_at(body, 0) == crc32 && said == (compressed, size)
}
