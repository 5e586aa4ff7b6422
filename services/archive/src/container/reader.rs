//! Reads a ZIP file and accepts one spelling only: every header field as the profile has it, entries in the order of
//! their names, not a byte before, between or after. It is written apart from `builder`, so that neither hides the
//! other's mistakes, and takes nothing of a hostile file on trust.

use std::io::{Read, Seek, SeekFrom};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::fields::{u16_at, u32_at, u64_at};
use super::{Directory, DirectoryError, MAX_DIRECTORY, MAX_ENTRIES, MAX_RATIO, Packed, Stored};

const END: usize = 22;
const LOCATOR: usize = 20;
const END64: usize = 56;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;

/// The DOS stamp that the profile gives every entry of an archive assembled at `at`.
pub(crate) fn modified_at(at: Timestamp) -> u32 {
    let civil = at.to_zoned(TimeZone::UTC).datetime();
    let years = (i32::from(civil.year()) - 1980).clamp(0, 127) as u32;
    let field = |value: i8, shift: u32| (value.max(0) as u32) << shift;
    years << 25
        | field(civil.month(), 21)
        | field(civil.day(), 16)
        | field(civil.hour(), 11)
        | field(civil.minute(), 5)
        | field(civil.second() / 2, 0)
}

/// What a directory entry says.
struct Record {
    name: String,
    deflated: bool,
    crc32: u32,
    size: u64,
    compressed: u64,
    data: u64,
    stamp: u32,
}

/// What the end of the file says about the directory.
struct End {
    entries: u64,
    size: u64,
    offset: u64,
}

impl Record {
    fn stored(self) -> Stored {
        let Self { name, deflated, crc32, size, compressed, data, stamp } = self;
        Stored { name, size, packed: Some(Packed { deflated, crc32, compressed, data, stamp }) }
    }
}

impl Directory {
    /// Reads the directory and checks every header against it.
    pub(crate) fn read<R: Read + Seek + ?Sized>(file: &mut R) -> Result<Self, DirectoryError> {
        let len = file.seek(SeekFrom::End(0))?;
        let end = read_end(file, len)?;
        if end.entries > MAX_ENTRIES || end.size > MAX_DIRECTORY {
            return record("the directory is larger than is read", end.offset);
        }
        let mut central = Cursor { file, at: end.offset, end: end.offset + end.size, buffer: Vec::new(), used: 0 };
        let mut entries: Vec<Record> = Vec::new();
        let mut next_offset = 0;
        for _ in 0..end.entries {
            let at = central.at;
            let entry = read_central(&mut central, next_offset)?;
            if entries.last().is_some_and(|before| before.name >= entry.name) {
                return record("entries are not in the order of distinct names", at);
            }
            // Checked against the end below: what a lying size makes of it cannot wrap.
            next_offset = match entry.data.checked_add(entry.compressed) {
                Some(next) if next <= end.offset => next,
                _ => return record("an entry reaches into the directory", at),
            };
            entries.push(entry);
        }
        if central.at != central.end {
            return record("the directory is longer than its entries", central.at);
        }
        if next_offset != end.offset {
            return record("there are bytes between the last entry and the directory", next_offset);
        }
        entries.iter().try_for_each(|entry| check_local(file, entry))?;
        Ok(Self { entries: entries.into_iter().map(Record::stored).collect(), len })
    }
}

pub(super) fn record<T>(what: &'static str, at: u64) -> Result<T, DirectoryError> {
    Err(DirectoryError::Record { what, at })
}

