//! Rows into parts: tables as CSV or NDJSON cut at row boundaries, large cells as files of their own, everything
//! deflated and measured on the way into the sink. Same rows, same bytes.
//!
//! A sink takes one part at a time, so rows of a collection wait in a small buffer until a part is worth beginning. The
//! first parts are small and the later ones large, and what waits is handed on when the walk goes on to the next
//! collection: whoever asked has something to carry early. Parts are cut by size and never by time.
//! `part` gives them to a `press`, which a large part has on a thread `beside`. `preview` and `overview` keep an extract
//! while the rows go by. Neighbours: `collect` (the sink), `walk` (the rows).

mod beside;
mod cell;
mod csv;
mod kinds;
mod moment;
mod ndjson;
mod overview;
pub(crate) mod part;
mod path;
mod press;
mod preview;
mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;

use tributary_archive::attestation::PartsSummary;
use tributary_archive::digest::Sha256Hex;
use tributary_archive::part::{Encoding, Part, PartKind, PartListDigest, PartPath};
use tributary_archive::table::{FieldKind, Table, digest};
use tributary_model::right::TableFormat;

use crate::collect::{PartSink, SinkError};
use crate::graph::{Graph, NodeId};
use crate::redact;
use crate::source::{ReadError, Row};
use crate::value::{Cell, Large};
use crate::walk::Visitor;

pub(crate) use table::describe;

/// Plain bytes of rows that wait before a part is begun or continued.
const BUFFER: usize = 64 * 1024;
/// Largest plain size of the first part, in bytes. The next may be as large as all before it together.
const FIRST: u64 = 1024 * 1024;
/// Bytes that wait over all collections.
const ALL_BUFFERS: usize = 4 * 1024 * 1024;

/// Cells of a row that need no memory of their own.
const FEW: usize = 32;

/// How large things may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Largest plain size of a table's part, in bytes.
    pub(crate) part: u64,
    /// Cells above this become files of their own, in bytes.
    pub(crate) cell: u64,
}

/// Types of the columns, per node, as the live databases give them.
pub(crate) type Kinds = RefCell<BTreeMap<NodeId, Vec<FieldKind>>>;

/// Takes the rows of a walk and gives parts to a sink.
pub(crate) struct Encoder<'e> {
    graph: &'e Graph,
    kinds: &'e Kinds,
    format: TableFormat,
    sizes: Sizes,
    paths: path::Paths,
    previews: preview::Previews<'e>,
    writer: part::Writer<'e>,
    /// Whose rows the part begun holds.
    open: Option<NodeId>,
    /// Whose row came last.
    at: Option<NodeId>,
    /// Per node.
    tables: Vec<Pending>,
    waiting: usize,
    digest: PartListDigest,
    summary: PartsSummary,
    described: Vec<Table>,
    /// Per node, whether its tables may have marks of what is hidden.
    marked: Vec<bool>,
}

/// Rows of one collection on their way into parts.
#[derive(Default)]
struct Pending {
    rows: Vec<u8>,
    count: u64,
    /// Table parts begun, and files written.
    parts: u32,
    files: u32,
    /// Rows and bytes in the part begun.
    in_part: (u64, u64),
    /// Rows in parts that are finished.
    finished: u64,
    described: bool,
    /// Whether the walk has gone on to another collection since.
    left: bool,
}

/// What was encoded.
pub(crate) struct Encoded {
    pub(crate) parts: PartsSummary,
    pub(crate) tables_sha256: Sha256Hex,
    /// Absent when there are no previews.
    pub(crate) previews_sha256: Option<Sha256Hex>,
}

impl<'e> Encoder<'e> {
    pub(crate) fn new(
        graph: &'e Graph,
        kinds: &'e Kinds,
        format: TableFormat,
        sizes: Sizes,
        sink: &'e mut dyn PartSink,
    ) -> Self {
        let sha256 = PartListDigest::new().finish();
        Self {
            graph,
            kinds,
            format,
            sizes,
            paths: path::Paths::of(graph),
            previews: preview::Previews::new(graph),
            writer: part::Writer::new(sink),
            open: None,
            at: None,
            tables: graph.nodes().iter().map(|_| Pending::default()).collect(),
            waiting: 0,
            digest: PartListDigest::new(),
            summary: PartsSummary { count: 0, bytes: 0, encoded_bytes: 0, rows: 0, sha256 },
            described: Vec::new(),
            marked: (0..graph.nodes().len()).map(|node| redact::has_marks(graph, node)).collect(),
        }
    }

