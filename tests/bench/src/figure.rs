//! What was measured, held against its budget, as a table in Markdown.

use std::time::Duration;

/// How a measure turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the budget.
    Held,
    /// Not.
    Missed,
    /// Printed for information.
    Told,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    what: String,
    product: String,
    raw: String,
    ratio: String,
    budget: String,
    verdict: Verdict,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Figures {
    /// 1 where budgets are meant as they stand; less where noise must not fail a test.
    looseness: f64,
    lines: Vec<Figure>,
}

impl Figures {
    pub(crate) fn new(looseness: f64) -> Self {
        Self { looseness, lines: Vec::new() }
    }

    /// The product's speed as a share of the raw program's; `least` of it is the budget.
    pub(crate) fn at_least(&mut self, what: &str, product: String, raw: String, ratio: f64, least: f64) {
        let verdict = if ratio >= least * self.looseness { Verdict::Held } else { Verdict::Missed };
        let budget = format!("≥ {least} × raw");
        self.push(what, product, raw, format!("{ratio:.2}"), budget, verdict);
    }

    /// The product's cost as a multiple of the raw program's; `most` of it is the budget.
    pub(crate) fn at_most(&mut self, what: &str, product: String, raw: String, ratio: f64, most: f64) {
        let verdict = if ratio * self.looseness <= most { Verdict::Held } else { Verdict::Missed };
        let budget = format!("≤ {most} × raw");
        self.push(what, product, raw, format!("{ratio:.2}"), budget, verdict);
    }

    /// An amount with a limit of its own, which noise does not move.
    pub(crate) fn within(&mut self, what: &str, product: String, budget: String, is_within: bool) {
        let verdict = if is_within { Verdict::Held } else { Verdict::Missed };
        self.push(what, product, "–".to_owned(), "–".to_owned(), budget, verdict);
    }

    /// A figure without a budget.
    pub(crate) fn told(&mut self, what: &str, product: String, raw: String) {
        self.push(what, product, raw, "–".to_owned(), "–".to_owned(), Verdict::Told);
    }

    fn push(&mut self, what: &str, product: String, raw: String, ratio: String, budget: String, verdict: Verdict) {
        let figure = Figure { what: what.to_owned(), product, raw, ratio, budget, verdict };
        // At once as well, so that a run that is broken off has told what it knew.
        eprintln!("{}", figure.line());
        self.lines.push(figure);
    }

    /// Whether every budget was held.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.lines.iter().any(|line| line.verdict == Verdict::Missed) { Verdict::Missed } else { Verdict::Held }
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("| what | product | raw | ratio | budget | |");
        println!("|---|---|---|---|---|---|");
        self.lines.iter().for_each(|line| println!("{}", line.line()));
    }
}

impl Figure {
    fn line(&self) -> String {
        let Self { what, product, raw, ratio, budget, verdict } = self;
        let verdict = match verdict {
            Verdict::Held => "ok",
            Verdict::Missed => "missed",
            Verdict::Told => "",
        };
        format!("| {what} | {product} | {raw} | {ratio} | {budget} | {verdict} |")
    }
}

/// The least of several measurements: the one that others disturbed least.
pub(crate) fn least(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

/// A time for people.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.1} ms", seconds * 1e3) }
}

/// One time as a multiple of another.
pub(crate) fn times(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(f64::MIN_POSITIVE)
}
