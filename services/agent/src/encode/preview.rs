//! Previews of the collections that a walk hands over: their first rows, kept small while the rows go by.
//!
//! All previews of an entity share 1 MiB. Each takes what it needs up to its own limit; when the sum is too much, the
//! largest gives up its last row and takes no more, until the sum fits. So all that are large end at one size, whatever
//! their order, and a small one is never touched: a wide first collection cannot starve the later ones. Rows are kept as
//! the bytes of their lines, which is what is counted; one preview at a time becomes cells again at the end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tributary_archive::digest::{Hasher, Sha256Hex};
use tributary_archive::preview::{
    MAX_BYTES, MAX_CELL_BYTES, MAX_ENTITY_BYTES, MAX_ROWS, Preview, PreviewCell, to_file,
};
use tributary_model::manifest::Field;

use super::cell::written;
use super::moment;
use super::overview::Overview;
use crate::collect::{PartSink, SinkError};
use crate::graph::{Graph, NodeId};
use crate::value::Cell;

/// Lengths at which cells are cut, tried one after another until a collection's first row fits: a person is better
/// served by beginnings than by no row at all.
const CUTS: [usize; 3] = [MAX_CELL_BYTES, 256, 32];

/// The previews of one walk.
pub(super) struct Previews<'g> {
    graph: &'g Graph,
    /// `None` for a collection that there is no room for at all.
    of: BTreeMap<NodeId, Option<Extract>>,
    bytes: usize,
    limits: Limits,
}

/// What previews may take.
#[derive(Clone, Copy)]
struct Limits {
    each: usize,
    all: usize,
}

/// What is kept of one collection.
struct Extract {
    /// Rows as JSON.
    rows: Vec<Vec<u8>>,
    /// Bytes of everything but the overview.
    bytes: usize,
    /// Whether no more rows are taken.
    full: bool,
    overview: Overview,
}

impl Extract {
    fn bytes(&self) -> usize {
        self.bytes + self.overview.bytes()
    }

    /// Makes it smaller. False: it cannot be.
    fn shrink(&mut self) -> bool {
        self.full = true;
        match self.rows.pop() {
            Some(row) => self.bytes -= row.len() + 1,
            None => return self.overview.shrink(),
        }
        true
    }
}

impl<'g> Previews<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        Self { graph, of: BTreeMap::new(), bytes: 0, limits: Limits { each: MAX_BYTES, all: MAX_ENTITY_BYTES } }
    }

    /// Takes a row that goes into a part.
    pub(super) fn row(&mut self, node: NodeId, cells: &[Cell<'_>], files: &BTreeMap<usize, String>) {
        let collection = self.graph.collection(node);
        let extract = self.of.entry(node).or_insert_with(|| {
            let overview = Overview::of(self.graph.dataset(node), collection);
            let extract = Extract { rows: Vec::new(), bytes: head(self.graph, node), full: false, overview };
            self.bytes += extract.bytes();
            Some(extract)
        });
        let Some(extract) = extract else { return };
        let before = extract.bytes();
        extract.overview.look(&collection.fields, cells);
        if !extract.full {
            extract.full = !keep(extract, &collection.fields, cells, files, self.limits.each);
        }
        self.bytes = self.bytes + extract.bytes() - before;
        while self.bytes > self.limits.all && self.relieve() {}
    }

    /// Takes something from the largest preview. False: none can give anything any more.
    fn relieve(&mut self) -> bool {
        let kept = self.of.values_mut().filter_map(|slot| slot.as_ref().map(Extract::bytes).map(|bytes| (bytes, slot)));
        let Some((before, slot)) = kept.max_by_key(|(bytes, _)| *bytes) else { return false };
        let shrunk = slot.as_mut().is_some_and(Extract::shrink);
        if !shrunk {
            // So many collections that their names alone are too much: a preview may be missing.
            *slot = None;
        }
        self.bytes = self.bytes + slot.as_ref().map_or(0, Extract::bytes) - before;
        true
    }

    /// Gives the previews of the collections with rows to the sink, in the order of their file, and returns its digest.
    /// `rows` says how many rows of each went into parts.
    pub(super) fn finish(
        mut self,
        rows: impl Fn(NodeId) -> u64,
        sink: &mut dyn PartSink,
    ) -> Result<Option<Sha256Hex>, SinkError> {
        let mut nodes: Vec<NodeId> = self.of.keys().copied().filter(|&node| rows(node) > 0).collect();
        nodes.sort_by_key(|&node| (&self.graph.dataset(node).shown, &self.graph.collection(node).shown));
        let (mut hasher, mut given, mut bytes) = (Hasher::new(), 0_usize, 0);
        for node in nodes {
            let Some(extract) = self.of.remove(&node).flatten() else { continue };
            let preview = self.preview(node, extract, rows(node));
            let line = to_file([&preview]);
            // What was counted while rows went by is never less than the line; this is for the day when it is.
            if line.len() > self.limits.each || bytes + line.len() > self.limits.all {
                continue;
            }
            bytes += line.len();
            sink.preview(&preview)?;
            hasher.update(&line);
            given += 1;
        }
        Ok((given > 0).then(|| hasher.finish()))
    }

    fn preview(&self, node: NodeId, extract: Extract, total_rows: u64) -> Preview {
        let (dataset, collection) = (self.graph.dataset(node), self.graph.collection(node));
        // What was written as JSON reads back.
        let rows = extract.rows.iter().filter_map(|row| serde_json::from_slice(row).ok()).collect();
        Preview {
            dataset: dataset.shown.clone(),
            collection: collection.shown.clone(),
            total_rows,
            rows,
            overview: extract.overview.into_fields(&collection.fields),
        }
    }
}