    /// Writes what waits, gives the previews after all parts, and sums up.
    pub(crate) fn finish(mut self) -> Result<Encoded, SinkError> {
        // The part begun first: it is the one that need not be cut.
        let open = self.open;
        for node in open.into_iter().chain((0..self.tables.len()).filter(|&n| Some(n) != open)) {
            self.flush(node)?;
        }
        self.close()?;
        let parts = PartsSummary { sha256: self.digest.finish(), ..self.summary };
        let finished = |node: NodeId| self.tables[node].finished;
        let previews_sha256 = self.previews.finish(finished, self.writer.into_sink())?;
        Ok(Encoded { parts, tables_sha256: digest(&self.described), previews_sha256 })
    }

    /// Moves the rows that wait for a collection into its part.
    fn flush(&mut self, node: NodeId) -> Result<(), SinkError> {
        let pending = &mut self.tables[node];
        let (rows, count) = (std::mem::take(&mut pending.rows), std::mem::take(&mut pending.count));
        self.waiting -= rows.len();
        if count == 0 {
            return Ok(());
        }
        let bytes = rows.len() as u64;
        if self.open != Some(node) || pending.in_part.1 + bytes > self.largest() {
            self.close()?;
            self.begin_table(node)?;
        }
        let emptied = self.writer.write_block(rows)?;
        let pending = &mut self.tables[node];
        pending.rows = emptied;
        pending.in_part.0 += count;
        pending.in_part.1 += bytes;
        Ok(())
    }

    /// Largest plain size of the part begun, or to be begun. It grows with what was given.
    fn largest(&self) -> u64 {
        self.summary.bytes.max(FIRST).min(self.sizes.part)
    }

    /// Hands on what waits of the collection before, the first time that the walk goes on to another: it may come back,
    /// and then for a row at a time.
    fn go_on(&mut self, to: NodeId) -> Result<(), SinkError> {
        let Some(before) = self.at.replace(to) else { return Ok(()) };
        if std::mem::replace(&mut self.tables[before].left, true) {
            return Ok(());
        }
        self.flush(before)?;
        if self.open == Some(before) { self.close() } else { Ok(()) }
    }

    fn begin_table(&mut self, node: NodeId) -> Result<(), SinkError> {
        let header = match self.format {
            TableFormat::Csv => csv::header(self.graph.collection(node)),
            TableFormat::Ndjson => Vec::new(),
        };
        let pending = &mut self.tables[node];
        pending.parts += 1;
        pending.in_part = (0, header.len() as u64);
        if !pending.described {
            pending.described = true;
            let kinds = self.kinds.borrow();
            let table = describe(self.graph, node, kinds.get(&node).map_or(&[], Vec::as_slice));
            self.writer.table(&table)?;
            self.described.push(table);
        }
        self.writer.begin(Encoding::Deflate)?;
        self.open = Some(node);
        self.writer.write(&header)
    }

    /// Ends the part begun, if there is one.
    fn close(&mut self) -> Result<(), SinkError> {
        let Some(node) = self.open.take() else { return Ok(()) };
        let pending = &mut self.tables[node];
        // Room for rows is kept by one collection at a time: there may be very many.
        if pending.rows.is_empty() {
            pending.rows = Vec::new();
        }
        let path = self.paths.table(node, pending.parts, self.format.as_str());
        let rows = pending.in_part.0;
        pending.finished += rows;
        self.end_part(node, path, PartKind::Table, self.format.media_type(), rows)
    }

    fn end_part(
        &mut self,
        node: NodeId,
        path: PartPath,
        kind: PartKind,
        media_type: &str,
        rows: u64,
    ) -> Result<(), SinkError> {
        let measured = self.writer.end()?;
        let part = Part {
            index: self.summary.count + 1,
            path,
            dataset: self.graph.dataset(node).shown.clone(),
            collection: self.graph.collection(node).shown.clone(),
            kind,
            media_type: media_type.to_owned(),
            encoding: measured.encoding,
            rows,
            bytes: measured.bytes,
            encoded_bytes: measured.encoded_bytes,
            crc32: measured.crc32,
            sha256: measured.sha256,
            encoded_sha256: measured.encoded_sha256,
        };
        self.writer.finish(&part)?;
        self.digest.push(&part);
        self.summary.count += 1;
        self.summary.bytes += part.bytes;
        self.summary.encoded_bytes += part.encoded_bytes;
        self.summary.rows += part.rows;
        Ok(())
    }

