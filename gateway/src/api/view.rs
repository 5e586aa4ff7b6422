//! A case as callers see it: the whole roster, asked or not, and never an identifier.

use std::collections::HashMap;

use jiff::Timestamp;
use tributary_model::disposition::Disposition;
use tributary_model::id::EntityId;
use tributary_model::lifecycle::TaskState;
use tributary_model::scope::{Decision, Outcome};
use tributary_proto::gateway::v1 as wire;

use super::convert::{self, timestamp};
use crate::case::{Archive, Case, Event, Opening, Task};
use crate::links::{Link, LinkState};

/// A case on the wire.
pub(super) fn case(case: &Case) -> wire::Case {
    wire::Case {
        case_id: case.id.to_string(),
        state: convert::case_state(case.state).into(),
        right: convert::wire_right(case.right).into(),
        request_ref: case.request_ref.clone(),
        received_at: Some(timestamp(case.received_at)),
        opened_at: Some(timestamp(case.opened_at)),
        delivery_date: Some(timestamp(case.delivery_date)),
        waiting: Some(convert::waiting_policy(case.waiting)),
        format: convert::table_format(case.format).into(),
        tasks: roster(case),
        archives: case.archives.iter().map(summary).collect(),
        group_version: case.group_version,
        etag: case.cursor.to_string(),
        language: case.language.to_string(),
        escalated_at: case.escalated_at.map(timestamp),
    }
}

/// Every entity of the case, asked or not.
fn roster(case: &Case) -> Vec<wire::Task> {
    let tasks: HashMap<&EntityId, &Task> = case.tasks.iter().map(|task| (&task.entity, task)).collect();
    case.decisions.iter().map(|decision| entity(decision, tasks.get(&decision.entity).copied())).collect()
}

/// What a case would be, without an id.
pub(super) fn preview(opening: &Opening, decisions: &[Decision], group_version: u64) -> wire::Case {
    let state = match opening.identity_confirmed {
        true => wire::CaseState::Scoped,
        false => wire::CaseState::AwaitingIdentity,
    };
    wire::Case {
        case_id: String::new(),
        state: state.into(),
        right: convert::wire_right(opening.right).into(),
        request_ref: opening.request_ref.clone(),
        received_at: Some(timestamp(opening.received_at)),
        opened_at: None,
        delivery_date: Some(timestamp(opening.delivery_date)),
        waiting: Some(convert::waiting_policy(opening.waiting)),
        format: convert::table_format(opening.format).into(),
        tasks: decisions.iter().map(|decision| entity(decision, None)).collect(),
        archives: Vec::new(),
        group_version,
        etag: String::new(),
        language: opening.language.to_string(),
        escalated_at: None,
    }
}

/// One line of the roster. An entity that will be asked and has no task yet is shown as to be asked.
fn entity(decision: &Decision, task: Option<&Task>) -> wire::Task {
    let line = |state: wire::TaskState, disposition, reason: &str| wire::Task {
        entity: decision.entity.to_string(),
        disposition: convert::disposition(disposition).into(),
        state: state.into(),
        reason: reason.to_owned(),
        ..wire::Task::default()
    };
    match (task, decision.outcome) {
        (Some(task), _) => wire::Task {
            failed_attempts: task.failed_attempts,
            next_attempt_at: task.next_attempt_at.map(timestamp),
            parts: task.parts,
            bytes: task.bytes,
            updated_at: Some(timestamp(task.updated_at)),
            ..line(convert::task_state(task.state), task.disposition, &task.reason)
        },
        (None, Outcome::Ask) => {
            line(convert::task_state(TaskState::Queued), Disposition::Pending, decision.rule.reason())
        }
        (None, Outcome::DoNotAsk) => line(wire::TaskState::Unspecified, Disposition::NotAsked, decision.rule.reason()),
    }
}

fn summary(archive: &Archive) -> wire::ArchiveSummary {
    wire::ArchiveSummary {
        sequence: archive.sequence,
        size: archive.size,
        complete: archive.complete,
        assembled_at: Some(timestamp(archive.assembled_at)),
        delivered_at: archive.delivered_at.map(timestamp),
    }
}

/// An archive on the wire.
pub(super) fn archive(archive: &Archive) -> wire::Archive {
    wire::Archive {
        sequence: archive.sequence,
        file_name: archive.file_name.clone(),
        size: archive.size,
        tagmanifest_sha256: archive.tagmanifest_sha256.clone(),
        complete: archive.complete,
        assembled_at: Some(timestamp(archive.assembled_at)),
        delivered_at: archive.delivered_at.map(timestamp),
        shredded_at: archive.shredded_at.map(timestamp),
    }
}

/// A link on the wire, as it stands at `now`.
pub(super) fn link(link: &Link, now: Timestamp) -> wire::Link {
    let state = match link.state(now) {
        LinkState::Active => wire::LinkState::Active,
        LinkState::Used => wire::LinkState::Used,
        LinkState::Expired => wire::LinkState::Expired,
        LinkState::Revoked => wire::LinkState::Revoked,
        LinkState::Shredded => wire::LinkState::Shredded,
    };
    wire::Link {
        link_id: link.id.to_string(),
        sequence: link.sequence,
        state: state.into(),
        created_at: Some(timestamp(link.created_at)),
        expires_at: Some(timestamp(link.expires_at)),
        max_downloads: link.max_downloads,
        downloads: link.downloads,
        starts: link.starts,
        last_download_at: link.last_download_at.map(timestamp),
        revoked_at: link.revoked_at.map(timestamp),
        confirm_delivery: link.confirm_delivery,
        channel: link.channel.clone(),
    }
}

/// An event on the wire.
pub(super) fn event(event: Event) -> wire::WatchCaseResponse {
    let disposition = event.disposition.map_or(0, |d| convert::disposition(d).into());
    wire::WatchCaseResponse {
        cursor: event.cursor,
        at: Some(timestamp(event.at)),
        event: event.name,
        state: convert::case_state(event.state).into(),
        entity: event.entity.map(String::from).unwrap_or_default(),
        disposition,
        parts: event.parts,
        bytes: event.bytes,
        detail: event.detail,
    }
}
