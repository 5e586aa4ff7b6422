//! `case watch`: live progress per entity, as bars on a terminal and plain lines elsewhere.

use std::collections::BTreeMap;

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use tributary_proto::gateway::v1::{CaseState, WatchCaseRequest, WatchCaseResponse};

use super::view::{case_state, disposition, time};
use crate::client::{Caller, Gateway, refused};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, say, size};

/// `case watch`
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The case's id
    case: String,
    /// Only what happened after this event
    #[arg(long, default_value_t = 0)]
    cursor: u64,
    /// Go on after the archive is ready, until the case is closed
    #[arg(long)]
    until_closed: bool,
}

#[derive(Serialize)]
struct EventView {
    cursor: u64,
    at: Option<String>,
    event: String,
    state: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    entity: String,
    disposition: &'static str,
    parts: u32,
    bytes: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl From<WatchCaseResponse> for EventView {
    fn from(event: WatchCaseResponse) -> Self {
        Self {
            state: case_state(event.state()),
            disposition: disposition(event.disposition()),
            cursor: event.cursor,
            at: event.at.and_then(time),
            event: event.event,
            entity: event.entity,
            parts: event.parts,
            bytes: event.bytes,
            detail: event.detail,
        }
    }
}

/// Watches until the archive is ready (or the case ends). The exit code tells a cancelled case.
pub(crate) async fn run(args: &Watch, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let end = follow(&gateway, &args.case, args.cursor, args.until_closed, output).await?;
    match end {
        CaseState::Cancelled => Err(Failure::new(Exit::Failure, "the case was cancelled")),
        _ => Ok(()),
    }
}

async fn follow(
    gateway: &Gateway,
    case: &str,
    cursor: u64,
    until_closed: bool,
    output: Output,
) -> Result<CaseState, Failure> {
    let request = WatchCaseRequest { case_id: case.to_owned(), on_behalf_of: gateway.on_behalf_of.clone(), cursor };
    let mut events = gateway.cases().watch_case(request).await.map_err(|status| refused(&status))?.into_inner();
    let mut progress = Progress::new(output);
    let mut state = CaseState::Unspecified;
    while let Some(event) = events.message().await.map_err(|status| refused(&status))? {
        state = event.state();
        progress.show(event.into())?;
        if state == CaseState::Ready && !until_closed {
            break;
        }
    }
    progress.finish();
    Ok(state)
}

/// Shows events: bars per entity on a terminal, a line an event elsewhere.
pub(crate) struct Progress {
    output: Output,
    bars: Option<(MultiProgress, BTreeMap<String, ProgressBar>)>,
}

impl Progress {
    pub(crate) fn new(output: Output) -> Self {
        let bars = output.is_interactive().then(|| (MultiProgress::new(), BTreeMap::new()));
        Self { output, bars }
    }

    pub(crate) fn event(&mut self, event: WatchCaseResponse) -> Result<(), Failure> {
        self.show(event.into())
    }

    fn show(&mut self, event: EventView) -> Result<(), Failure> {
        match &mut self.bars {
            Some((all, bars)) if !event.entity.is_empty() => {
                let bar = bars.entry(event.entity.clone()).or_insert_with(|| all.add(bar(&event.entity)));
                bar.set_message(format!(
                    "{:<17} {:>4} parts {:>10}",
                    event.disposition,
                    event.parts,
                    size(event.bytes)
                ));
                bar.tick();
                Ok(())
            }
            Some((all, _)) => Ok(all.println(format!("{:<20} {}", event.event, event.state))?),
            None if self.output == Output::Json => say(&serde_json::to_string(&event)?),
            None => say(&line(&event)),
        }
    }

    pub(crate) fn finish(&mut self) {
        for bar in self.bars.iter().flat_map(|(_, bars)| bars.values()) {
            bar.abandon();
        }
    }
}

fn bar(entity: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(entity.to_owned());
    match ProgressStyle::with_template("  {prefix:<16} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn line(event: &EventView) -> String {
    let at = event.at.as_deref().unwrap_or("");
    if event.entity.is_empty() {
        return format!("{at}  {:<20} {}", event.event, event.state);
    }
    let progress =
        if event.parts > 0 { format!("  {} parts, {}", event.parts, size(event.bytes)) } else { String::new() };
    format!("{at}  {:<20} {:<16} {}{progress}", event.event, event.entity, event.disposition)
}
