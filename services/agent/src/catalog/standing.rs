//! How each system answered when it was last asked: said on the admin port, for people who wonder why exports wait.
//!
//! Nothing is decided by it. Neighbours: `open`, which asks, and the log, which says it each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tributary_model::id::FidesKey;

/// The systems that did not answer when they were last asked. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<BTreeMap<FidesKey, Away>>>);

/// A system that did not answer.
#[derive(Debug)]
struct Away {
    since: Timestamp,
    latest: Timestamp,
    detail: String,
}

impl Standing {
    /// It did not answer; `detail` says what was tried and what to do.
    pub(super) fn away(&self, dataset: &FidesKey, detail: &str, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = all.get(dataset).map_or(now, |away| away.since);
        all.insert(dataset.clone(), Away { since, latest: now, detail: detail.to_owned() });
    }

    /// It answered.
    pub(super) fn back(&self, dataset: &FidesKey, now: Timestamp) {
        let away = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(dataset);
        if let Some(Away { since, .. }) = away {
            let minutes = now.duration_since(since).as_secs() / 60;
            tracing::info!(%dataset, %since, minutes, "a system that was away answers again");
        }
    }

    /// One line for each that is away.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(dataset, Away { since, latest, detail }): (&FidesKey, &Away)| {
            let tried = if since == latest {
                format!("tried at {since:.0}")
            } else {
                format!("since {since:.0}, last tried at {latest:.0}")
            };
            format!("dataset `{dataset}` is away and exports wait for it, {tried}: {detail}")
        };
        all.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_said_to_be_away_from_its_first_failure_until_it_answers() {
        let (standing, shop) = (Standing::default(), "shop".parse().unwrap());
        let at = |text: &str| text.parse().unwrap();
        standing.back(&shop, at("2026-11-21T11:00:00Z"));
        assert!(standing.remarks().is_empty());
        standing.away(&shop, "cannot connect", at("2026-11-21T12:00:00Z"));
        standing.away(&shop, "no answer", at("2026-11-21T12:05:00Z"));
        let said = standing.clone().remarks();
        let whole = "since 2026-11-21T12:00:00Z, last tried at 2026-11-21T12:05:00Z: no answer";
        assert!(said.len() == 1 && said[0].contains("`shop`") && said[0].ends_with(whole), "{said:?}");
        standing.back(&shop, at("2026-11-21T12:10:00Z"));
        assert!(standing.remarks().is_empty());
    }
}
