//! MySQL's values, as the walk shows them: numbers in all their digits, times as RFC 3339 has them, and what is no day
//! (`0000-00-00`) in the server's own words.

use sqlx::mysql::{MySql, MySqlRow};
use sqlx::{Decode, Row};

use crate::source::ReadError;
use crate::source::server::{Decoded, Kind};

/// Appends a value of a result to a row.
pub(super) fn value(row: &MySqlRow, index: usize, kind: Kind, into: &mut Decoded) -> Result<(), ReadError> {
    let unknown = || ReadError::NotReadable("a value has a form that is not known".to_owned());
    let raw = row.try_get_raw(index).map_err(|_| unknown())?;
    // Decoding bytes fails for no value only.
    let Ok(bytes) = <&[u8] as Decode<MySql>>::decode(raw) else {
        into.null();
        return Ok(());
    };
    binary(bytes, kind, into).ok_or_else(unknown)
}

fn binary(bytes: &[u8], kind: Kind, into: &mut Decoded) -> Option<()> {
    match kind {
        Kind::Integer { min: 0, .. } => into.unsigned(unsigned(bytes)?),
        Kind::Integer { .. } => into.integer(signed(bytes)?),
        Kind::Bits => into.unsigned(bytes.iter().try_fold(0_u64, |n, &b| Some(n.checked_mul(256)? + u64::from(b)))?),
        Kind::Single => {
            let n = f32::from_le_bytes(bytes.try_into().ok()?);
            // In the digits that tell it from its neighbours: 0.1 is not 0.10000000149011612.
            into.real(n.to_string().parse().ok()?);
        }
        Kind::Double => into.real(f64::from_le_bytes(bytes.try_into().ok()?)),
        Kind::Decimal { .. } => into.decimal(bytes),
        Kind::Bytes => into.blob(bytes),
        Kind::Time => into.text(trimmed(bytes)),
        Kind::Local | Kind::Instant => {
            let mut text = trimmed(bytes).to_vec();
            if text.get(10) == Some(&b' ') {
                text[10] = b'T';
            }
            // What is no instant has no zone either.
            if kind == Kind::Instant && !text.starts_with(b"0000-") {
                text.push(b'Z');
            }
            into.text(&text);
        }
        Kind::Bool | Kind::Text | Kind::Json | Kind::Jsonb | Kind::Date | Kind::Uuid | Kind::Other => into.text(bytes),
    }
    Some(())
}

/// Without zeros at the end of a fraction of a second, and without a fraction of nothing.
fn trimmed(bytes: &[u8]) -> &[u8] {
    if !bytes.contains(&b'.') {
        return bytes;
    }
    let end = bytes.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    bytes[..end].strip_suffix(b".").unwrap_or(&bytes[..end])
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}

fn signed(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last()? & 0x80 != 0;
    let mut wide = [if negative { 0xFF } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Cell;

    fn read(kind: Kind, bytes: &[u8]) -> String {
        let mut row = Decoded::default();
        binary(bytes, kind, &mut row).unwrap();
        match row.cell(0) {
            Cell::Text(text) | Cell::Decimal(text) => String::from_utf8(text.to_vec()).unwrap(),
            Cell::Integer(n) => n.to_string(),
            Cell::Real(n) => n.to_string(),
            _ => panic!(),
        }
    }

    #[test]
    fn numbers_have_their_sign_and_all_their_digits() {
        assert_eq!(read(Kind::signed(1), &[0xFF]), "-1");
        assert_eq!(read(Kind::unsigned(1), &[0xFF]), "255");
        assert_eq!(read(Kind::signed(3), &[0x00, 0x00, 0x80, 0xFF]), "-8388608");
        assert_eq!(read(Kind::unsigned(8), &[0xFF; 8]), "18446744073709551615");
        assert_eq!(read(Kind::Bits, &[1, 0]), "256");
        assert_eq!(read(Kind::Single, &0.1_f32.to_le_bytes()), "0.1");
    }

    #[test]
    fn times_say_what_zone_is_known_and_what_is_no_day_stays_as_it_is() {
        assert_eq!(read(Kind::Local, b"2024-05-01 10:00:00.120000"), "2024-05-01T10:00:00.12");
        assert_eq!(read(Kind::Instant, b"2024-05-01 10:00:00"), "2024-05-01T10:00:00Z");
        assert_eq!(read(Kind::Local, b"2024-05-01 10:00:00.000000"), "2024-05-01T10:00:00");
        assert_eq!(read(Kind::Instant, b"0000-00-00 00:00:00"), "0000-00-00T00:00:00");
        assert_eq!(read(Kind::Date, b"0000-00-00"), "0000-00-00");
        assert_eq!(read(Kind::Time, b"-838:59:59"), "-838:59:59");
    }
}
