//! A case as it is printed: names instead of enum numbers, RFC 3339 instead of seconds.

use jiff::Timestamp;
use serde::Serialize;
use tributary_proto::gateway::v1::{Case, CaseState, TaskState};
use tributary_proto::types::v1::Disposition;

use crate::output::{size, table};

/// A case for people and scripts.
#[derive(Debug, Serialize)]
pub(crate) struct CaseView {
    pub(crate) case: String,
    pub(crate) state: &'static str,
    right: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    request_ref: String,
    received_at: Option<String>,
    delivery_date: Option<String>,
    group_version: u64,
    entities: Vec<TaskView>,
    archives: Vec<ArchiveView>,
}

#[derive(Debug, Serialize)]
struct TaskView {
    entity: String,
    disposition: &'static str,
    state: &'static str,
    parts: u32,
    bytes: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    next_attempt_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct ArchiveView {
    sequence: u32,
    size: u64,
    complete: bool,
    assembled_at: Option<String>,
    delivered_at: Option<String>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let state = case_state(case.state());
        let right = case.right().as_str_name().trim_start_matches("RIGHT_");
        Self {
            state,
            right,
            case: case.case_id,
            request_ref: case.request_ref,
            received_at: case.received_at.and_then(time),
            delivery_date: case.delivery_date.and_then(time),
            group_version: case.group_version,
            entities: case.tasks.into_iter().map(TaskView::from).collect(),
            archives: case.archives.into_iter().map(ArchiveView::from).collect(),
        }
    }
}

impl From<tributary_proto::gateway::v1::Task> for TaskView {
    fn from(task: tributary_proto::gateway::v1::Task) -> Self {
        let state = match task.state() {
            TaskState::Unspecified => "NONE",
            state => state.as_str_name().trim_start_matches("TASK_STATE_"),
        };
        Self {
            state,
            disposition: disposition(task.disposition()),
            entity: task.entity,
            parts: task.parts,
            bytes: task.bytes,
            reason: task.reason,
            next_attempt_at: task.next_attempt_at.and_then(time),
        }
    }
}

impl From<tributary_proto::gateway::v1::ArchiveSummary> for ArchiveView {
    fn from(archive: tributary_proto::gateway::v1::ArchiveSummary) -> Self {
        Self {
            sequence: archive.sequence,
            size: archive.size,
            complete: archive.complete,
            assembled_at: archive.assembled_at.and_then(time),
            delivered_at: archive.delivered_at.and_then(time),
        }
    }
}

impl CaseView {
    /// The case as text: a line about it, the entities, the archives.
    pub(crate) fn text(&self) -> String {
        let due = self.delivery_date.as_deref().unwrap_or("no date");
        let mut text = format!("case {}  {}  {}  to be delivered by {due}\n", self.case, self.right, self.state);
        text.push_str(&table(
            ["entity", "disposition", "parts", "size", "why"],
            self.entities.iter().map(|t| {
                [t.entity.clone(), t.disposition.to_owned(), t.parts.to_string(), size(t.bytes), t.reason.clone()]
            }),
        ));
        for archive in &self.archives {
            let complete = if archive.complete { "complete" } else { "INCOMPLETE" };
            let written = archive.assembled_at.as_deref().unwrap_or("");
            text.push_str(&format!("\narchive {}  {}  {written}  {complete}", archive.sequence, size(archive.size)));
        }
        if self.archives.iter().any(|archive| !archive.complete) {
            text.push_str("\nincomplete: an entity is missing, or has not given or not searched something; `tributary archive show` says what and why");
        }
        text
    }

    /// One line for lists.
    pub(crate) fn row(&self) -> [String; 5] {
        let answered = self.entities.iter().filter(|t| t.state == "ANSWERED").count();
        let due = self.delivery_date.clone().unwrap_or_default();
        let asked = self.entities.iter().filter(|t| t.state != "NONE").count();
        [self.case.clone(), self.state.to_owned(), format!("{answered} of {asked}"), due, self.request_ref.clone()]
    }
}

/// A disposition's name, for example `NO_DATA`.
pub(crate) fn disposition(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Unspecified => "",
        named => named.as_str_name().trim_start_matches("DISPOSITION_"),
    }
}

/// A case state's name, for example `READY`.
pub(crate) fn case_state(state: CaseState) -> &'static str {
    state.as_str_name().trim_start_matches("CASE_STATE_")
}

/// A wire timestamp in RFC 3339.
pub(crate) fn time(at: prost_types::Timestamp) -> Option<String> {
    Timestamp::new(at.seconds, at.nanos).ok().map(|at| at.to_string())
}
