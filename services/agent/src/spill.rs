//! What a walk must remember, in bounded memory: which rows and values it has seen, and which values it has yet to
//! look up. What does not fit goes to a temporary file that has no name and holds nothing readable: keyed hashes and
//! sealed values, under keys that die with the walk.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use crate::value::{Tuple, Value, read_key};

/// Why the memory of a walk failed. Says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The disk is full.
    #[error("the disk of the data directory is full; make room there")]
    DiskFull,
    /// Another failure of the disk.
    #[error("a walk's temporary file failed: {0}")]
    Io(io::Error),
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// What was read back is not what was written.
    #[error("a walk's temporary file does not read back")]
    Altered,
}

impl From<io::Error> for SpillError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}

impl From<rusqlite::Error> for SpillError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            // SQLite's text names tables of ours, never values.
            _ => Self::Io(io::Error::other(error.to_string())),
        }
    }
}

/// How much a walk remembers before it spills.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Rows and values seen, of 16 bytes each.
    pub seen: usize,
    /// Bytes of values yet to be looked up.
    pub frontier: usize,
}

impl Memory {
    /// Shares `bytes` out: half for what was seen (a hash takes about 24 bytes with its table), a quarter for values.
    pub fn of(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { seen: (bytes / 48).max(16), frontier: bytes / 4 }
    }
}

/// The memory of one walk.
pub struct Spill {
    folder: PathBuf,
    limit: Memory,
    // Two keyed hashes make 128 bits. Their keys are random for each walk.
    hashers: [RandomState; 2],
    recent: HashSet<u128, BuildHasherDefault<AsIs>>,
    queues: Vec<Queue>,
    held: usize,
    file: Option<Connection>,
    cipher: LessSafeKey,
    chunks: i64,
    /// Room for one value's bytes.
    key: Zeroizing<Vec<u8>>,
}

/// Hashes what is a keyed hash already: its lower half.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        // Only numbers are hashed here; this keeps any other use right, if slow.
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Values yet to be looked up by one lookup: first in, first out.
#[derive(Default)]
struct Queue {
    head: Zeroizing<Vec<u8>>,
    at: usize,
    spilled: std::collections::VecDeque<i64>,
    tail: Zeroizing<Vec<u8>>,
    count: u64,
    /// Whether anything but plain whole numbers was ever in it.
    mixed: bool,
}

