//! Whether this process can take work now, as named conditions that their owners set, and what else there is to say of it.
//!
//! `admin` answers `/readyz` from it. Liveness is not here: a process whose database is away must not be restarted.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// All conditions of the process. Cheap to clone. Ready when every condition is met; with none, it is ready.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    conditions: RwLock<Vec<(&'static str, bool)>>,
    remarks: RwLock<Vec<Arc<Remarks>>>,
}

type Remarks = dyn Fn() -> Vec<String> + Send + Sync;

/// One condition, held by the component that knows it.
#[derive(Debug, Clone)]
pub struct Condition {
    name: &'static str,
    all: Readiness,
}

impl Readiness {
    /// Without conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition, which starts unmet. The same name gives the same condition.
    pub fn require(&self, name: &'static str) -> Condition {
        let mut all = self.0.conditions.write().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|(known, _)| *known == name) {
            all.push((name, false));
        }
        Condition { name, all: self.clone() }
    }

    /// Whether every condition is met.
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().all(|(_, met)| *met)
    }

    /// Every condition with its state, in the order they were added.
    pub fn conditions(&self) -> Vec<(&'static str, bool)> {
        self.0.conditions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has `remarks` asked for what should be seen and does not make the process unready, such as a system that is away and
    /// that only some of the work needs. One line each, without personal data.
    pub fn remark(&self, remarks: impl Fn() -> Vec<String> + Send + Sync + 'static) {
        self.0.remarks.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(remarks));
    }

    /// What should be seen now.
    pub fn remarks(&self) -> Vec<String> {
        let all = self.0.remarks.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.iter().flat_map(|remarks| remarks()).collect()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.conditions()).finish()
    }
}

impl Condition {
    /// Says whether the condition is met now. A change is logged.
    pub fn set(&self, met: bool) {
        let mut all = self.all.0.conditions.write().unwrap_or_else(PoisonError::into_inner);
        for (name, state) in all.iter_mut().filter(|(name, _)| *name == self.name) {
            if std::mem::replace(state, met) != met {
                tracing::info!(condition = *name, met, "readiness changed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unmet_condition_makes_the_process_unready() {
        let readiness = Readiness::new();
        assert!(readiness.is_ready());
        let store = readiness.require("store");
        let serving = readiness.require("serving");
        assert!(!readiness.is_ready());
        store.set(true);
        serving.set(true);
        assert!(readiness.is_ready());
        serving.set(false);
        assert_eq!(readiness.conditions(), [("store", true), ("serving", false)]);
    }

    #[test]
    fn a_remark_is_asked_for_anew_and_leaves_the_process_ready() {
        let (readiness, said) = (Readiness::new(), Arc::new(RwLock::new(Vec::new())));
        readiness.require("serving").set(true);
        let shared = Arc::clone(&said);
        readiness.remark(move || shared.read().unwrap().clone());
        assert!(readiness.remarks().is_empty());
        said.write().unwrap().push("a system is away".to_owned());
        assert_eq!((readiness.remarks(), readiness.is_ready()), (vec!["a system is away".to_owned()], true));
    }
}
