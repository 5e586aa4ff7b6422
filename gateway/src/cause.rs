//! Why an entity has not answered, as far as an archive says it: in words for the person, and for whomever they show it.
//!
//! A task's reason is for operators and may name hosts and ports of the group's network, which an archive leaves out on
//! purpose. So what was seen from here is a kind with words of its own, and only what an agent says of its own waiting is
//! repeated. Neighbours: `entity` and `worker` (what was seen), `assembly` (what is written).

use tributary_model::disposition::Disposition;

/// What stands in the way of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The agent says that it waits, and why: the reason is in its words, fit for one line.
    Said,
    /// The agent reads, or sends what it has read.
    AtWork,
    /// One of the entity's systems is away.
    SystemAway,
    /// The agent has no room left.
    AgentFull,
    /// The agent has too much to do, or is stopping.
    Busy,
    /// The agent began anew.
    Anew,
    /// There is no room left here.
    GatewayFull,
    /// Something else of our own.
    Gateway,
    /// There is no connection.
    Unreachable,
    /// The agent took longer than it may.
    TimedOut,
    /// Somebody else is at the agent's address, or one side does not trust the other.
    NotTrusted,
    /// The agent refuses what is asked of it.
    Refused,
    /// The agent failed, or broke the contract.
    Failed,
    /// What the entity signed does not count, or not for what was staged.
    Unverified,
    /// What the entity signed does not count any more.
    Void,
    /// The answer is larger than is taken in here.
    TooLarge,
    /// The agent has ended the export, and the answer is not here.
    Over,
    /// The group file in force does not list the entity any more.
    NotListed,
}

impl Cause {
    const ALL: [Self; 18] = [
        Self::Said,
        Self::AtWork,
        Self::SystemAway,
        Self::AgentFull,
        Self::Busy,
        Self::Anew,
        Self::GatewayFull,
        Self::Gateway,
        Self::Unreachable,
        Self::TimedOut,
        Self::NotTrusted,
        Self::Refused,
        Self::Failed,
        Self::Unverified,
        Self::Void,
        Self::TooLarge,
        Self::Over,
        Self::NotListed,
    ];

    /// The name in the store.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Said => "said",
            Self::AtWork => "at_work",
            Self::SystemAway => "system_away",
            Self::AgentFull => "agent_full",
            Self::Busy => "busy",
            Self::Anew => "anew",
            Self::GatewayFull => "gateway_full",
            Self::Gateway => "gateway",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::NotTrusted => "not_trusted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unverified => "unverified",
            Self::Void => "void",
            Self::TooLarge => "too_large",
            Self::Over => "over",
            Self::NotListed => "not_listed",
        }
    }

    /// The cause of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }

    /// What an archive says. `reason` is the task's, of which nothing but an agent's own words is repeated.
    pub(crate) fn in_words(self, reason: &str) -> String {
        let words = match self {
            Self::Said if reason.is_empty() => UNANSWERED,
            Self::Said => return format!("{UNANSWERED}; its agent last said: {reason}"),
            Self::AtWork => "the entity has not answered yet: its agent was reading or sending",
            Self::SystemAway => "the entity has not answered yet: one of its systems could not be searched",
            Self::AgentFull => "the entity has not answered yet: its agent had no room left for the answer",
            Self::Busy => "the entity has not answered yet: its agent was busy or stopping",
            Self::Anew => "the entity has not answered yet: its agent had to begin anew",
            Self::GatewayFull => "the entity has not answered yet: the gateway had no room left for the answer",
            Self::Gateway => "the entity has not answered yet: the gateway could not take the answer in",
            Self::Unreachable => UNREACHABLE,
            Self::TimedOut => TIMED_OUT,
            Self::NotTrusted => "no connection to the entity's agent could be made that both sides trust",
            Self::Refused => "the entity's agent refused what the gateway asked of it",
            Self::Failed => "the entity's agent failed, or sent something that is not valid",
            Self::Unverified => "what the entity signed does not verify, or is not what its agent sent",
            Self::Void => "the entity's signed answer does not count any more",
            Self::TooLarge => "the entity's answer is larger than the gateway takes in",
            Self::Over => "the entity's agent has ended its part, and its answer was not taken in",
            Self::NotListed => "the group's list does not have the entity any more",
        };
        words.to_owned()
    }
}

const UNANSWERED: &str = "the entity has not answered yet";
const UNREACHABLE: &str = "there was no connection to the entity's agent";
const TIMED_OUT: &str = "the entity's agent did not answer in time";

/// What an archive says where no cause was recorded with the reason, as earlier versions did not.
pub(crate) fn of_disposition(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Unreachable => UNREACHABLE,
        Disposition::TimedOut => TIMED_OUT,
        Disposition::Failed => {
            "the entity's agent failed, or sent something that does not verify or is more than can be taken in"
        }
        _ => UNANSWERED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_agents_own_words_are_repeated() {
        let secret = "10.0.0.7:8443 /var/lib";
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
            assert_eq!(cause.in_words(secret).contains(secret), cause == Cause::Said, "{cause:?}");
        }
        assert_eq!(Cause::Said.in_words("waits"), "the entity has not answered yet; its agent last said: waits");
        assert_eq!(Cause::Said.in_words(""), "the entity has not answered yet");
        assert_eq!(Cause::parse("anna"), None);
    }
}
