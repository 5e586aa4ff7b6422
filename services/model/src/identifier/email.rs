//! E-mail addresses: the domain in both its forms, the part before it in lower case. What one provider makes of dots and
//! plus signs is that provider's business and is not done here.

use unicode_normalization::UnicodeNormalization;

use super::form::{CheckDigits, Written};

/// RFC 5321 tells the case of local parts apart, hardly any system does; a quoted one stays as it is. Domains are compared
/// as A-labels (RFC 5890 section 2.3.2.4, UTS 46).
pub(super) fn write(given: &str) -> Option<Written> {
    let given: String = given.nfc().collect();
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
    let mut others = Vec::new();
    if readable.is_ok() && unicode != ascii {
        others.push(format!("{local}@{unicode}"));
    }
    // Databases that fold ASCII only find the rest when it is written in both cases.
    let upper: Vec<String> =
        others.iter().chain([&normal]).filter(|text| !text.is_ascii()).map(|text| upper(text)).collect();
    others.extend(upper);
    Some(Written { normal, others, check: CheckDigits::Unknown })
}

/// In upper case, but for letters that would become others: ß is not SS.
fn upper(text: &str) -> String {
    let one = |c: char| {
        let (mut upper, back) = (c.to_uppercase(), c.to_uppercase().flat_map(char::to_lowercase));
        let is_same = upper.len() == 1 && back.eq([c]);
        upper.next().filter(|_| is_same).unwrap_or(c)
    };
    text.chars().map(one).collect()
}
