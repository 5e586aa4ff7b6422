//! What kinds of bytes are in a text, found in one pass over whole blocks: the compiler turns those into vector
//! instructions. To look at one byte after another would cost as much as to deflate them.

/// What is in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds {
    /// Whether anything in it asks for quotes in CSV.
    pub(super) special: bool,
    /// Whether there is a quote.
    pub(super) quote: bool,
    /// Whether all of it is ASCII.
    pub(super) ascii: bool,
}

impl Kinds {
    pub(super) fn of(text: &[u8]) -> Self {
        // The last block may begin within the one before: to look twice changes nothing, and no byte is looked at alone.
        if let Some(last) = text.last_chunk::<32>() {
            Found::in_all(text.as_chunks().0.iter().chain([last]))
        } else if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk()) {
            Found::in_all([first, last])
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk()) {
            Found::in_all([first, last])
        } else {
            let mut few = [0; 8];
            few[..text.len()].copy_from_slice(text);
            Found::in_all([&few])
        }
    }
}

/// What was found at each place of the blocks so far.
struct Found<const N: usize> {
    special: [u8; N],
    quote: [u8; N],
    high: [u8; N],
}

impl<const N: usize> Found<N> {
    fn in_all<'b>(blocks: impl IntoIterator<Item = &'b [u8; N]>) -> Kinds {
        let mut found = Self { special: [0; N], quote: [0; N], high: [0; N] };
        blocks.into_iter().for_each(|block| found.add(block));
        Kinds {
            special: found.special.iter().any(|found| *found != 0),
            quote: found.quote.iter().any(|found| *found != 0),
            ascii: found.high.is_ascii(),
        }
    }

    fn add(&mut self, block: &[u8; N]) {
        for (at, &byte) in block.iter().enumerate() {
            let is_quote = u8::from(byte == b'"');
            // No `||`: a place costs the same whatever is there, which is what makes it one instruction for many places.
            let is_special = u8::from(byte == b',') | u8::from(byte == b'\r') | u8::from(byte == b'\n') | is_quote;
            self.special[at] |= is_special;
            self.quote[at] |= is_quote;
            self.high[at] |= byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..100 {
            let plain = vec![b'a'; length];
            assert_eq!(Kinds::of(&plain), Kinds { special: false, quote: false, ascii: true }, "{length}");
            for at in 0..length {
                for byte in [b',', b'"', b'\r', b'\n', 0, b'+', b'-', b'!', 0x7f, 0x80, 0xa2, 0xff] {
                    let mut text = plain.clone();
                    text[at] = byte;
                    let special = matches!(byte, b',' | b'"' | b'\r' | b'\n');
                    let expected = Kinds { special, quote: byte == b'"', ascii: byte.is_ascii() };
                    assert_eq!(Kinds::of(&text), expected, "{byte} at {at} of {length}");
                }
            }
        }
    }
}
