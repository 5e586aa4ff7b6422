//! Receiving one part: verified against its descriptor while it streams, encrypted as carried, staged when it is right.
//!
//! Nothing here waits for anybody; `entity` feeds it from the wire on blocking threads. Neighbours: `objects`, where
//! the bytes go, and `attest`, which checks that the staged parts are the attested ones.

mod plain;

use std::io::{self, Write};

use tributary_archive::digest::Hasher;
use tributary_archive::frames::ContentKey;
use tributary_archive::part::{Encoding, Part};
use tributary_model::id::CaseId;

use self::plain::Plain;
use crate::objects::{ObjectWriter, Objects};

/// How a part's bytes differ from what its descriptor announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// More bytes than announced.
    #[error("it has more bytes than announced")]
    TooLong,
    /// Fewer bytes than announced.
    #[error("it ended before its announced size")]
    TooShort,
    /// Not one deflate stream that ends with the last byte.
    #[error("its bytes are not one deflate stream that ends with the last byte")]
    Deflate,
    /// More or fewer plain bytes than announced.
    #[error("its plain content is not of the announced size")]
    PlainSize,
    /// A digest differs.
    #[error("its {0} is not the announced one")]
    Digest(&'static str),
    /// Bytes from another place than asked for.
    #[error("its bytes were sent from another offset than the one asked for")]
    Offset,
    /// A message that is empty or too large.
    #[error("a message with its bytes is empty or larger than 256 KiB")]
    Message,
}

/// Why a part is not staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The agent sent something else than it announced.
    #[error("the part is not as announced: {0}")]
    Agent(#[from] PartFault),
    /// It could not be written; see [`crate::objects::is_full`].
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A part that is verified and durable.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// Name of its object, which holds the bytes as carried.
    pub object: String,
    /// Its descriptor, which the bytes have.
    pub part: Part,
}

/// Bytes of a part, as carried and plain, up to which it is small: verified in well under a millisecond.
const SMALL: (u64, u64) = (16 * 1024, 128 * 1024);

/// Receives one part, in order. Holds one frame, one inflate window and one buffer, whatever the part's size.
pub struct Receiver(Box<State>);

/// Boxed, since receivers are handed from thread to thread.
struct State {
    part: Part,
    sink: Sink,
    carried: Hasher,
    plain: Plain,
    received: u64,
}

/// Where the bytes go.
enum Sink {
    /// Of a small part: its object is made when all of it is there and right.
    Held {
        bytes: Vec<u8>,
        objects: Objects,
        case: CaseId,
        key: ContentKey,
    },
    Object(ObjectWriter),
}

impl Sink {
    fn write(&mut self, carried: &[u8]) -> io::Result<()> {
        match self {
            Self::Held { bytes, .. } => bytes.extend_from_slice(carried),
            Self::Object(writer) => writer.write_all(carried)?,
        }
        Ok(())
    }

    /// Makes the object durable and returns its name.
    fn finish(self) -> io::Result<String> {
        match self {
            Self::Held { bytes, objects, case, key } => {
                objects.room_for(bytes.len() as u64)?;
                objects.write(case, &key, &bytes)
            }
            Self::Object(writer) => writer.finish(),
        }
    }
}

impl Receiver {
    /// Begins to receive `part` of `case`, whose descriptor must be checked, into a new object.
    ///
    /// # Errors
    /// When there is no room for it, or what else the file system says.
    pub fn begin(part: Part, objects: &Objects, case: CaseId, key: &ContentKey) -> io::Result<Self> {
        let sink = if Self::is_light(&part) {
            Sink::Held { bytes: Vec::new(), objects: objects.clone(), case, key: key.clone() }
        } else {
            objects.room_for(part.encoded_bytes)?;
            Sink::Object(objects.create(case, key)?)
        };
        let plain = Plain::new(part.encoding, part.bytes);
        Ok(Self(Box::new(State { part, sink, carried: Hasher::new(), plain, received: 0 })))
    }

    /// Whether a part is so small that to receive it, but for [`Receiver::finish`], neither blocks nor takes long.
    pub(crate) fn is_light(part: &Part) -> bool {
        part.encoded_bytes <= SMALL.0 && part.bytes <= SMALL.1
    }

    /// The descriptor.
    pub fn part(&self) -> &Part {
        &self.0.part
    }

    /// Bytes received, as carried: where to go on after a cut.
    pub fn received(&self) -> u64 {
        self.0.received
    }

    /// Bytes still missing.
    pub fn missing(&self) -> u64 {
        self.0.part.encoded_bytes - self.0.received
    }

    /// Takes the next bytes. After an error the part must be received anew.
    ///
    /// # Errors
    /// What the agent did wrong, or why they could not be written. Bytes beyond an announced size are never written.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), StageError> {
        let length = bytes.len() as u64;
        if length > self.missing() {
            return Err(PartFault::TooLong.into());
        }
        self.0.carried.update(bytes);
        self.0.plain.push(bytes)?;
        self.0.sink.write(bytes)?;
        self.0.received += length;
        Ok(())
    }

    /// Checks the whole and makes it durable.
    ///
    /// # Errors
    /// As [`Receiver::push`]; nothing is left behind then.
    pub fn finish(self) -> Result<Staged, StageError> {
        let State { part, sink, carried, plain, received } = *self.0;
        if received != part.encoded_bytes {
            return Err(PartFault::TooShort.into());
        }
        let carried = carried.finish();
        if carried != part.encoded_sha256 {
            return Err(PartFault::Digest("SHA-256 as carried").into());
        }
        let plain = plain.finish()?;
        if plain.bytes != part.bytes {
            return Err(PartFault::PlainSize.into());
        }
        if plain.crc32 != part.crc32 {
            return Err(PartFault::Digest("CRC-32").into());
        }
        // What is carried as it is has been hashed once already.
        let sha256 = if part.encoding == Encoding::Identity { Some(carried) } else { plain.sha256 };
        if sha256 != Some(part.sha256) {
            return Err(PartFault::Digest("SHA-256").into());
        }
        Ok(Staged { object: sink.finish()?, part })
    }
}

/// Paths of parts may hold names of people's files.
impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staged").field("object", &self.object).field("part", &self.part.index).finish()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("part", &self.part().index).field("received", &self.received()).finish()
    }
}

#[cfg(test)]
mod tests;
