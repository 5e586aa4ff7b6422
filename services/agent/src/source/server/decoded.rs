//! One row of a result: its values in one buffer that the next row takes over.

use std::ops::Range;

use super::fit::Fitted;
use crate::value::{Cell, Large};

/// The values of a row.
#[derive(Default)]
pub(in crate::source) struct Decoded {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
}

#[derive(Clone)]
enum Slot {
    Null,
    Integer(i64),
    Real(f64),
    Bool(bool),
    Text(Range<usize>),
    Decimal(Range<usize>),
    Bytes(Range<usize>),
    /// Still at the server.
    Away(Large),
    /// Large, and in the driver's row all the same: there, at this index.
    Held(Large, usize),
}

impl Decoded {
    /// Forgets the row.
    pub(in crate::source) fn clear(&mut self) {
        self.slots.clear();
        self.bytes.clear();
    }

    /// How many values there are.
    pub(in crate::source) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds no value.
    pub(in crate::source) fn null(&mut self) {
        self.slots.push(Slot::Null);
    }

    /// Adds a whole number.
    pub(in crate::source) fn integer(&mut self, n: i64) {
        self.slots.push(Slot::Integer(n));
    }

    /// Adds a whole number: as digits when it has no place in 64 bits with sign.
    pub(in crate::source) fn unsigned(&mut self, n: u64) {
        match i64::try_from(n) {
            Ok(n) => self.integer(n),
            Err(_) => self.decimal(n.to_string().as_bytes()),
        }
    }

    /// Adds a floating-point number. One that is none is text.
    pub(in crate::source) fn real(&mut self, n: f64) {
        if n.is_nan() { self.text(b"NaN") } else { self.slots.push(Slot::Real(n)) }
    }

    /// Adds true or false.
    pub(in crate::source) fn bool(&mut self, b: bool) {
        self.slots.push(Slot::Bool(b));
    }

    /// Adds text.
    pub(in crate::source) fn text(&mut self, text: &[u8]) {
        let range = self.keep(text);
        self.slots.push(Slot::Text(range));
    }

    /// Adds digits.
    pub(in crate::source) fn decimal(&mut self, digits: &[u8]) {
        let range = self.keep(digits);
        self.slots.push(Slot::Decimal(range));
    }

    /// Adds bytes.
    pub(in crate::source) fn blob(&mut self, bytes: &[u8]) {
        let range = self.keep(bytes);
        self.slots.push(Slot::Bytes(range));
    }

    /// Adds a large value that did not come with the row.
    pub(in crate::source) fn not_here(&mut self, large: Large) {
        self.slots.push(Slot::Away(large));
    }

    /// Adds a large value that stays where it is: at an index of the driver's row.
    pub(in crate::source) fn stays(&mut self, large: Large, index: usize) {
        self.slots.push(Slot::Held(large, index));
    }

    /// Puts a value in the place of one that did not come with the row.
    pub(in crate::source) fn fill(&mut self, index: usize, bytes: &[u8]) {
        let Some(Slot::Away(large)) = self.slots.get(index).cloned() else { return };
        let range = self.keep(bytes);
        self.slots[index] = if large.text { Slot::Text(range) } else { Slot::Bytes(range) };
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// A value as a cell.
    pub(in crate::source) fn cell(&self, index: usize) -> Cell<'_> {
        match self.slots.get(index) {
            None | Some(Slot::Null) => Cell::Null,
            Some(Slot::Integer(n)) => Cell::Integer(*n),
            Some(Slot::Real(n)) => Cell::Real(*n),
            Some(Slot::Bool(b)) => Cell::Bool(*b),
            Some(Slot::Text(range)) => Cell::Text(&self.bytes[range.clone()]),
            Some(Slot::Decimal(range)) => Cell::Decimal(&self.bytes[range.clone()]),
            Some(Slot::Bytes(range)) => Cell::Blob(&self.bytes[range.clone()]),
            Some(Slot::Away(large) | Slot::Held(large, _)) => Cell::Large(*large),
        }
    }

