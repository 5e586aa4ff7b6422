//! Pages of cases, newest first, of those that a caller may see.

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::{CaseId, EntityId};
use tributary_model::lifecycle::CaseState;
use tributary_model::right::Right;

use super::cases::{case_columns, whole};
use super::sql::{Snapshot, vals};
use super::{Store, StoreError};
use crate::case::Case;

/// Rows looked at in one go while a page fills.
const SCAN: i64 = 100;

/// What a list is narrowed to; all terms must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) state: Option<CaseState>,
    pub(crate) right: Option<Right>,
    pub(crate) request_ref: Option<String>,
    /// An entity that is asked.
    pub(crate) entity: Option<EntityId>,
    /// How some entity stands.
    pub(crate) disposition: Option<Disposition>,
}

/// The last case of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageAfter {
    pub(crate) opened_at: Timestamp,
    pub(crate) case: CaseId,
}

impl Store {
    /// Up to `most` cases after `page`, for which `visible` holds; tasks' reasons stay sealed.
    pub(crate) async fn cases(
        &self,
        filter: &Filter,
        page: Option<PageAfter>,
        most: usize,
        visible: impl Fn(&Case) -> bool + Send,
    ) -> Result<Vec<Case>, StoreError> {
        let mut snapshot = Snapshot::open(&self.0.readers).await?;
        let mut after = page;
        let mut found = Vec::new();
        let request_ref = filter.request_ref.as_deref().map(|text| self.mac("request_ref", text.as_bytes()).to_vec());
        loop {
            // Every term is bound whether it is used or not, so that the text stays one constant statement.
            let sql = concat!(
                "SELECT ",
                case_columns!(),
                " FROM cases WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR exercised = $2) \
                 AND ($3 IS NULL OR request_ref_mac = $3) \
                 AND ($4 IS NULL OR EXISTS (SELECT 1 FROM tasks t WHERE t.case_id = cases.case_id AND t.entity = $4)) \
                 AND ($5 IS NULL OR EXISTS (SELECT 1 FROM tasks t WHERE t.case_id = cases.case_id \
                 AND t.disposition = $5)) AND ($6 IS NULL OR (opened_at, case_id) < ($6, $7)) \
                 ORDER BY opened_at DESC, case_id DESC LIMIT $8"
            );
            let values = vals![
                filter.state.map(|v| v.as_str().to_owned()),
                filter.right.map(|v| v.as_str().to_owned()),
                request_ref.clone(),
                filter.entity.as_ref().map(ToString::to_string),
                filter.disposition.map(|v| v.as_str().to_owned()),
                after.map(|page| page.opened_at),
                after.map(|page| page.case.to_string()),
                SCAN
            ];
            let rows = snapshot.rows(sql, &values).await?;
            for row in &rows {
                let case = whole(&mut snapshot, self.keys(), row, false).await?;
                after = Some(PageAfter { opened_at: case.opened_at, case: case.id });
                if visible(&case) {
                    found.push(case);
                }
                if found.len() == most {
                    return Ok(found);
                }
            }
            if (rows.len() as i64) < SCAN {
                return Ok(found);
            }
        }
    }
}
