//! Holds the product to its budgets: each measure runs the real processes beside raw programs that do the same work with
//! nothing of the product's, on the same machine in the same run. What is held against a budget is a ratio or CPU time.
//!
//! `raw` are the raw programs, children of this one; `measure` runs both sides and gives `figure`s.

mod child;
mod cpu;
mod figure;
mod fixture;
mod measure;
mod raw;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::figure::{Figures, Verdict};
use crate::measure::{Database, Scale, Subject};
use crate::raw::Program;

/// Measures the product beside raw programs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures and prints a table.
    Measure {
        /// Smaller cases, and budgets held loosely enough for a busy machine.
        #[arg(long)]
        quick: bool,
        /// Reads rows from this database only.
        #[arg(long)]
        database: Option<Database>,
        /// What to measure; everything when nothing is named.
        subjects: Vec<Subject>,
    },
    /// Runs one raw program, described in JSON, and prints what it took.
    #[command(hide = true)]
    Raw {
        /// The program.
        program: String,
    },
}

fn main() -> Result<std::process::ExitCode> {
    match Arguments::parse().command {
        Command::Raw { program } => {
            serde_json::from_str::<Program>(&program)?.run()?;
            Ok(std::process::ExitCode::SUCCESS)
        }
        Command::Measure { quick, database, subjects } => {
            let scale = Scale { database, ..if quick { Scale::quick() } else { Scale::full() } };
            let figures = measure(&scale, &subjects)?;
            figures.print();
            let held = figures.verdict() == Verdict::Held;
            Ok(if held || !quick { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
        }
    }
}

fn measure(scale: &Scale, subjects: &[Subject]) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut figures = Figures::new(scale.looseness);
    for subject in Subject::all().into_iter().filter(|subject| subjects.is_empty() || subjects.contains(subject)) {
        eprintln!("measuring: {subject:?} (load {})", cpu::load());
        runtime.block_on(subject.run(scale, &mut figures))?;
    }
    Ok(figures)
}