/// Keeps a row if there is room for it. False: there is not.
fn keep(
    extract: &mut Extract,
    fields: &[Field],
    cells: &[Cell<'_>],
    files: &BTreeMap<usize, String>,
    most: usize,
) -> bool {
    if extract.rows.len() == MAX_ROWS {
        return false;
    }
    let cuts = if extract.rows.is_empty() { CUTS.as_slice() } else { &CUTS[..1] };
    for &longest in cuts {
        let shown: Vec<PreviewCell> = fields
            .iter()
            .zip(cells)
            .enumerate()
            .map(|(column, (field, &of))| cell(field, of, files.get(&column), longest))
            .collect();
        // Texts and numbers cannot fail to serialise.
        let line = serde_json::to_vec(&shown).unwrap_or_default();
        if extract.bytes() + line.len() < most {
            extract.bytes += line.len() + 1;
            extract.rows.push(line);
            return true;
        }
    }
    false
}

/// A cell as a person is to see it: as the table's files have it, without what those do for spreadsheets.
fn cell(field: &Field, cell: Cell<'_>, file: Option<&String>, longest: usize) -> PreviewCell {
    if let Some(path) = file {
        return PreviewCell::File { file: path.clone() };
    }
    if let Cell::Redacted(redacted) = cell {
        return PreviewCell::Redacted { redacted };
    }
    let Some(text) = shown(field, cell) else { return PreviewCell::Null };
    if text.len() <= longest {
        return PreviewCell::Text(text.into_owned());
    }
    PreviewCell::Cut { cut: text[..text.floor_char_boundary(longest)].to_owned(), bytes: text.len() as u64 }
}

/// A value written for people; `None` for no value.
pub(super) fn shown<'c>(field: &Field, cell: Cell<'c>) -> Option<Cow<'c, str>> {
    if let Some(date) = field.represents.and_then(|represents| moment::shown(represents, cell)) {
        return Some(date.into());
    }
    written(cell, None).into_text()
}

/// Most bytes of a preview's line without rows and overview.
fn head(graph: &Graph, node: NodeId) -> usize {
    let around = r#"{"dataset":,"collection":,"total_rows":,"rows":[],"overview":[]}"#.len() + 1;
    let names = json_len(graph.dataset(node).shown.as_str()) + json_len(&graph.collection(node).shown);
    around + names + u64::MAX.to_string().len()
}

/// Bytes of a text in JSON, quotes included.
pub(super) fn json_len(text: &str) -> usize {
    serde_json::to_vec(text).map_or(0, |json| json.len())
}
