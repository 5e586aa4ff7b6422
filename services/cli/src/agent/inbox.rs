//! `tributary agent inbox`: what waits for a person at the entity. Talks to the running agent over its socket, on its
//! host, as its user.

use std::fmt::Write;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use tributary_agent::inbox::{Client, ClientError, Kept, Kind, Listed, ListedPart, Shown, Standing, Verdict};
use tributary_model::id::{EntityId, QuestionId};
use tributary_model::language::{Language, Texts};

use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, size, table};

/// What can be done with the inbox.
#[derive(Debug, Args)]
pub(crate) struct Inbox {
    /// The agent's configuration
    #[arg(long, env = "TRIBUTARY_CONFIG", default_value = "agent.yaml", global = true)]
    config: PathBuf,
    /// Only this entity's, where the agent serves several
    #[arg(long, global = true)]
    entity: Option<EntityId>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What waits for an answer, oldest first
    List {
        /// Also what was answered, and what is needed no more
        #[arg(long)]
        all: bool,
    },
    /// Whom a question is about and what there is to look at: personal data on your screen
    Show {
        /// The question
        question: QuestionId,
        /// Write what there is to look at into this folder, which only you can read
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Answer a question, for good
    Answer(Answer),
}

/// `agent inbox answer`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("verdict").required(true).multiple(false)))]
struct Answer {
    /// The question
    question: QuestionId,
    /// Search by hand: a file that was found; may be repeated
    #[arg(long, value_name = "FILE", group = "verdict")]
    file: Vec<PathBuf>,
    /// Search by hand: nothing was found
    #[arg(long, group = "verdict")]
    none: bool,
    /// Search by hand: it cannot be done. Decision: the request is refused. And why (the person reads this)
    #[arg(long, value_name = "REASON", group = "verdict")]
    refuse: Option<String>,
    /// Decision: the request is fulfilled
    #[arg(long, group = "verdict")]
    fulfil: bool,
    /// Review: it may leave
    #[arg(long, group = "verdict")]
    release: bool,
    /// Review: it does not leave, and why (the person reads this)
    #[arg(long, value_name = "REASON", group = "verdict")]
    withhold: Option<String>,
    /// Review: this redacted version leaves in its place
    #[arg(long, value_name = "FILE", group = "verdict", requires = "part")]
    replace: Option<PathBuf>,
    /// Review: the part that is meant, as `show` numbers it; all that are not answered unless said otherwise
    #[arg(long, value_name = "NUMBER")]
    part: Option<u32>,
    /// For whom you answer, if not for yourself
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// A question with its parts, as JSON.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    shown: Shown,
    parts: Vec<ListedPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<PathBuf>,
}

/// What became of an answer, as JSON.
#[derive(Serialize)]
struct Answered {
    question: QuestionId,
    /// Nothing is left to answer.
    whole: bool,
    /// The same was answered before.
    known: bool,
}

/// Runs the command.
pub(crate) async fn run(inbox: Inbox, output: Output) -> Outcome {
    let clients = clients(&inbox)?;
    match inbox.command {
        Command::List { all } => {
            let mut questions = Vec::new();
            for client in &clients {
                questions.extend(client.list(all).await.map_err(failure)?);
            }
            questions.sort_by_key(|question| (question.created_at, question.id));
            output.print(&questions, |questions| list_text(questions))
        }
        Command::Show { question, out } => {
            let (client, shown, parts) = find(&clients, question).await?;
            if let Some(out) = &out {
                write_out(client, question, &parts, out).await?;
            }
            output.print(&Whole { shown, parts, out }, show_text)
        }
        Command::Answer(answer) => {
            let question = answer.question;
            let (client, shown, _) = find(&clients, question).await?;
            let (verdict, files) = verdict(&answer, shown.question.kind);
            let kept = client.answer(question, answer.part, verdict, &files, answer.by).await.map_err(failure)?;
            let Kept { whole, known } = kept;
            output.print(&Answered { question, whole, known }, |answered| answered_text(answered).to_owned())
        }
    }
}

fn clients(inbox: &Inbox) -> Result<Vec<Client>, Failure> {
    let config = super::load(&inbox.config)?;
    let served = config.entities.iter().filter(|served| inbox.entity.as_ref().is_none_or(|id| *id == served.id));
    let clients: Vec<Client> = served.map(|served| Client::new(&served.data_dir)).collect();
    match (&inbox.entity, clients.is_empty()) {
        (Some(entity), true) => Err(Failure::new(Exit::NotFound, format!("this agent does not serve `{entity}`"))),
        _ => Ok(clients),
    }
}

/// The inbox that has a question, with the question.
async fn find(clients: &[Client], question: QuestionId) -> Result<(&Client, Shown, Vec<ListedPart>), Failure> {
    let mut missing = None;
    for client in clients {
        match client.show(question).await {
            Ok((shown, parts)) => return Ok((client, shown, parts)),
            Err(error @ ClientError::NotFound(_)) => missing = Some(error),
            Err(error) => return Err(failure(error)),
        }
    }
    Err(missing.map_or_else(|| Failure::silent(Exit::NotFound), failure))
}

fn verdict(answer: &Answer, kind: Kind) -> (Verdict, Vec<PathBuf>) {
    let Answer { file, none, refuse, fulfil, release, withhold, replace, .. } = answer;
    match (refuse, withhold, replace) {
        (Some(reason), _, _) if kind == Kind::Decision => (Verdict::Refuse(reason.clone()), Vec::new()),
        (Some(reason), _, _) => (Verdict::CannotAnswer(reason.clone()), Vec::new()),
        (_, Some(reason), _) => (Verdict::Withhold(reason.clone()), Vec::new()),
        (_, _, Some(path)) => (Verdict::Replace, vec![path.clone()]),
        _ if *fulfil => (Verdict::Fulfil, Vec::new()),
        _ if *none => (Verdict::Nothing, Vec::new()),
        _ if *release => (Verdict::Release, Vec::new()),
        _ => (Verdict::Files, file.clone()),
    }
}

/// Writes every part into a folder of its reader's own.
async fn write_out(client: &Client, question: QuestionId, parts: &[ListedPart], out: &Path) -> Outcome {
    let failed = |path: &Path, error: io::Error| Failure::invalid(format!("{}: {error}", path.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(out).map_err(|error| failed(out, error))?;
    for part in parts {
        let name = part.path.rsplit('/').next().unwrap_or("file");
        let path = out.join(format!("{:04}-{name}", part.number));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = tokio::fs::File::from_std(file.map_err(|error| failed(&path, error))?);
        client.read(question, part.number, &mut file).await.map_err(failure)?;
    }
    Ok(())
}

fn failure(error: ClientError) -> Failure {
    let exit = match &error {
        ClientError::NotRunning { .. } | ClientError::Later(_) | ClientError::Broken(_) => Exit::TryAgain,
        ClientError::NotAllowed { .. } => Exit::Refused,
        ClientError::NotFound(_) => Exit::NotFound,
        ClientError::Invalid(_) | ClientError::File { .. } => Exit::Invalid,
        _ => Exit::Failure,
    };
    Failure::new(exit, error)
}

fn list_text(questions: &[Listed]) -> String {
    if questions.is_empty() {
        return "nothing waits for an answer".to_owned();
    }
    table(
        ["question", "entity", "kind", "about", "due", "state"],
        questions.iter().map(|question| {
            let due = question.due_at.strftime("%F").to_string();
            [
                question.id.to_string(),
                question.entity.to_string(),
                kind(question.kind).to_owned(),
                about(question),
                due,
                state(question),
            ]
        }),
    )
}

/// Where a question looks; a decision is about all that the entity would give.
fn about(question: &Listed) -> String {
    match (&question.dataset, &question.collection) {
        (Some(dataset), Some(collection)) => format!("{dataset}, {collection}"),
        _ => "everything".to_owned(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Manual => "search by hand",
        Kind::Review => "review",
        Kind::Decision => "decision",
    }
}

fn state(question: &Listed) -> String {
    let by = question.answered_by.as_deref().unwrap_or("somebody");
    match question.state {
        Standing::Open if question.overdue => "OVERDUE".to_owned(),
        Standing::Open if question.answered_parts > 0 => {
            format!("{} of {} answered", question.answered_parts, question.parts)
        }
        Standing::Open => "open".to_owned(),
        Standing::Answered => format!("answered by {by}"),
        Standing::Withdrawn => "needed no more".to_owned(),
        Standing::Lapsed => "given up".to_owned(),
    }
}

fn show_text(whole: &Whole) -> String {
    let question = &whole.shown.question;
    let mut text = format!(
        "{} for case {}\nentity  {}\nabout   {}\n{}asked   {}\ndue     {}\nstate   {}",
        kind(question.kind),
        question.case,
        question.entity,
        about(question),
        question.received_at.map(|at| format!("request {}\n", at.strftime("%F"))).unwrap_or_default(),
        question.created_at.strftime("%F"),
        question.due_at.strftime("%F"),
        state(question),
    );
    if let Some(ask) = in_own_language(&question.ask) {
        let _ = write!(text, "\n\n{ask}");
    }
    if !whole.shown.person.is_empty() {
        text.push_str("\n\nthe person");
        for (kind, value) in &whole.shown.person {
            let _ = write!(text, "\n  {kind}  {value}");
        }
    }
    if !whole.parts.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(
            ["part", "file", "type", "size", "rows", "answer"],
            whole.parts.iter().map(|part| {
                let rows = if part.rows > 0 { part.rows.to_string() } else { String::new() };
                let answer = part.answer.clone().unwrap_or_default();
                [part.number.to_string(), part.path.clone(), part.media_type.clone(), size(part.bytes), rows, answer]
            }),
        ));
    }
    if let Some(out) = &whole.out {
        let _ = write!(text, "\n\nwritten to {}; remove that folder when you are done", out.display());
    }
    text
}

fn answered_text(answered: &Answered) -> &'static str {
    match (answered.known, answered.whole) {
        (true, _) => "that was answered before, and stands",
        (false, true) => "answered; nothing is left to answer here",
        (false, false) => "answered; other parts wait for an answer",
    }
}

/// A text in the language of this terminal, or in English, or in any.
fn in_own_language(texts: &Texts) -> Option<&str> {
    let wanted = std::env::var("LC_ALL").or_else(|_| std::env::var("LC_MESSAGES")).or_else(|_| std::env::var("LANG"));
    let wanted = wanted.ok().and_then(|tag| tag.split(['.', '@']).next()?.replace('_', "-").parse::<Language>().ok());
    texts.get(&wanted.unwrap_or_else(Language::english))
}
