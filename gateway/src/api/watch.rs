//! WatchCase: past events from the table, then each as it is committed. The table is what is streamed; a notification
//! only says when to look again, so none can be lost.

use std::collections::VecDeque;
use std::pin::Pin;

use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tonic::Status;
use tributary_model::id::CaseId;
use tributary_proto::gateway::v1::WatchCaseResponse;

use super::error::ApiError;
use super::{Api, view};
use crate::case::Event;
use crate::store::Changed;

/// The events of one case.
pub(super) type Watch = Pin<Box<dyn Stream<Item = Result<WatchCaseResponse, Status>> + Send>>;

struct Watching {
    api: Api,
    case: CaseId,
    cursor: u64,
    changes: Receiver<Changed>,
    ready: VecDeque<Event>,
}

impl Api {
    pub(super) fn watch(&self, case: CaseId, cursor: u64) -> Watch {
        // Subscribed before the first look, so that nothing falls between the two.
        let changes = self.0.store.changes();
        let watching = Watching { api: self.clone(), case, cursor, changes, ready: VecDeque::new() };
        Box::pin(try_unfold(watching, |mut watching| async move {
            let event = watching.next().await?;
            Ok(event.map(|event| (view::event(event), watching)))
        }))
    }
}

impl Watching {
    /// The next event; `None` when the case is over and all was said.
    async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.cursor = event.cursor;
                return Ok(Some(event));
            }
            let (events, state) = self.api.0.store.events_after(self.case, self.cursor).await?;
            if events.is_empty() {
                if state.is_final() {
                    return Ok(None);
                }
                self.changed().await?;
            }
            self.ready.extend(events);
        }
    }

    async fn changed(&mut self) -> Result<(), ApiError> {
        let wait = async {
            loop {
                match self.changes.recv().await {
                    Ok(changed) if !changed.concerns(self.case) => {}
                    // One of ours, or so many that ours may be among them.
                    Ok(_) | Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => return Err(ApiError::Stopping),
                }
            }
        };
        self.api.0.stopping.run_until_cancelled(wait).await.unwrap_or(Err(ApiError::Stopping))
    }
}
