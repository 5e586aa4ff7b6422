//! How much of each preview the page shows: at most 4 MiB of them in all, so that it opens on a phone, shared so that a
//! wide or long collection does not push the others out.

use crate::bag::Contribution;
use crate::preview::{Preview, PreviewCell};

/// Bytes of previews that one page shows.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// What the page writes around a cell, about.
const CELL: usize = 24;
/// Files that one page lists beside the tables, shared evenly by the entities.
const MAX_LINKS: usize = 2_000;
/// Files of one entity that are listed in any case.
const MIN_LINKS: usize = 10;

/// The page's room, divided.
pub(super) struct Shares {
    /// Bytes that each collection may show.
    level: usize,
    /// Files that each entity may list.
    pub(super) links: usize,
}

impl Shares {
    /// Divides the room among the entities whose data the archive carries.
    pub(super) fn of<'a>(contributions: impl Iterator<Item = &'a Contribution>) -> Self {
        let mut sizes: Vec<usize> = Vec::new();
        let mut entities = 0;
        for contribution in contributions {
            entities += 1;
            sizes.extend(
                contribution.previews.iter().map(|preview| preview.rows.iter().map(|row| bytes(row)).sum::<usize>()),
            );
        }
        Self { level: level(sizes, MAX_PAGE_BYTES), links: (MAX_LINKS / entities.max(1)).max(MIN_LINKS) }
    }

    /// How many of a preview's rows are shown.
    pub(super) fn rows(&self, preview: &Preview) -> usize {
        let mut left = self.level;
        let fits = |row: &&Vec<PreviewCell>| match left.checked_sub(bytes(row)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        preview.rows.iter().take_while(fits).count()
    }
}

/// The most that each may take so that all together take no more than `room`: small ones take what they have.
fn level(mut sizes: Vec<usize>, room: usize) -> usize {
    sizes.sort_unstable();
    let (mut left, mut takers) = (room, sizes.len());
    for size in sizes {
        if size > left / takers {
            return left / takers;
        }
        left -= size;
        takers -= 1;
    }
    usize::MAX
}

fn bytes(row: &[PreviewCell]) -> usize {
    let cell = |cell: &PreviewCell| match cell {
        PreviewCell::Null | PreviewCell::Redacted { .. } => CELL,
        PreviewCell::Text(text) | PreviewCell::Cut { cut: text, .. } => CELL + text.len(),
        PreviewCell::File { file } => CELL + 2 * file.len(),
    };
    row.iter().map(cell).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_take_what_they_have_and_large_ones_the_rest_in_equal_shares() {
        assert_eq!(level(vec![10, 20, 30], 60), usize::MAX);
        assert_eq!(level(vec![1_000, 10, 1_000], 110), 50);
        assert_eq!(level(vec![100, 100, 100], 30), 10);
        assert_eq!(level(Vec::new(), 30), usize::MAX);
    }
}
