//! Pages at the size that the archive allows: a thousand entities, and four megabytes of previews.

use tributary_model::disposition::Disposition;
use tributary_page::{Cell, Entity, Observed, Page};

use super::normal::{entity, page as normal};
use super::{at, data, keep};

/// A thousand entities, of which some hold data and some are missing.
pub(crate) fn entities() -> Page<'static> {
    let mut page = normal("en");
    page.overview.clear();
    page.entities = (0..1000).map(|n| one(n, &page)).collect();
    page
}

fn one(n: usize, page: &Page<'_>) -> Entity<'static> {
    let disposition = match n % 20 {
        0 => Disposition::Unreachable,
        1..=4 => Disposition::Fulfilled,
        _ => Disposition::NoData,
    };
    let mut one = entity(
        keep(format!("company-{n}")),
        keep(format!("Company No. {n} S.A.")),
        ["FR", "DE", "BE", "ES"][n % 4],
        disposition,
    );
    one.contact = Some(keep(format!("privacy@company-{n}.example")));
    if disposition == Disposition::Unreachable {
        let reason = "no connection".into();
        one.observed = Some(Observed { since: at("2026-11-12T08:00:00Z"), last_attempt: None, attempts: 4, reason });
    } else {
        one.attested_at = Some(at("2026-11-20T09:14:00Z"));
    }
    if disposition == Disposition::Fulfilled {
        one.in_archive = Some(1);
        one.collections = vec![data::customers(page.language), data::orders(page.language, 5, 5)];
    }
    one
}

/// Eight entities with 4 MiB of cells between them.
pub(crate) fn megabytes() -> Page<'static> {
    let mut page = normal("en");
    let text = keep("A sentence of some length, as people write them in tickets and notes. ".repeat(2));
    page.entities = (0..8)
        .map(|n| {
            let mut one = entity(
                keep(format!("company-{n}")),
                keep(format!("Company No. {n} S.A.")),
                "FR",
                Disposition::Fulfilled,
            );
            one.attested_at = Some(at("2026-11-20T09:14:00Z"));
            one.in_archive = Some(1);
            one.collections = (0..16)
                .map(|_| {
                    let mut orders = data::orders(page.language, 170, 90_000);
                    for row in &mut orders.rows {
                        row[2] = Cell::Text(text);
                    }
                    orders
                })
                .collect();
            one
        })
        .collect();
    page.overview.clear();
    page
}
