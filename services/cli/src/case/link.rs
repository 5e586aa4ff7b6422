//! `case link`: links with which a person downloads an archive in a browser.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use serde::Serialize;
use tributary_model::language::Language;
use tributary_proto::gateway::v1::{CreateLinkRequest, Link, ListLinksRequest, RevokeLinkRequest};

use super::view::time;
use crate::client::{Caller, refused};
use crate::exit::Outcome;
use crate::output::{Output, table};

/// `case link`
#[derive(Debug, Args)]
pub(crate) struct CaseLink {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a link; its URL is printed once and kept nowhere
    Create(Create),
    /// List a case's links, without their URLs
    List(List),
    /// End a link at once, downloads under way included
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Create {
    /// The case's id
    case: String,
    /// Which archive (default: the latest)
    #[arg(long, default_value_t = 0)]
    sequence: u32,
    /// How long it lasts, such as 7d or 12h; at most 30d
    #[arg(long, default_value = "7d", value_parser = lasting)]
    expires: Duration,
    /// How many complete downloads it allows
    #[arg(long, default_value_t = 1)]
    downloads: u32,
    /// Record the delivery when the first download is complete; needs the verb operate
    #[arg(long)]
    confirm_delivery: bool,
    /// How it reaches the person, such as "letter"; kept encrypted
    #[arg(long, default_value = "")]
    channel: String,
    /// Language of its page (default: the case's)
    #[arg(long)]
    language: Option<Language>,
}

#[derive(Debug, Args)]
struct List {
    /// The case's id
    case: String,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The case's id
    case: String,
    /// The link's id, from `case link list`
    link: String,
}

/// A link for people and scripts.
#[derive(Serialize)]
struct LinkView {
    link: String,
    sequence: u32,
    state: &'static str,
    created_at: Option<String>,
    expires_at: Option<String>,
    max_downloads: u32,
    downloads: u32,
    starts: u32,
    last_download_at: Option<String>,
    revoked_at: Option<String>,
    confirm_delivery: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    channel: String,
}

/// A new link with its URL.
#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    link: LinkView,
    url: String,
}

/// A case's links.
#[derive(Serialize)]
struct Links {
    links: Vec<LinkView>,
}

impl From<Link> for LinkView {
    fn from(link: Link) -> Self {
        Self {
            state: link.state().as_str_name().trim_start_matches("LINK_STATE_"),
            link: link.link_id,
            sequence: link.sequence,
            created_at: link.created_at.and_then(time),
            expires_at: link.expires_at.and_then(time),
            max_downloads: link.max_downloads,
            downloads: link.downloads,
            starts: link.starts,
            last_download_at: link.last_download_at.and_then(time),
            revoked_at: link.revoked_at.and_then(time),
            confirm_delivery: link.confirm_delivery,
            channel: link.channel,
        }
    }
}

impl LinkView {
    fn row(&self) -> [String; 5] {
        let used = format!("{} of {}", self.downloads, self.max_downloads);
        let until = self.expires_at.clone().unwrap_or_default();
        [self.link.clone(), self.sequence.to_string(), self.state.to_owned(), used, until]
    }
}

/// Runs the command.
pub(crate) async fn run(args: CaseLink, caller: &Caller, output: Output) -> Outcome {
    match args.command {
        Command::Create(args) => create(args, caller, output).await,
        Command::List(args) => list(args, caller, output).await,
        Command::Revoke(args) => revoke(args, caller, output).await,
    }
}

async fn create(args: Create, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let request = CreateLinkRequest {
        case_id: args.case,
        on_behalf_of: gateway.on_behalf_of.clone(),
        sequence: args.sequence,
        valid_for: prost_types::Duration::try_from(args.expires).ok(),
        max_downloads: args.downloads,
        channel: args.channel,
        confirm_delivery: args.confirm_delivery,
        language: args.language.map(String::from).unwrap_or_default(),
    };
    let answer = gateway.archives().create_link(request).await.map_err(|status| refused(&status))?.into_inner();
    let created = Created { link: answer.link.unwrap_or_default().into(), url: answer.url };
    output.print(&created, |created| {
        let until = created.link.expires_at.as_deref().unwrap_or_default();
        format!("{}\nlink {}, until {until}; this is the only time its URL is shown", created.url, created.link.link)
    })
}

async fn list(args: List, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let request = ListLinksRequest { case_id: args.case, on_behalf_of: gateway.on_behalf_of.clone() };
    let answer = gateway.archives().list_links(request).await.map_err(|status| refused(&status))?.into_inner();
    let links = Links { links: answer.links.into_iter().map(LinkView::from).collect() };
    output.print(&links, |links| {
        table(["link", "archive", "state", "downloads", "until"], links.links.iter().map(LinkView::row))
    })
}

async fn revoke(args: Revoke, caller: &Caller, output: Output) -> Outcome {
    let gateway = caller.connect().await?;
    let on_behalf_of = gateway.on_behalf_of.clone();
    let request = RevokeLinkRequest { case_id: args.case, on_behalf_of, link_id: args.link };
    let answer = gateway.archives().revoke_link(request).await.map_err(|status| refused(&status))?.into_inner();
    let link = LinkView::from(answer.link.unwrap_or_default());
    output.print(&link, |link| format!("link {} is {}", link.link, link.state))
}

/// A time such as 7d, 12h or 90m.
fn lasting(text: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "must be a time such as 7d, 12h or 90m";
    let time = match text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok()) {
        Some(days) => return Ok(Duration::from_secs(u64::from(days) * 24 * 3600)),
        None => text.parse::<SignedDuration>().map_err(|_| RULE)?,
    };
    Duration::try_from(time).map_err(|_| RULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_said_in_days() {
        assert_eq!(lasting("7d"), Ok(Duration::from_secs(7 * 24 * 3600)));
        assert_eq!(lasting("12h"), Ok(Duration::from_secs(12 * 3600)));
        for bad in ["d", "-1d", "7", "", "-2h", "soon"] {
            assert!(lasting(bad).is_err(), "{bad}");
        }
    }
}
