//! E-mail addresses: the domain in both its forms, the part before it in lower case. What one provider makes of dots and
//! plus signs is that provider's business and is not done here.

use unicode_normalization::UnicodeNormalization;

use super::form::{CheckDigits, Written};

/// RFC 5321 tells the case of local parts apart, hardly any system does; a quoted one stays as it is. Domains are compared
/// as A-labels (RFC 5890 section 2.3.2.4, UTS 46).
pub(super) fn write(given: &str) -> Option<Written> {
    let given: String = undotted(&given.nfc().collect::<String>());
    let (local, domain) = given.rsplit_once('@')?;
    let domain = domain.trim_end_matches('.');
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let is_quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let local = if is_quoted { local.to_owned() } else { local.to_lowercase() };
    // A literal address, or a name that no resolver would take: it is compared as it is.
    let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
    let (unicode, readable) = idna::domain_to_unicode(&ascii);
    let normal = format!("{local}@{ascii}");
    let domains = [Some(ascii.clone()), (readable.is_ok() && unicode != ascii).then_some(unicode)];
    let mut others = Vec::new();
    for domain in domains.iter().flatten() {
        others.push(format!("{local}@{domain}"));
        others.extend(cases(&local, domain));
    }
    Some(Written { normal, others, check: CheckDigits::Unknown })
}

/// Turkish has an i whose upper case keeps its dot, İ (U+0130); elsewhere that is an i with a second dot in lower case.
fn undotted(text: &str) -> String {
    text.replace('İ', "i").replace("i\u{307}", "i")
}

/// What is not ASCII in the cases that people write: databases that fold ASCII only find it no other way.
fn cases(local: &str, domain: &str) -> Vec<String> {
    let mut cases = Vec::new();
    for dotted in [false, true] {
        let (upper, domain_upper) = (upper(local, dotted, |_| true), upper(domain, dotted, |_| true));
        cases.push(format!("{}@{domain}", self::upper(local, dotted, |before| !before.is_alphanumeric())));
        cases.push(format!("{upper}@{domain}"));
        cases.push(format!("{upper}@{domain_upper}"));
    }
    cases.retain(|text| !text.is_ascii());
    cases
}

/// In upper case where the character before it says so, but for letters that would become others: ß is not SS. An i gets
/// its dot or not.
fn upper(text: &str, dotted: bool, is_upper: impl Fn(char) -> bool) -> String {
    let one = |(before, c): (char, char)| {
        let (mut upper, back) = (c.to_uppercase(), c.to_uppercase().flat_map(char::to_lowercase));
        let is_same = upper.len() == 1 && back.eq([c]);
        match upper.next().filter(|_| is_same && is_upper(before)) {
            Some('I') if dotted => 'İ',
            upper => upper.unwrap_or(c),
        }
    };
    std::iter::once(' ').chain(text.chars()).zip(text.chars()).map(one).collect()
}
