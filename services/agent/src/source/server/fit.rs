//! Values that came along a reference, in the form of the column that they are compared with. What has no such form is
//! in no row of the column; sent as it is, it would be an error to PostgreSQL and mean another value to MySQL.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use tributary_model::manifest::BaseType;

use super::kind::Kind;
use crate::value::Value;

/// A value as a column holds it.
#[derive(Clone, PartialEq)]
pub(in crate::source) enum Fitted {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number beyond 63 bits.
    Unsigned(u64),
    /// Text, and all that has a form as text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Fitted {
    /// The value in the form of a column of this kind.
    pub(in crate::source) fn new(kind: Kind, value: &Value) -> Option<Self> {
        match kind {
            Kind::Bool => {
                let Value::Integer(n) = &value.clone().cast(Some(BaseType::Boolean))? else { return None };
                Some(Self::Bool(*n != 0))
            }
            Kind::Integer { min, max } => integer(value, min, max),
            Kind::Bits => integer(value, 0, u64::MAX),
            Kind::Single | Kind::Double => {
                let Value::Real(n) = &value.clone().cast(Some(BaseType::Float))? else { return None };
                Some(Self::Text(n.to_string()))
            }
            Kind::Decimal => text(value).filter(|digits| is_decimal(digits)).map(Self::Text),
            Kind::Bytes => match value {
                Value::Text(bytes) | Value::Blob(bytes) => Some(Self::Bytes(bytes.clone())),
                Value::Integer(_) | Value::Real(_) => None,
            },
            Kind::Uuid => uuid::Uuid::parse_str(&text(value)?).ok().map(|id| Self::Text(id.to_string())),
            Kind::Date => text(value)?.parse::<Date>().ok().map(|day| Self::Text(day.to_string())),
            Kind::Time => text(value)?.parse::<Time>().ok().map(|time| Self::Text(time.to_string())),
            Kind::Local => text(value)?.parse::<DateTime>().ok().map(|at| Self::Text(spaced(&at.to_string()))),
            Kind::Instant => {
                let at = text(value)?.parse::<Timestamp>().ok()?;
                Some(Self::Text(spaced(at.to_string().trim_end_matches('Z'))))
            }
            // A character that PostgreSQL's text cannot hold is in none of it.
            Kind::Text | Kind::Json | Kind::Jsonb | Kind::Other => {
                text(value).filter(|text| !text.contains('\0')).map(Self::Text)
            }
        }
    }

    /// The value in PostgreSQL's text form.
    pub(in crate::source) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(b) => Some(b.to_string()),
            Self::Integer(n) => Some(n.to_string()),
            Self::Unsigned(n) => Some(n.to_string()),
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
                Some(std::iter::once("\\x".to_owned()).chain(hex).collect())
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.clone().cast(Some(BaseType::String))?.text().map(str::to_owned)
}

fn integer(value: &Value, min: i64, max: u64) -> Option<Fitted> {
    let number: i128 = match value {
        Value::Text(_) => value.text()?.trim().parse().ok()?,
        _ => match &value.clone().cast(Some(BaseType::Integer))? {
            Value::Integer(n) => i128::from(*n),
            _ => return None,
        },
    };
    if number < i128::from(min) || number > i128::from(max) {
        return None;
    }
    Some(i64::try_from(number).map_or_else(|_| Fitted::Unsigned(u64::try_from(number).unwrap_or(max)), Fitted::Integer))
}

/// Digits as every engine reads them: a sign, digits, a point, digits.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| !part.is_empty() && part.len() <= 100 && part.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(fraction)
}

fn spaced(text: &str) -> String {
    text.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(kind: Kind, text: &str) -> Option<String> {
        Fitted::new(kind, &Value::Text(text.as_bytes().to_vec())).and_then(Fitted::into_text)
    }

    #[test]
    fn a_value_takes_the_form_of_the_column_or_is_in_none_of_its_rows() {
        let cases = [
            (Kind::signed(4), "0042", Some("42")),
            (Kind::signed(4), "42abc", None),
            (Kind::signed(2), "40000", None),
            (Kind::signed(8), "-9223372036854775808", Some("-9223372036854775808")),
            (Kind::unsigned(8), "18446744073709551615", Some("18446744073709551615")),
            (Kind::unsigned(1), "-1", None),
            (Kind::Decimal, "12.50", Some("12.50")),
            (Kind::Decimal, "1e5", None),
            (Kind::Decimal, "NaN", None),
            (Kind::Bool, "true", Some("true")),
            (Kind::Bool, "maybe", None),
            (Kind::Uuid, "0E37DF36-F698-11E6-8DD4-CB9CED3DF976", Some("0e37df36-f698-11e6-8dd4-cb9ced3df976")),
            (Kind::Uuid, "'; DROP TABLE x", None),
            (Kind::Date, "2024-02-30", None),
            (Kind::Date, "2024-02-29", Some("2024-02-29")),
            (Kind::Local, "2024-05-01T10:00:00", Some("2024-05-01 10:00:00")),
            (Kind::Instant, "2024-05-01T12:00:00+02:00", Some("2024-05-01 10:00:00")),
            (Kind::Text, "nul\0", None),
            (Kind::Bytes, "\u{1}a", Some("\\x0161")),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(fit(kind, text).as_deref(), expected, "{kind:?} {text}");
        }
        assert!(Fitted::new(Kind::Text, &Value::Integer(7)) == Some(Fitted::Text("7".to_owned())));
        assert!(Fitted::new(Kind::signed(4), &Value::Real(7.0)) == Some(Fitted::Integer(7)));
        assert!(Fitted::new(Kind::signed(4), &Value::Real(7.5)).is_none());
    }
}
