//! Keys and bytes go when retention says so, or with a cancelled case: not earlier, and not in part.

use tributary_model::id::CaseId;
use tributary_model::lifecycle::CaseState;

use super::Violation;
use super::look::{ArchiveRow, Seen};
use super::schedule::Op;
use crate::store::Cutoffs;

#[derive(Default)]
pub(super) struct Retained {
    /// What the last look at the clock was for.
    cutoffs: Option<Cutoffs>,
}

impl Retained {
    /// The store names exactly the cases that hold something over its time.
    pub(super) fn due(&mut self, seen: &Seen, cutoffs: Cutoffs, named: &[CaseId]) -> Result<(), Violation> {
        self.cutoffs = Some(cutoffs);
        for case in seen.cases.keys() {
            let mut archives = seen.archives.range((*case, 0)..=(*case, u32::MAX)).map(|(_, archive)| archive);
            if archives.any(|archive| over(archive, cutoffs)) && !named.contains(case) {
                return Err(Violation("an archive is over its time, and is not looked at".into()));
            }
        }
        Ok(())
    }

    pub(super) fn check(&mut self, before: &Seen, now: &Seen, op: Option<Op>) -> Result<(), Violation> {
        let sweeps = matches!(op, Some(Op::Retain { .. }));
        for (id, archive) in &now.archives {
            let was = before.archives.get(id);
            if archive.shredded_at.is_none() || was.is_some_and(|was| was.shredded_at.is_some()) {
                continue;
            }
            let rightly = self.cutoffs.is_some_and(|cutoffs| was.is_some_and(|was| over(was, cutoffs)));
            if !sweeps || !rightly {
                return Err(Violation("an archive was shredded before its time".into()));
            }
        }
        for (id, case) in now.cases.iter().filter(|(_, case)| !case.keyed) {
            let keyed = before.cases.get(id).is_none_or(|before| before.keyed);
            let mut archives = now.archives.range((*id, 0)..=(*id, u32::MAX));
            let over = case.state == CaseState::Closed && archives.all(|(_, archive)| archive.shredded_at.is_some());
            if keyed && case.state != CaseState::Cancelled && !(sweeps && over) {
                return Err(Violation("a case lost its key before its time".into()));
            }
        }
        let kept = now.cases.values().any(|case| case.keyed && case.state == CaseState::Cancelled);
        let back = before.cases.iter().any(|(id, case)| !case.keyed && now.cases[id].keyed);
        if kept || back { Err(Violation("a key is there that was to be dropped".into())) } else { Ok(()) }
    }
}

fn over(archive: &ArchiveRow, cutoffs: Cutoffs) -> bool {
    let since = archive.delivered_at.map_or((archive.assembled_at, cutoffs.undelivered), |at| (at, cutoffs.delivered));
    archive.object.is_some() && archive.pieces && archive.shredded_at.is_none() && since.0 <= since.1
}
