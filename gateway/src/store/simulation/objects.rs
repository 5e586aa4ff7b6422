//! The object folder that all replicas share: which objects are there.

use std::collections::BTreeSet;

use tributary_model::id::CaseId;

#[derive(Default)]
pub(super) struct Objects {
    there: BTreeSet<(CaseId, String)>,
    made: u64,
}

impl Objects {
    /// Makes an object; returns its name.
    pub(super) fn create(&mut self, case: CaseId) -> String {
        self.made += 1;
        let name = format!("object-{}", self.made);
        self.there.insert((case, name.clone()));
        name
    }

    pub(super) fn remove(&mut self, case: CaseId, names: Vec<String>) {
        for name in names {
            self.there.remove(&(case, name));
        }
    }

    pub(super) fn remove_case(&mut self, case: CaseId) {
        self.there.retain(|(of, _)| *of != case);
    }

    pub(super) fn contains(&self, case: CaseId, name: &str) -> bool {
        self.there.contains(&(case, name.to_owned()))
    }
}
