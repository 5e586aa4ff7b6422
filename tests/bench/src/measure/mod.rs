//! The measures: each runs the product and its raw programs in turns and says what it saw.
//!
//! `stand` is the product under measure; the other modules are named after what the table calls them.

mod closing;
mod export;
mod rows;
mod side;
mod small;
mod stand;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use tributary_tests::memory::MIB;

use crate::figure::Figures;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Rows per second of an agent, one table and a joined walk.
    Rows,
    /// A large export end to end, the gateway's CPU time in it, and both sides' memory.
    Export,
    /// Small cases at eight entities.
    Small,
    /// Closing a case of a thousand parts.
    Closing,
    /// Agents side by side, and memory while many stream.
    Side,
}

impl Subject {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(crate) async fn run(self, scale: &Scale, figures: &mut Figures) -> Result<()> {
        match self {
            Self::Rows => rows::measure(scale, figures).await,
            Self::Export => export::measure(scale, figures).await,
            Self::Small => small::measure(scale, figures).await,
            Self::Closing => closing::measure(scale, figures).await,
            Self::Side => side::measure(scale, figures).await,
        }
    }
}

/// Where the rows of a measure are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// In a SQLite file.
    Sqlite,
    /// On a PostgreSQL server.
    Postgresql,
    /// On a MariaDB server.
    Mariadb,
}

/// How much is measured, and how strictly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The only database that rows are read from; each of them when there is none.
    pub(crate) database: Option<Database>,
    /// Share of a budget that must be held.
    pub(crate) looseness: f64,
    /// Turns of product and raw program; the least disturbed one counts.
    pub(crate) turns: usize,
    /// Text of a large export.
    pub(crate) text: u64,
    /// Rows of one person in one table.
    pub(crate) rows: i64,
    /// Orders of one person.
    pub(crate) orders: i64,
    /// Small cases of a turn.
    pub(crate) cases: u64,
    /// Text behind each slow link.
    pub(crate) link_text: u64,
    /// How long a case waits before it is closed.
    pub(crate) window: Duration,
}

impl Scale {
    /// As the README's table has it.
    pub(crate) fn full() -> Self {
        Self {
            database: None,
            looseness: 1.0,
            turns: 3,
            text: 512 * MIB,
            rows: 1_000_000,
            orders: 100_000,
            cases: 200,
            link_text: 24 * MIB,
            window: Duration::from_secs(20),
        }
    }

    /// For every run of the tests.
    pub(crate) fn quick() -> Self {
        Self {
            database: None,
            looseness: 0.6,
            turns: 2,
            text: 256 * MIB,
            rows: 200_000,
            orders: 40_000,
            cases: 64,
            link_text: 8 * MIB,
            window: Duration::from_secs(12),
        }
    }
}