    /// Writes a cell as a file of its own and returns where.
    fn file(&mut self, node: NodeId, row: &dyn Row, column: usize, cell: Cell<'_>) -> Result<String, ReadError> {
        self.close()?;
        let text = matches!(cell, Cell::Text(_) | Cell::Large(Large { text: true, .. }));
        let pending = &mut self.tables[node];
        pending.files += 1;
        let path = self.paths.file(node, pending.files, if text { "txt" } else { "bin" });
        let encoding = if text { Encoding::Deflate } else { Encoding::Identity };
        self.writer.begin(encoding)?;
        let read = match cell {
            Cell::Text(bytes) | Cell::Blob(bytes) => self.writer.write(bytes).map_err(ReadError::from),
            _ => row.read_large(column, &mut |slice| Ok(self.writer.write(slice)?)),
        };
        let media_type = if text { "text/plain" } else { "application/octet-stream" };
        // What was begun is ended in any case: a failure in the middle makes the collection unreadable, and named.
        if !matches!(read, Err(ReadError::Sink(_))) {
            self.end_part(node, path.clone(), PartKind::Attachment, media_type, 0)?;
        }
        read.map(|()| path.as_str().to_owned())
    }

    fn relieve(&mut self) -> Result<(), SinkError> {
        let largest = (0..self.tables.len()).max_by_key(|&node| self.tables[node].rows.len());
        largest.map_or(Ok(()), |node| self.flush(node))
    }
}

impl Visitor for Encoder<'_> {
    fn row(&mut self, node: NodeId, row: &dyn Row) -> Result<(), ReadError> {
        if self.at != Some(node) {
            self.go_on(node)?;
        }
        let width = self.graph.collection(node).fields.len();
        // Each cell is asked for once: that costs as much as to write it.
        let mut few = [Cell::Null; FEW];
        let many: Vec<Cell<'_>>;
        let cells = match few.get_mut(..width) {
            Some(few) => {
                few.iter_mut().zip(0..).for_each(|(cell, column)| *cell = row.cell(column));
                &*few
            }
            None => {
                many = (0..width).map(|column| row.cell(column)).collect();
                many.as_slice()
            }
        };
        let mut files = BTreeMap::new();
        let mut started = self.append(node, cells, &files);
        if started.is_none() {
            for (column, &cell) in cells.iter().enumerate() {
                if cell::is_large(cell, self.sizes.cell) {
                    files.insert(column, self.file(node, row, column, cell)?);
                }
            }
            started = self.append(node, cells, &files);
        }
        let before = started.ok_or_else(|| ReadError::NotReadable("a value changed while it was read".to_owned()))?;
        self.previews.row(node, cells, &files);
        let pending = &mut self.tables[node];
        pending.count += 1;
        self.waiting += pending.rows.len() - before;
        // A part ends at a row: what would make it too large begins the next one.
        let (buffered, part) = (pending.rows.len(), pending.in_part.1 + pending.rows.len() as u64);
        if buffered >= BUFFER || part > self.largest() {
            self.flush_cut(node, before)?;
        } else if self.waiting > ALL_BUFFERS {
            self.relieve()?;
        }
        Ok(())
    }
}

impl Encoder<'_> {
    /// Appends a row to those that wait, and says where it starts. `None`: cells of it must be in files first, and
    /// nothing was appended.
    fn append(&mut self, node: NodeId, cells: &[Cell<'_>], paths: &BTreeMap<usize, String>) -> Option<usize> {
        let fields = &self.graph.collection(node).fields;
        let files = cell::Files { paths, largest: self.sizes.cell, marked: self.marked[node] };
        let rows = &mut self.tables[node].rows;
        let before = rows.len();
        let whole = match self.format {
            TableFormat::Csv => csv::row(rows, cells, &files),
            TableFormat::Ndjson => ndjson::row(rows, fields, cells, &files),
        };
        if !whole {
            rows.truncate(before);
        }
        whole.then_some(before)
    }

    /// Flushes a collection; when its last row, which starts at `last`, would make the part too large, that row waits
    /// for the next part.
    fn flush_cut(&mut self, node: NodeId, last: usize) -> Result<(), SinkError> {
        let limit = self.largest();
        let open = self.open == Some(node);
        let pending = &mut self.tables[node];
        let in_part = if open { pending.in_part.1 } else { 0 };
        if in_part + pending.rows.len() as u64 <= limit || last == 0 {
            return self.flush(node);
        }
        let rest = pending.rows.split_off(last);
        pending.count -= 1;
        self.waiting -= rest.len();
        self.flush(node)?;
        self.waiting += rest.len();
        self.tables[node].rows.extend_from_slice(&rest);
        self.tables[node].count = 1;
        self.flush(node)
    }
}