    /// Where in the driver's row a large value is.
    pub(in crate::source) fn held(&self, index: usize) -> Option<usize> {
        match self.slots.get(index)? {
            Slot::Held(_, index) => Some(*index),
            _ => None,
        }
    }

    /// A value that is still at the server.
    pub(in crate::source) fn away(&self, index: usize) -> Option<Large> {
        match self.slots.get(index)? {
            Slot::Away(large) => Some(*large),
            _ => None,
        }
    }

    /// Whether any value is still at the server.
    pub(in crate::source) fn any_away(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Away(_)))
    }

    /// A value as it is compared with the column that it came from.
    pub(in crate::source) fn fitted(&self, index: usize) -> Fitted {
        match self.cell(index) {
            Cell::Null | Cell::Large(_) | Cell::Redacted(_) => Fitted::Null,
            Cell::Integer(n) => Fitted::Integer(n),
            Cell::Real(n) => Fitted::Text(n.to_string()),
            Cell::Bool(b) => Fitted::Bool(b),
            Cell::Text(bytes) | Cell::Decimal(bytes) => Fitted::Text(String::from_utf8_lossy(bytes).into_owned()),
            Cell::Blob(bytes) => Fitted::Bytes(bytes.to_vec()),
        }
    }

    /// Appends the row in a form that [`Decoded::read`] takes.
    pub(in crate::source) fn write(&self, out: &mut Vec<u8>) {
        let mut put = |tag: u8, number: u64, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&number.to_be_bytes());
            out.extend_from_slice(bytes);
        };
        for slot in &self.slots {
            let mut range = |tag: u8, range: &Range<usize>| put(tag, range.len() as u64, &self.bytes[range.clone()]);
            match slot {
                Slot::Text(at) => range(b't', at),
                Slot::Decimal(at) => range(b'd', at),
                Slot::Bytes(at) => range(b'b', at),
                Slot::Null => put(b'n', 0, &[]),
                Slot::Integer(n) => put(b'i', n.cast_unsigned(), &[]),
                Slot::Real(n) => put(b'r', n.to_bits(), &[]),
                Slot::Bool(b) => put(b'?', u64::from(*b), &[]),
                // What stays in the driver's row has no key, and such rows are not put aside.
                Slot::Away(large) | Slot::Held(large, _) => put(if large.text { b'a' } else { b'A' }, large.bytes, &[]),
            }
        }
    }

    /// Takes a row that [`Decoded::write`] wrote; `None` when it is none.
    pub(in crate::source) fn read(&mut self, mut from: &[u8]) -> Option<()> {
        self.clear();
        while let Some((&tag, rest)) = from.split_first() {
            let (number, rest) = rest.split_first_chunk::<8>()?;
            let number = u64::from_be_bytes(*number);
            from = rest;
            let mut take = || {
                let (bytes, rest) = from.split_at_checked(usize::try_from(number).ok()?)?;
                from = rest;
                Some(bytes)
            };
            match tag {
                b't' => self.text(take()?),
                b'd' => self.decimal(take()?),
                b'b' => self.blob(take()?),
                b'n' => self.null(),
                b'i' => self.integer(number.cast_signed()),
                b'r' => self.slots.push(Slot::Real(f64::from_bits(number))),
                b'?' => self.bool(number != 0),
                b'a' | b'A' => self.slots.push(Slot::Away(Large { text: tag == b'a', bytes: number })),
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_as_it_was_written() {
        let mut row = Decoded::default();
        row.null();
        row.integer(-3);
        row.unsigned(u64::MAX);
        row.real(0.5);
        row.bool(true);
        row.text(b"x");
        row.blob(&[0, 1]);
        row.not_here(Large { text: true, bytes: 5_000_000 });
        let (mut bytes, mut back) = (Vec::new(), Decoded::default());
        row.write(&mut bytes);
        back.read(&bytes).unwrap();
        assert_eq!(back.len(), row.len());
        assert!((0..row.len()).all(|index| back.cell(index) == row.cell(index)));
        assert!(matches!(back.cell(2), Cell::Decimal(b"18446744073709551615")));
        assert_eq!(back.away(7).map(|large| large.bytes), Some(5_000_000));
        assert!(back.read(b"q").is_none());
    }
}
