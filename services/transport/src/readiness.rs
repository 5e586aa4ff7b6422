//! Whether this process can take work now, as named conditions that their owners set.
//!
//! `admin` answers `/readyz` from it. Liveness is not here: a process whose database is away must not be restarted.

use std::sync::{Arc, PoisonError, RwLock};

/// All conditions of the process. Cheap to clone. Ready when every condition is met; with none, it is ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<RwLock<Vec<(&'static str, bool)>>>);

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
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
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
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Condition {
    /// Says whether the condition is met now. A change is logged.
    pub fn set(&self, met: bool) {
        let mut all = self.all.0.write().unwrap_or_else(PoisonError::into_inner);
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
}
