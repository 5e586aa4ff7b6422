//! Countries and legal areas, as data (DESIGN principle 7). Source: `data/countries.tsv`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One country of ISO 3166-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    /// Two letters, for example `FR`.
    pub code: &'static str,
    /// English short name.
    pub name: &'static str,
    /// Which transfer regime binds an exporter established there: `eu_gdpr`, `uk_gdpr`, `ch_fadp` or `none`.
    pub regime: &'static str,
    /// The legal area: countries between which data moves without a transfer instrument, for example `EEA`.
    pub legal_area: &'static str,
}

static COUNTRIES: LazyLock<BTreeMap<&'static str, Country>> = LazyLock::new(|| {
    include_str!("../data/countries.tsv").lines().filter(|line| !line.starts_with('#')).filter_map(parse).collect()
});

fn parse(line: &'static str) -> Option<(&'static str, Country)> {
    let mut columns = line.split('\t');
    let mut next = || columns.next();
    let country = Country { code: next()?, name: next()?, regime: next()?, legal_area: next()? };
    Some((country.code, country))
}

impl Country {
    /// Looks a code up; `None` for one that ISO 3166-1 does not have.
    pub fn find(code: &str) -> Option<&'static Country> {
        COUNTRIES.get(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_country() {
        assert_eq!(COUNTRIES.len(), 249);
        assert_eq!(Country::find("FR").unwrap().legal_area, "EEA");
        assert_eq!(Country::find("NO").unwrap().legal_area, "EEA");
        assert_eq!(Country::find("GB").unwrap().legal_area, "UK");
        assert!(Country::find("EL").is_none());
    }
}