pub(super) fn read_at<R: Read + Seek + ?Sized>(
    file: &mut R,
    at: u64,
    length: usize,
) -> Result<Vec<u8>, DirectoryError> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_end<R: Read + Seek + ?Sized>(file: &mut R, len: u64) -> Result<End, DirectoryError> {
    let Some(at) = len.checked_sub(END as u64) else { return record("too short for a ZIP file", 0) };
    let bytes = read_at(file, at, END)?;
    let (entries, size, offset) = (u16_at(&bytes, 10), u32_at(&bytes, 12), u32_at(&bytes, 16));
    let fixed = bytes[..8] == *b"PK\x05\x06\0\0\0\0" && u16_at(&bytes, 8) == entries && u16_at(&bytes, 20) == 0;
    if !fixed {
        return record("the file does not end in an end record without comment", at);
    }
    let (end, directory_end) = if entries == u16::MAX || size == u32::MAX || offset == u32::MAX {
        let (end, at64) = read_end64(file, at)?;
        let shown = |value: u64, limit: u64| value.min(limit);
        let agrees = u64::from(entries) == shown(end.entries, 0xFFFF)
            && u64::from(size) == shown(end.size, 0xFFFF_FFFF)
            && u64::from(offset) == shown(end.offset, 0xFFFF_FFFF);
        if !agrees {
            return record("the two end records disagree", at);
        }
        (end, at64)
    } else {
        (End { entries: entries.into(), size: size.into(), offset: offset.into() }, at)
    };
    if end.offset.checked_add(end.size) != Some(directory_end) {
        return record("the directory does not end where the end record begins", directory_end);
    }
    Ok(end)
}

fn read_end64<R: Read + Seek + ?Sized>(file: &mut R, at: u64) -> Result<(End, u64), DirectoryError> {
    let Some(start) = at.checked_sub((LOCATOR + END64) as u64) else {
        return record("the ZIP64 records are missing", at);
    };
    let bytes = read_at(file, start, END64 + LOCATOR)?;
    let (end, locator) = bytes.split_at(END64);
    let end_fixed = end[..4] == *b"PK\x06\x06"
        && u64_at(end, 4) == 44
        && end[12..16] == [45, 3, 45, 0]
        && end[16..24] == [0; 8]
        && u64_at(end, 24) == u64_at(end, 32);
    let locator_fixed =
        locator[..8] == *b"PK\x06\x07\0\0\0\0" && u64_at(locator, 8) == start && u32_at(locator, 16) == 1;
    if !end_fixed || !locator_fixed {
        return record("the ZIP64 end records are not as the profile has them", start);
    }
    Ok((End { entries: u64_at(end, 32), size: u64_at(end, 40), offset: u64_at(end, 48) }, start))
}

/// Reads the directory forward, a few KiB at a time.
struct Cursor<'f, R: ?Sized> {
    file: &'f mut R,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl<R: Read + Seek + ?Sized> Cursor<'_, R> {
    fn take(&mut self, length: usize) -> Result<&[u8], DirectoryError> {
        if self.buffer.len() - self.used < length {
            let (have, left) = ((self.buffer.len() - self.used) as u64, self.end - self.at);
            if left < length as u64 {
                return record("the directory is shorter than its entries", self.at);
            }
            let more = (left - have).min((64 << 10).max(length as u64)) as usize;
            self.buffer.drain(..self.used);
            self.used = 0;
            let bytes = read_at(self.file, self.at + have, more)?;
            self.buffer.extend_from_slice(&bytes);
        }
        let taken = &self.buffer[self.used..self.used + length];
        self.used += length;
        self.at += length as u64;
        Ok(taken)
    }
}

