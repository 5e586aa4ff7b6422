//! Tells people what waits for them: when it was asked, at half its time, on its day, and daily after that. Silence
//! escalates, it never approves.
//!
//! What is to be told lies in the ledger's outbox until it was taken, so that a mail server that is down loses nothing;
//! `mail` and `webhook` carry it. No text holds personal data.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tributary_model::id::{EntityId, QuestionId};

use super::due::plus;
use super::mail::Mailer;
use super::webhook::Webhook;
use super::{Channel, Kind, Stage};
use crate::config::InboxSettings;
use crate::export::{ExportError, Exports};
use crate::ledger::{Notice, Question};

/// How often the ledger is asked; the question is one look into an index.
const EVERY: Duration = Duration::from_secs(1);
/// Notices sent in one go.
const BATCH: usize = 16;
/// The first pause after a try that failed, which doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_secs(3600);

/// Tells people.
pub(crate) struct Notifier {
    exports: Exports,
    entity: EntityId,
    mailer: Option<Mailer>,
    webhook: Option<Webhook>,
    /// The stage that each open question was announced at last. One that is asked anew is another.
    announced: HashMap<(QuestionId, Timestamp), Stage>,
    overdue: Arc<AtomicU64>,
}

/// What is said of a question, whichever way it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// One line.
    pub(super) subject: String,
    /// All of it.
    pub(super) text: String,
}

impl Notifier {
    pub(crate) fn new(exports: Exports, entity: EntityId, settings: &InboxSettings) -> Self {
        let overdue = Arc::new(AtomicU64::new(0));
        Self {
            exports,
            entity,
            mailer: settings.mail.clone().map(Mailer::new),
            webhook: settings.webhook.clone().map(Webhook::new),
            announced: HashMap::new(),
            overdue,
        }
    }

    /// How many questions are overdue, for as long as people are told.
    pub(crate) fn overdue(&self) -> Weak<AtomicU64> {
        Arc::downgrade(&self.overdue)
    }

    /// Tells people until the exports stop.
    pub(crate) async fn run(mut self) {
        let stopping = self.exports.stopped();
        let mut pause = Duration::ZERO;
        while stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = EVERY;
            match stopping.run_until_cancelled(self.look()).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::error!(%error, "what people are to be told could not be looked up; it is tried again");
                }
            }
        }
    }

    async fn look(&mut self) -> Result<(), ExportError> {
        let (open, now) = self.exports.at_desk(|setup| Ok((setup.ledger.questions(false)?, setup.clock.now()))).await?;
        let stage = |q: &Question| ((q.id, q.created_at), Stage::at(q.created_at, q.due_at, now));
        let stages: HashMap<_, _> = open.iter().map(stage).collect();
        let overdue = stages.values().filter(|stage| stage.is_escalation()).count();
        self.overdue.store(overdue as u64, Ordering::Relaxed);
        let channels = self.channels();
        for (&(question, _), &stage) in stages.iter().filter(|(id, stage)| self.announced.get(id) != Some(*stage)) {
            let channels = channels.clone();
            self.exports.at_desk(move |setup| Ok(setup.ledger.announce(question, stage, &channels, now)?)).await?;
        }
        self.announced = stages;
        let due = self.exports.at_desk(move |setup| Ok(setup.ledger.notices(BATCH, now)?)).await?;
        for notice in due {
            self.tell(&notice).await?;
        }
        Ok(())
    }

    fn channels(&self) -> Vec<Channel> {
        let mail = self.mailer.as_ref().map(|_| Channel::Mail);
        let webhook = self.webhook.as_ref().map(|_| Channel::Webhook);
        [Some(Channel::Log), mail, webhook].into_iter().flatten().collect()
    }

    async fn tell(&self, notice: &Notice) -> Result<(), ExportError> {
        let told = told(&self.entity, &notice.question, notice.stage);
        let sent = match (notice.channel, &self.mailer, &self.webhook) {
            (Channel::Log, _, _) => {
                log(&notice.question, notice.stage);
                Ok(())
            }
            (Channel::Mail, Some(mailer), _) => mailer.send(notice, &told).await,
            (Channel::Webhook, _, Some(webhook)) => webhook.send(&self.entity, notice, &told).await,
            // Configured away since.
            (Channel::Mail | Channel::Webhook, _, _) => Ok(()),
        };
        let (id, attempts, channel) = (notice.id, notice.attempts, notice.channel.as_str());
        if let Err(error) = &sent {
            let pause = PAUSE.saturating_mul(1 << attempts.min(10)).min(LONGEST);
            tracing::warn!(
                channel,
                attempts,
                ?pause,
                error,
                "people could not be told what waits for them; it is tried again"
            );
            return self
                .exports
                .at_desk(move |setup| Ok(setup.ledger.not_told(id, plus(setup.clock.now(), pause))?))
                .await;
        }
        self.exports.at_desk(move |setup| Ok(setup.ledger.told(id, setup.clock.now())?)).await
    }
}

fn log(question: &Question, stage: Stage) {
    let Question { id, case, kind, due_at, .. } = question;
    let (kind, stage_name) = (kind.as_str(), stage.to_string());
    if stage.is_escalation() {
        tracing::warn!(question = %id, %case, kind, %due_at, stage = stage_name, "people at the entity have not answered in time");
    } else {
        tracing::info!(question = %id, %case, kind, %due_at, stage = stage_name, "people at the entity are asked");
    }
}

/// What is said of a question. No personal data: who it is about, `show` says at the entity only.
pub(super) fn told(entity: &EntityId, question: &Question, stage: Stage) -> Told {
    let Question { id, case, kind, created_at, due_at, .. } = question;
    let day = |at: &Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (created, due) = (day(created_at), day(due_at));
    let what = match kind {
        Kind::Manual => "a search by hand",
        Kind::Review => "a review before release",
        Kind::Decision => "a decision",
    };
    let place = match question.place() {
        Some((dataset, collection)) => format!("{dataset}, {collection}"),
        None => "everything that is found".to_owned(),
    };
    let subject = match stage {
        Stage::Created => format!("{entity}: {what} for case {case}, due {due}"),
        Stage::Reminder => format!("{entity}: reminder: {what} for case {case}, due {due}"),
        Stage::Due => format!("{entity}: due now: {what} for case {case}"),
        Stage::Overdue(days) => format!("{entity}: {days} days overdue: {what} for case {case}"),
    };
    let waits = if stage.is_escalation() {
        "Nobody has answered in time. The request is not answered without it, and nothing leaves unseen."
    } else {
        "The request waits for it."
    };
    let text = format!(
        "A person's data-protection request needs {what} at {entity}.\n\n\
         Case:    {case}\nWhere:   {place}\nAsked:   {created}\nDue:     {due}\n\n{waits}\n\n\
         On the agent's host, with its configuration:\n\n  \
         tributary agent inbox show {id} --config agent.yaml\n  \
         tributary agent inbox answer {id} --config agent.yaml --help\n"
    );
    Told { subject, text }
}
