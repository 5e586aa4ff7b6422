//! What is known of the generation that an attempt takes in: what is staged, what is on its way, and how much of it the
//! gateway is willing to take.

use std::collections::{BTreeMap, HashMap};

use tributary_archive::digest::Sha256Hex;
use tributary_archive::frames::stored_len;
use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::{self, Preview};
use tributary_archive::table::Table;
use tributary_model::id::FidesKey;

use super::attempt::Trouble;
use crate::config::Limits;
use crate::stage::Staged;
use crate::store::Brought;

/// Names a collection.
type Collection = (FidesKey, String);

/// What is known of the generation being taken in.
#[derive(Default)]
pub(super) struct Intake {
    pub(super) generation: u32,
    pub(super) staged: BTreeMap<u32, Staged>,
    /// Parts that are being fetched.
    pub(super) under_way: BTreeMap<u32, Part>,
    pub(super) tables: HashMap<Collection, Table>,
    /// Digests of the previews: they themselves wait in the store.
    previews: HashMap<Collection, Sha256Hex>,
    information: Option<Information>,
    /// Bytes that all of its parts take once they are staged.
    bytes: u64,
    /// Whether the agent's last word was that it waits.
    pub(super) waits: bool,
    /// What has come and is not kept yet.
    pub(super) brought: Brought,
}

impl Intake {
    /// Nothing of `generation` yet.
    pub(super) fn new(generation: u32) -> Self {
        Self { generation, ..Self::default() }
    }

    /// What earlier attempts have staged of `generation`.
    pub(super) fn resumed(
        generation: u32,
        staged: Vec<Staged>,
        tables: Vec<Table>,
        previews: &[Preview],
        information: Option<Information>,
    ) -> Self {
        Self {
            generation,
            bytes: staged.iter().map(|staged| stored_len(staged.part.encoded_bytes)).sum(),
            staged: staged.into_iter().map(|staged| (staged.part.index, staged)).collect(),
            tables: tables
                .into_iter()
                .map(|table| ((table.dataset.clone(), table.collection.clone()), table))
                .collect(),
            previews: previews.iter().map(|preview| (collection(preview), preview::digest([preview]))).collect(),
            information,
            ..Self::default()
        }
    }

    /// Whether what waits is to be kept now. What tells of a part waits for it, as long as it takes little room and more
    /// is to come.
    pub(super) fn is_to_be_kept(&self, at_end: bool, most: usize) -> bool {
        let brought = &self.brought;
        brought.parts().next().is_some() || brought.bytes() >= most || (at_end && !brought.is_empty())
    }

    /// Takes note of parts that are kept.
    pub(super) fn kept(&mut self, parts: Vec<Staged>) {
        for staged in parts {
            self.under_way.remove(&staged.part.index);
            self.staged.insert(staged.part.index, staged);
        }
    }

    /// Takes the announcement of a table; says whether it is new.
    pub(super) fn table(&mut self, table: &Table) -> Result<bool, Trouble> {
        self.waits = false;
        let name = (table.dataset.clone(), table.collection.clone());
        match self.tables.get(&name) {
            Some(known) if known == table => Ok(false),
            Some(_) => Err(Trouble::Changed("a table")),
            None => Ok(self.tables.insert(name, table.clone()).is_none()),
        }
    }

    /// Takes the announcement of a part; says whether its bytes are still to be fetched.
    pub(super) fn part(&mut self, part: &Part, limits: &Limits) -> Result<bool, Trouble> {
        self.waits = false;
        let known = self.staged.get(&part.index).map(|staged| &staged.part);
        match known.or_else(|| self.under_way.get(&part.index)) {
            Some(known) if known == part => return Ok(false),
            Some(_) => return Err(Trouble::Changed("a part")),
            None => {}
        }
        let bytes = self.bytes.saturating_add(stored_len(part.encoded_bytes));
        if bytes > limits.entity_bytes {
            return Err(Trouble::TooLarge { limit: "entity_bytes", most: limits.entity_bytes });
        }
        if self.staged.len() + self.under_way.len() >= limits.entity_parts {
            return Err(Trouble::TooLarge { limit: "entity_parts", most: limits.entity_parts as u64 });
        }
        self.bytes = bytes;
        self.under_way.insert(part.index, part.clone());
        Ok(true)
    }

    /// Takes a preview; says whether it is new.
    pub(super) fn preview(&mut self, preview: &Preview) -> Result<bool, Trouble> {
        self.waits = false;
        let digest = preview::digest([preview]);
        match self.previews.insert(collection(preview), digest) {
            Some(known) if known == digest => Ok(false),
            Some(_) => Err(Trouble::Changed("a preview")),
            None => Ok(true),
        }
    }

    /// Takes the entity's record of its processing; says whether it is new.
    pub(super) fn information(&mut self, information: &Information) -> Result<bool, Trouble> {
        self.waits = false;
        match &self.information {
            Some(known) if known == information => Ok(false),
            Some(_) => Err(Trouble::Changed("its record of processing")),
            None => {
                self.information = Some(information.clone());
                Ok(true)
            }
        }
    }

    /// The record of processing, if one came.
    pub(super) fn informed(&self) -> Option<&Information> {
        self.information.as_ref()
    }
}

fn collection(preview: &Preview) -> Collection {
    (preview.dataset.clone(), preview.collection.clone())
}
