//! Who opens the connection between gateway and agents, and which of the two a run of the tests looks at.

use std::future::Future;

use anyhow::Result;

/// Names `inbound`, `outbound` or `both`. Without it, scenarios that say so run in both directions and all others inbound.
const VARIABLE: &str = "TRIBUTARY_TEST_DIRECTION";

/// Seen from the agents' hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The gateway dials the agents.
    Inbound,
    /// The agents dial the gateway.
    Outbound,
}

impl Direction {
    /// The direction of scenarios that run in one only.
    pub fn usual() -> Self {
        if wanted().as_deref() == Some("outbound") { Self::Outbound } else { Self::Inbound }
    }

    /// Runs a scenario that is made for both directions in this one, unless the other one alone is asked for.
    ///
    /// # Errors
    /// What the scenario finds.
    pub async fn run<F>(self, scenario: impl FnOnce(Self) -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let own = match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        };
        if wanted().is_some_and(|wanted| wanted != "both" && wanted != own) {
            println!("not run: {VARIABLE} asks for the other direction");
            return Ok(());
        }
        scenario(self).await
    }
}

fn wanted() -> Option<String> {
    let wanted = std::env::var(VARIABLE).ok()?;
    assert!(["inbound", "outbound", "both"].contains(&wanted.as_str()), "{VARIABLE} is inbound, outbound or both");
    Some(wanted)
}

/// Makes two tests of each scenario `async fn name(direction: Direction) -> Result<()>`: the gateway dials, agents dial.
#[macro_export]
macro_rules! in_both_directions {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use tributary_tests::group::Direction;

            #[tokio::test(flavor = "multi_thread")]
            async fn where_the_gateway_dials() -> anyhow::Result<()> {
                Direction::Inbound.run(super::$name).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn where_agents_dial_in() -> anyhow::Result<()> {
                Direction::Outbound.run(super::$name).await
            }
        }
    )+};
}
