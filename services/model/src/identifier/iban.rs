//! Bank accounts, ISO 13616: without spaces for machines, in groups of four on paper.

use super::form::{CheckDigits, Written, compact};

pub(super) fn write(given: &str) -> Option<Written> {
    let normal = compact(given);
    let is_iban = (15..=34).contains(&normal.len())
        && normal.is_ascii()
        && normal.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && normal.bytes().skip(2).take(2).all(|b| b.is_ascii_digit());
    if !is_iban {
        return None;
    }
    let characters: Vec<char> = normal.chars().collect();
    let grouped = characters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
    // ISO 7064, MOD 97-10, over the number with its first four characters moved to its end.
    let rest = characters[4..].iter().chain(&characters[..4]).fold(0_u32, |rest, c| match c.to_digit(36) {
        Some(digit @ 0..10) => (rest * 10 + digit) % 97,
        Some(letter) => (rest * 100 + letter) % 97,
        None => rest,
    });
    Some(Written { normal, others: vec![grouped], check: CheckDigits::of(rest == 1) })
}
