//! Rows without a key that are alike, told apart by their number: every statement that finds one of them finds all.
//!
//! Neighbours: `rows`, which asks for the number only where the walk asks what tells a row from others.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Different rows that one statement may give: what is remembered of them takes about 20 MiB.
const MOST: usize = 900_000;

/// The rows that one statement has given.
pub(super) struct Repeats {
    /// By a keyed hash of the content. Two contents of one hash are numbered as if they were one, and are no less told apart.
    seen: RefCell<HashMap<u64, u32>>,
    hasher: RandomState,
    most: usize,
    is_full: Cell<bool>,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self::of(MOST)
    }

    fn of(most: usize) -> Self {
        Self { seen: RefCell::default(), hasher: RandomState::new(), most, is_full: Cell::new(false) }
    }

    /// How many rows of this content came before.
    pub(super) fn number(&self, content: &[u8]) -> u32 {
        let mut seen = self.seen.borrow_mut();
        if seen.len() >= self.most {
            self.is_full.set(true);
            return 0;
        }
        let count = seen.entry(self.hasher.hash_one(content)).and_modify(|count| *count += 1).or_insert(0);
        *count
    }

    /// Whether there were more rows than can be told apart.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.get()
    }

    /// Forgets them: the statement is executed anew.
    pub(super) fn forget(&self) {
        self.seen.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_rows_are_numbered_and_too_many_different_ones_are_noticed() {
        let repeats = Repeats::of(3);
        let numbers = |contents: [&str; 4]| contents.map(|content| repeats.number(content.as_bytes()));
        assert_eq!(numbers(["a", "b", "a", "a"]), [0, 0, 1, 2]);
        repeats.forget();
        assert_eq!(numbers(["b", "a", "b", "a"]), [0, 0, 1, 1]);
        assert!(!repeats.is_full());
        assert_eq!(numbers(["c", "d", "e", "f"])[0], 0);
        assert!(repeats.is_full());
    }
}
