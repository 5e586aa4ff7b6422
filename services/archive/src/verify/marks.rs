//! The marks of what is hidden, counted in the tables' files while these are read, against the counts that were signed.

use std::collections::BTreeMap;

use tributary_model::id::FidesKey;

use crate::attestation::Attestation;
use crate::opened::{Digests, OpenError, Opened};
use crate::part::{Part, PartKind};
use crate::redaction::{Marks, Redaction, Tally};
use crate::table::Table;

/// The marks found in the files of tables that may have some.
pub(super) struct Marked {
    /// By dataset and collection: the table's fields, and what was counted.
    tables: BTreeMap<(FidesKey, String), (Vec<String>, Tally)>,
}

impl Marked {
    pub(super) fn new(tables: &[Table]) -> Self {
        let marked = tables.iter().filter(|table| !table.marks.is_empty());
        let fields = |table: &Table| table.fields.iter().map(|field| field.name.clone()).collect();
        let tables = marked.map(|t| ((t.dataset.clone(), t.collection.clone()), (fields(t), Tally::new())));
        Self { tables: tables.collect() }
    }

    /// Reads a part to its end and counts the marks in it, where it may have some.
    pub(super) fn digest(
        &mut self,
        archive: &mut Opened<'_>,
        number: usize,
        part: &Part,
    ) -> Result<Digests, OpenError> {
        let table = self.tables.get_mut(&(part.dataset.clone(), part.collection.clone()));
        let Some((fields, tally)) = table.filter(|_| part.kind == PartKind::Table) else {
            return archive.digest(number);
        };
        let Some(mut marks) = Marks::new(&part.media_type, fields) else { return archive.digest(number) };
        let digests = archive.content(number, &mut |chunk| {
            marks.push(chunk);
            Ok(())
        })?;
        marks.add_to(tally);
        Ok(digests)
    }

    /// Whether every mark was attested, and every one attested was found.
    pub(super) fn are_those_of(self, attestation: &Attestation) -> bool {
        let counted = self.tables.into_iter().flat_map(|((dataset, collection), (_, tally))| {
            let redaction = move |((field, reason), count)| Redaction {
                dataset: dataset.clone(),
                collection: collection.clone(),
                field: Some(field),
                reason,
                count,
            };
            tally.into_iter().map(redaction)
        });
        let said = attestation.redactions.iter().filter(|redaction| redaction.field.is_some());
        counted.eq(said.cloned())
    }
}
