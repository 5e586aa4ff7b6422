//! A call with what befalls it: what really came of it, which the simulation knows, and what the process believes.

use super::Violation;
use super::schedule::Fault;
use crate::store::StoreError;

/// What a process knows of a call it made.
#[derive(Debug)]
pub(super) enum Believed<T> {
    Answer(T),
    /// It takes the call for failed, without knowing whether anything was kept.
    Failed,
    /// The process is dead.
    Dead,
}

/// A call and its fault.
pub(super) struct Call<T> {
    /// What came of it; `None` when it was not made.
    pub(super) made: Option<Result<T, StoreError>>,
    fault: Fault,
}

impl<T> Call<T> {
    pub(super) async fn make(fault: Fault, call: impl Future<Output = Result<T, StoreError>>) -> Self {
        let made = if fault == Fault::NotMade { None } else { Some(call.await) };
        Self { made, fault }
    }

    /// Whether it changed anything.
    pub(super) fn kept(&self) -> bool {
        matches!(self.made, Some(Ok(_)))
    }

    pub(super) fn fault(&self) -> Fault {
        self.fault
    }

    pub(super) fn refused(&self) -> Option<&StoreError> {
        self.made.as_ref().and_then(|made| made.as_ref().err())
    }

    /// What the process goes on with. What a store may refuse must have been handled before.
    pub(super) fn believed(self) -> Result<Believed<T>, Violation> {
        match (self.made, self.fault) {
            (None, _) | (Some(_), Fault::AnswerLost) => Ok(Believed::Failed),
            (Some(_), Fault::DiesAfter) => Ok(Believed::Dead),
            (Some(Ok(answer)), _) => Ok(Believed::Answer(answer)),
            (Some(Err(error)), _) => Err(Violation(format!("a call that had to succeed failed: {error}"))),
        }
    }
}