/// Reads one central header whose entry must begin at `offset`.
fn read_central<R: Read + Seek + ?Sized>(central: &mut Cursor<'_, R>, offset: u64) -> Result<Record, DirectoryError> {
    let at = central.at;
    let mut header = [0; CENTRAL];
    header.copy_from_slice(central.take(CENTRAL)?);
    let name_length = usize::from(u16_at(&header, 28));
    let extra_length = usize::from(u16_at(&header, 30));
    let name = central.take(name_length)?.to_vec();
    let extra = central.take(extra_length)?.to_vec();
    let method = u16_at(&header, 10);
    let fixed = header[..6] == *b"PK\x01\x02\x2d\x03"
        && u16_at(&header, 8) == 0x0800
        && (method == 0 || method == 8)
        && header[32..38] == [0; 6]
        && u32_at(&header, 38) == 0x81a4_0000;
    if !fixed {
        return record("a directory entry is not as the profile has it", at);
    }
    let Ok(name) = String::from_utf8(name) else { return record("a name is not UTF-8", at) };
    if name_is_unsafe(&name) {
        return record("a name leaves the archive's folder or is no file's", at);
    }
    let [size, compressed, begins] = wide_fields(&header, &extra)
        .ok_or(DirectoryError::Record { what: "an entry's ZIP64 field is not as the profile has it", at })?;
    let large = size >= 0xFFFF_FFFF || compressed >= 0xFFFF_FFFF;
    let version = if large || begins >= 0xFFFF_FFFF { 45 } else { 20 };
    if u16_at(&header, 6) != version {
        return record("an entry names another version of ZIP than it needs", at);
    }
    if begins != offset {
        return record("an entry does not begin where the one before it ends", at);
    }
    let deflated = method == 8;
    if (!deflated && size != compressed) || (deflated && size / MAX_RATIO > compressed) {
        return record("an entry's sizes cannot be true", at);
    }
    let header_length = (LOCAL + name_length + if large { 20 } else { 0 }) as u64;
    let Some(data) = begins.checked_add(header_length) else { return record("an entry begins beyond the file", at) };
    Ok(Record { name, deflated, crc32: u32_at(&header, 16), size, compressed, data, stamp: u32_at(&header, 12) })
}

/// Size, compressed size and offset: the 32-bit fields, or the ZIP64 ones for exactly those that are all ones.
fn wide_fields(header: &[u8; CENTRAL], extra: &[u8]) -> Option<[u64; 3]> {
    let narrow = [u32_at(header, 24), u32_at(header, 20), u32_at(header, 42)];
    let wide = narrow.iter().filter(|value| **value == u32::MAX).count();
    if wide == 0 {
        return extra.is_empty().then(|| narrow.map(u64::from));
    }
    if extra.len() != 4 + 8 * wide || u16_at(extra, 0) != 1 || usize::from(u16_at(extra, 2)) != 8 * wide {
        return None;
    }
    let mut values = extra[4..].chunks_exact(8).map(|chunk| u64_at(chunk, 0));
    let mut out = [0; 3];
    for (slot, narrow) in out.iter_mut().zip(narrow) {
        *slot = if narrow == u32::MAX { values.next()? } else { narrow.into() };
        if narrow == u32::MAX && *slot < 0xFFFF_FFFF {
            return None;
        }
    }
    Some(out)
}

pub(super) fn name_is_unsafe(name: &str) -> bool {
    let bad_segment = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    name.contains(['\\', '\0', ':']) || name.split('/').any(bad_segment)
}

/// Checks that the local header says what the directory says, byte by byte.
fn check_local<R: Read + Seek + ?Sized>(file: &mut R, entry: &Record) -> Result<(), DirectoryError> {
    let large = entry.size >= 0xFFFF_FFFF || entry.compressed >= 0xFFFF_FFFF;
    let length = LOCAL + entry.name.len() + if large { 20 } else { 0 };
    let at = entry.data - length as u64;
    let header = read_at(file, at, length)?;
    let version = if large || at >= 0xFFFF_FFFF { 45 } else { 20 };
    let narrow = |value: u64| if large { u32::MAX } else { value as u32 };
    let same = header[..4] == *b"PK\x03\x04"
        && u16_at(&header, 4) == version
        && u16_at(&header, 6) == 0x0800
        && u16_at(&header, 8) == if entry.deflated { 8 } else { 0 }
        && u32_at(&header, 10) == entry.stamp
        && u32_at(&header, 14) == entry.crc32
        && u32_at(&header, 18) == narrow(entry.compressed)
        && u32_at(&header, 22) == narrow(entry.size)
        && usize::from(u16_at(&header, 26)) == entry.name.len()
        && usize::from(u16_at(&header, 28)) == if large { 20 } else { 0 }
        && header[LOCAL..LOCAL + entry.name.len()] == *entry.name.as_bytes();
    let extra = &header[LOCAL + entry.name.len()..];
    let extra_same = !large
        || (extra[..4] == [1, 0, 16, 0] && u64_at(extra, 4) == entry.size && u64_at(extra, 12) == entry.compressed);
    if same && extra_same { Ok(()) } else { record("a local header differs from the directory", at) }
}