impl Spill {
    /// The memory of a walk with `lookups` queues. The file, if one is needed, is made in `folder`.
    ///
    /// # Errors
    /// When the system's random source fails.
    pub fn new(folder: &Path, lookups: usize, limit: Memory) -> Result<Self, SpillError> {
        let mut key = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| SpillError::Random)?;
        let cipher = UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| SpillError::Random)?;
        Ok(Self {
            folder: folder.to_owned(),
            limit,
            hashers: [RandomState::new(), RandomState::new()],
            recent: HashSet::default(),
            queues: (0..lookups).map(|_| Queue::default()).collect(),
            held: 0,
            file: None,
            cipher: LessSafeKey::new(cipher),
            chunks: 0,
            key: Zeroizing::default(),
        })
    }

    /// Whether anything went to the file.
    pub fn spilled(&self) -> bool {
        self.file.is_some()
    }

    /// Remembers `bytes` as a member of `set`; returns whether it was not one before.
    pub fn first_time(&mut self, set: u64, bytes: &[u8]) -> Result<bool, SpillError> {
        let hash = self.hash(set, bytes);
        if !self.recent.insert(hash) {
            return Ok(false);
        }
        if self.on_disk(hash)? {
            self.recent.remove(&hash);
            return Ok(false);
        }
        if self.recent.len() >= self.limit.seen.max(1) {
            self.flush_seen()?;
        }
        Ok(true)
    }

    fn hash(&self, set: u64, bytes: &[u8]) -> u128 {
        let [low, high] = self.hashers.each_ref().map(|state| {
            let mut hasher = state.build_hasher();
            hasher.write_u64(set);
            hasher.write(bytes);
            u128::from(hasher.finish())
        });
        high << 64 | low
    }

    fn on_disk(&self, hash: u128) -> Result<bool, SpillError> {
        let Some(file) = &self.file else { return Ok(false) };
        let mut statement = file.prepare_cached("SELECT 1 FROM seen WHERE hash = ?1")?;
        Ok(statement.query_row([hash.to_be_bytes()], |_| Ok(())).optional()?.is_some())
    }

    fn flush_seen(&mut self) -> Result<(), SpillError> {
        let mut hashes: Vec<u128> = self.recent.drain().collect();
        // In key order, so that the tree's pages are written once.
        hashes.sort_unstable();
        let transaction = self.file()?.unchecked_transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO seen (hash) VALUES (?1)")?;
            for hash in hashes {
                insert.execute([hash.to_be_bytes()])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Puts a value at the end of a queue, unless it was a member of `set` before.
    pub fn push_new(&mut self, set: u64, lookup: usize, tuple: &[Value]) -> Result<(), SpillError> {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        tuple.iter().for_each(|value| value.write_key(&mut key));
        let is_new = self.first_time(set, &key);
        if matches!(is_new, Ok(true)) {
            let queue = &mut self.queues[lookup];
            queue.tail.extend_from_slice(&key);
            queue.count += 1;
            queue.mixed |= !tuple.iter().all(is_plain);
            self.held += key.len();
        }
        self.key = key;
        is_new?;
        if self.held > self.limit.frontier { self.flush_largest() } else { Ok(()) }
    }

    /// Values waiting in a queue.
    pub fn waiting(&self, lookup: usize) -> u64 {
        self.queues[lookup].count
    }

    /// Whether only whole numbers, small enough for any column to keep them apart, were ever put in a queue. Other
    /// values may be different and still find one row: `42` and `042` in a numeric column, `a` and `A` under NOCASE.
    pub fn only_plain_numbers(&self, lookup: usize) -> bool {
        !self.queues[lookup].mixed
    }

    /// Takes up to `max` values of `width` fields each from the front of a queue.
    pub fn take(&mut self, lookup: usize, width: usize, max: usize) -> Result<Vec<Tuple>, SpillError> {
        let mut taken = Vec::new();
        while taken.len() < max && self.queues[lookup].count > 0 {
            self.fill_head(lookup)?;
            let queue = &mut self.queues[lookup];
            let mut rest = &queue.head[queue.at..];
            let mut tuple = Tuple::with_capacity(width);
            for _ in 0..width {
                let (value, after) = read_key(rest).ok_or(SpillError::Altered)?;
                tuple.push(value);
                rest = after;
            }
            queue.at = queue.head.len() - rest.len();
            queue.count -= 1;
            taken.push(tuple);
        }
        Ok(taken)
    }

    /// Drops what waits in a queue.
    pub fn clear(&mut self, lookup: usize) {
        let mixed = self.queues[lookup].mixed;
        let queue = std::mem::replace(&mut self.queues[lookup], Queue { mixed, ..Queue::default() });
        self.held -= queue.tail.len() + queue.head.len();
    }

    fn fill_head(&mut self, lookup: usize) -> Result<(), SpillError> {
        let queue = &mut self.queues[lookup];
        if queue.at < queue.head.len() {
            return Ok(());
        }
        self.held -= queue.head.len();
        queue.at = 0;
        match queue.spilled.pop_front() {
            None => queue.head = std::mem::take(&mut queue.tail),
            Some(number) => {
                let head = self.read_chunk(number)?;
                self.held += head.len();
                self.queues[lookup].head = head;
            }
        }
        Ok(())
    }

    fn flush_largest(&mut self) -> Result<(), SpillError> {
        let Some(lookup) = (0..self.queues.len()).max_by_key(|&n| self.queues[n].tail.len()) else { return Ok(()) };
        let mut chunk = std::mem::take(&mut self.queues[lookup].tail);
        self.held -= chunk.len();
        let number = self.chunks;
        self.chunks += 1;
        self.cipher
            .seal_in_place_append_tag(nonce(number), Aad::empty(), &mut *chunk)
            .map_err(|_| SpillError::Altered)?;
        self.file()?.execute("INSERT INTO chunk (number, sealed) VALUES (?1, ?2)", (number, chunk.as_slice()))?;
        self.queues[lookup].spilled.push_back(number);
        Ok(())
    }

    fn read_chunk(&mut self, number: i64) -> Result<Zeroizing<Vec<u8>>, SpillError> {
        let file = self.file()?;
        let mut chunk: Vec<u8> =
            file.query_row("DELETE FROM chunk WHERE number = ?1 RETURNING sealed", [number], |row| row.get(0))?;
        let plain =
            self.cipher.open_in_place(nonce(number), Aad::empty(), &mut chunk).map_err(|_| SpillError::Altered)?.len();
        chunk.truncate(plain);
        Ok(Zeroizing::new(chunk))
    }

    fn file(&mut self) -> Result<&Connection, SpillError> {
        if self.file.is_none() {
            self.file = Some(unnamed_database(&self.folder)?);
        }
        self.file.as_ref().ok_or(SpillError::Altered)
    }
}

/// A database in a file that has lost its name, so that nothing is left behind however the process ends.
fn unnamed_database(folder: &Path) -> Result<Connection, SpillError> {
    let path = folder.join(format!("walk-{}.tmp", uuid::Uuid::new_v4().simple()));
    let connection = Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA cache_size = -4096;
         CREATE TABLE seen (hash BLOB PRIMARY KEY) WITHOUT ROWID;
         CREATE TABLE chunk (number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);",
    )?;
    std::fs::remove_file(&path)?;
    Ok(connection)
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Integer(n) if n.unsigned_abs() <= 1 << 53)
}

fn nonce(number: i64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Memory = Memory { seen: 10, frontier: 200 };

    #[test]
    fn a_value_is_new_once_whether_or_not_it_spilled() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 1, TINY).unwrap();
        for round in [true, false] {
            for n in 0..1000_u64 {
                assert_eq!(spill.first_time(1, &n.to_be_bytes()).unwrap(), round, "{n}");
            }
        }
        assert!(spill.first_time(2, &1_u64.to_be_bytes()).unwrap(), "another set");
        assert!(spill.spilled());
    }

    #[test]
    fn values_come_out_in_the_order_in_which_they_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 2, TINY).unwrap();
        for n in 0..500 {
            let tuple = [Value::Integer(n as i64), Value::Text(b"anna@example.org".to_vec())];
            spill.push_new(0, n % 2, &tuple).unwrap();
        }
        assert_eq!(spill.waiting(1), 250);
        let mut out = Vec::new();
        while spill.waiting(1) > 0 {
            out.extend(spill.take(1, 2, 7).unwrap());
        }
        assert!(out.iter().zip(0..).all(|(tuple, n)| tuple[0] == Value::Integer(2 * n + 1)));
        assert_eq!(out.len(), 250);
        spill.clear(0);
        assert_eq!(spill.waiting(0), 0);
    }

    #[test]
    fn the_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 1, TINY).unwrap();
        for n in 0..100 {
            spill.push_new(0, 0, &[Value::Integer(n), Value::Text(b"anna@example.org".to_vec())]).unwrap();
        }
        assert!(spill.spilled());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
