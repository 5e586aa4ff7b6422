//! `inbox` of `agent.yaml`: how long people may take, and how they are told what waits for them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tributary_model::yaml::{Node, Place, Reader};

use super::quantity::Span;
use super::read::time;
use crate::inbox::Due;

/// Longest address of a mailbox.
const MAX_ADDRESS: usize = 320;

/// What waits for people at the entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSettings {
    /// How long a search by hand may take, unless the manifest says otherwise.
    pub manual: Duration,
    /// How long a review may take.
    pub review: Duration,
    /// Whether a person decides on each export before anything of it leaves, for entities that do not say it themselves.
    pub decide: bool,
    /// How long that decision may take.
    pub decision: Duration,
    /// How long after its day an answer is waited for; for ever when absent.
    pub give_up: Option<Duration>,
    /// Mail.
    pub mail: Option<MailSettings>,
    /// A URL that is called.
    pub webhook: Option<WebhookSettings>,
}

impl Default for InboxSettings {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self {
            manual: 10 * day,
            review: 10 * day,
            decide: false,
            decision: 10 * day,
            give_up: None,
            mail: None,
            webhook: None,
        }
    }
}

impl InboxSettings {
    /// How long people may take, at an entity that says for itself whether they decide or leaves that to all.
    pub(crate) fn due(&self, decide: Option<bool>) -> Due {
        let decision = decide.unwrap_or(self.decide).then_some(self.decision);
        Due { manual: self.manual, review: self.review, decision, give_up: self.give_up }
    }
}

/// A mail server and who is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// The server's name, as its certificate has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// PEM file of the authority that vouches for the server; the public ones unless said otherwise.
    pub ca: Option<PathBuf>,
    /// User name and the file with the password.
    pub login: Option<(String, PathBuf)>,
    /// Who writes.
    pub from: String,
    /// Who is asked.
    pub to: Vec<String>,
    /// Who is told when nobody answers in time; `to` when empty.
    pub escalate_to: Vec<String>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte on.
    Required,
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all, on this machine only.
    None,
}

/// A URL that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The URL.
    pub url: String,
    /// The file with the secret that signs what is posted.
    pub secret_file: PathBuf,
    /// PEM file of the authority that vouches for the server; the public ones unless said otherwise.
    pub ca: Option<PathBuf>,
}

pub(super) fn inbox(r: &mut Reader, node: &Node, folder: &Path) -> Option<InboxSettings> {
    let mut f = r.fields(node, "`inbox`")?;
    let mut settings = InboxSettings::default();
    if let Some(node) = f.node("due")
        && let Some(mut due) = r.fields(node, "`due`")
    {
        time(r, &mut due, "manual", &mut settings.manual);
        time(r, &mut due, "review", &mut settings.review);
        time(r, &mut due, "decision", &mut settings.decision);
        due.deny_unknown(r);
    }
    settings.decide = f.optional(r, "decide").unwrap_or(false);
    settings.give_up = f.optional(r, "give_up").map(|Span(time)| time);
    let mail = f.node("mail").map_or(Some(None), |node| mail(r, node, folder).map(Some));
    let webhook = f.node("webhook").map_or(Some(None), |node| webhook(r, node, folder).map(Some));
    f.deny_unknown(r);
    Some(InboxSettings { mail: mail?, webhook: webhook?, ..settings })
}

/// Reads `inbox` of one entity of several: whether its people decide.
pub(super) fn own(r: &mut Reader, node: &Node) -> Option<bool> {
    let mut f = r.fields(node, "an entity's `inbox`")?;
    let decide = f.optional(r, "decide");
    f.deny_unknown(r);
    decide
}

fn mail(r: &mut Reader, node: &Node, folder: &Path) -> Option<MailSettings> {
    let mut f = r.fields(node, "`mail`")?;
    let server = f.required_node(r, "smtp").and_then(|node| server(r, node));
    let tls = f.node("tls").map_or(Some(MailTls::Required), |node| tls(r, node));
    let ca: Option<String> = f.optional(r, "ca");
    let user: Option<String> = f.optional(r, "username");
    let password: Option<String> = f.optional(r, "password_file");
    let from = f.required_node(r, "from").and_then(|node| address(r, node, "from"));
    let to = f.required_node(r, "to").map(|node| addresses(r, node, "to")).unwrap_or_default();
    let escalate_to = f.node("escalate_to").map(|node| addresses(r, node, "escalate_to")).unwrap_or_default();
    let place = f.place();
    f.deny_unknown(r);
    if to.is_empty() {
        r.problem(place, "`to` must hold at least one address");
    }
    let login = match (user, password) {
        (Some(user), Some(file)) => Some((user, folder.join(file))),
        (None, None) => None,
        _ => {
            r.problem(place, "`username` and `password_file` need each other");
            None
        }
    };
    let ((host, port), tls) = (server?, tls?);
    if tls == MailTls::None && !is_this_machine(&host) {
        r.problem(place, "`tls` may be `none` for `localhost` or a loopback address only");
    }
    let ca = ca.map(|file| folder.join(file));
    Some(MailSettings { host, port, tls, ca, login, from: from?, to, escalate_to })
}

fn server(r: &mut Reader, node: &Node) -> Option<(String, u16)> {
    let text: String = r.scalar(node, "smtp")?;
    let parts =
        text.rsplit_once(':').and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() => Some((host.to_owned(), port)),
        _ => {
            r.problem(node.place, "`smtp` must be the server's name and port, such as mail.example:465");
            None
        }
    }
}

fn tls(r: &mut Reader, node: &Node) -> Option<MailTls> {
    match node.text() {
        Some("required") => Some(MailTls::Required),
        Some("starttls") => Some(MailTls::StartTls),
        Some("none") => Some(MailTls::None),
        _ => {
            r.problem(node.place, "`tls` must be `required`, `starttls`, or `none` for a server on this machine");
            None
        }
    }
}

fn addresses(r: &mut Reader, node: &Node, what: &'static str) -> Vec<String> {
    r.list(node, what).iter().filter_map(|item| address(r, item, what)).collect()
}

fn address(r: &mut Reader, node: &Node, what: &'static str) -> Option<String> {
    let text: String = r.scalar(node, what)?;
    let fits = text.len() <= MAX_ADDRESS && text.parse::<lettre::Address>().is_ok();
    if !fits {
        r.problem(node.place, format!("`{what}` must be an e-mail address, such as privacy@acme.example"));
    }
    fits.then_some(text)
}

fn webhook(r: &mut Reader, node: &Node, folder: &Path) -> Option<WebhookSettings> {
    let mut f = r.fields(node, "`webhook`")?;
    let url = f.required_node(r, "url").and_then(|node| url(r, node));
    let secret: Option<String> = f.required(r, "secret_file");
    let ca: Option<String> = f.optional(r, "ca");
    f.deny_unknown(r);
    Some(WebhookSettings { url: url?, secret_file: folder.join(secret?), ca: ca.map(|file| folder.join(file)) })
}

fn url(r: &mut Reader, node: &Node) -> Option<String> {
    let text: String = r.scalar(node, "url")?;
    let problem = |r: &mut Reader, place: Place, message: &str| {
        r.problem(place, message);
        None
    };
    let Ok(uri) = text.parse::<http::Uri>() else {
        return problem(r, node.place, "`url` must be a URL, such as https://desk.acme.example/hook");
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Some(text),
        Some("http") if is_this_machine(host) => Some(text),
        _ => problem(r, node.place, "`url` must begin with https://, or with http:// for a server on this machine"),
    }
}

/// Whether a host is this machine itself.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
