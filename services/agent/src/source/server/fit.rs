//! Values that came along a reference, in the form of the column that they are compared with. What has no such form is
//! in no row of the column; sent as it is, it would be an error to PostgreSQL and mean another value to MySQL.

mod moment;

use tributary_model::manifest::BaseType;

use super::kind::Kind;
use crate::value::{NoForm, Tuple, Value};

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
    /// What PostgreSQL has a value for, in its own words, and MySQL none.
    Word(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Fitted {
    /// The values in the forms of columns of these kinds. If one of them is in no row, so are all.
    pub(in crate::source) fn all(kinds: &[Kind], values: &Tuple) -> Result<Vec<Self>, NoForm> {
        let (mut all, mut unclear) = (Vec::with_capacity(values.len()), false);
        for (&kind, value) in kinds.iter().zip(values) {
            match Self::new(kind, value) {
                Ok(fitted) => all.push(fitted),
                Err(NoForm::Nowhere) => return Err(NoForm::Nowhere),
                Err(NoForm::Unclear) => unclear = true,
            }
        }
        if unclear { Err(NoForm::Unclear) } else { Ok(all) }
    }

    /// The value in the form of a column of this kind.
    pub(in crate::source) fn new(kind: Kind, value: &Value) -> Result<Self, NoForm> {
        match kind {
            Kind::Bool => match &value.clone().cast(Some(BaseType::Boolean))? {
                Value::Integer(n) => Ok(Self::Bool(*n != 0)),
                _ => Err(NoForm::Nowhere),
            },
            Kind::Integer { min, max } => integer(value, min, max),
            Kind::Bits => integer(value, 0, u64::MAX),
            Kind::Single | Kind::Double => match &value.clone().cast(Some(BaseType::Float))? {
                Value::Real(n) if kind == Kind::Single && (*n as f32).to_string() != n.to_string() => {
                    Err(NoForm::Unclear)
                }
                // As the number that the column holds: to MySQL, 0.1 is none of 32 bits.
                Value::Real(n) if kind == Kind::Single => Ok(Self::Text(f64::from(*n as f32).to_string())),
                Value::Real(n) => Ok(Self::Text(n.to_string())),
                _ => Err(NoForm::Nowhere),
            },
            Kind::Decimal { decimals } => decimal(text(value)?, decimals),
            Kind::Bytes => match value {
                Value::Text(bytes) | Value::Blob(bytes) => Ok(Self::Bytes(bytes.clone())),
                Value::Integer(_) | Value::Real(_) => Err(NoForm::Unclear),
            },
            Kind::Uuid => {
                let id = match value {
                    Value::Blob(bytes) => uuid::Uuid::from_slice(bytes).map_err(|_| NoForm::Nowhere)?,
                    _ => uuid::Uuid::parse_str(&text(value)?).map_err(|_| NoForm::Nowhere)?,
                };
                Ok(Self::Text(id.to_string()))
            }
            Kind::Date => moment::day(&text(value)?),
            Kind::Time => moment::time(&text(value)?),
            Kind::Local => moment::local(&text(value)?),
            Kind::Instant => moment::instant(&text(value)?),
            // PostgreSQL's text cannot hold every character that MySQL's can.
            Kind::Text | Kind::Json | Kind::Jsonb | Kind::Other => match text(value)? {
                text if text.contains('\0') => Err(NoForm::Unclear),
                text => Ok(Self::Text(text)),
            },
        }
    }

    /// The value in PostgreSQL's text form.
    pub(in crate::source) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(b) => Some(b.to_string()),
            Self::Integer(n) => Some(n.to_string()),
            Self::Unsigned(n) => Some(n.to_string()),
            Self::Text(text) | Self::Word(text) => Some(text),
            Self::Bytes(bytes) => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
                Some(std::iter::once("\\x".to_owned()).chain(hex).collect())
            }
        }
    }
}

/// The value as text. What is no text in UTF-8 may be a text in another encoding.
fn text(value: &Value) -> Result<String, NoForm> {
    match &value.clone().cast(Some(BaseType::String))? {
        Value::Text(bytes) | Value::Blob(bytes) => String::from_utf8(bytes.clone()).map_err(|_| NoForm::Unclear),
        Value::Integer(_) | Value::Real(_) => Err(NoForm::Nowhere),
    }
}

fn integer(value: &Value, min: i64, max: u64) -> Result<Fitted, NoForm> {
    let number: i128 = match &value.clone().cast(Some(BaseType::Integer))? {
        Value::Integer(n) => i128::from(*n),
        // More digits than any column has.
        digits => digits.text().and_then(|digits| digits.parse().ok()).ok_or(NoForm::Nowhere)?,
    };
    if number < i128::from(min) || number > i128::from(max) {
        return Err(NoForm::Nowhere);
    }
    Ok(i64::try_from(number).map_or_else(|_| Fitted::Unsigned(u64::try_from(number).unwrap_or(max)), Fitted::Integer))
}

/// Most digits of a number in a column that says how many of them are decimals.
const DIGITS: usize = 65;

fn decimal(text: String, decimals: Option<usize>) -> Result<Fitted, NoForm> {
    match text.as_str() {
        "NaN" => Ok(Fitted::Word(text)),
        "Infinity" | "-Infinity" => Err(NoForm::Unclear),
        digits if !is_decimal(digits) => Err(NoForm::Nowhere),
        // Rounded to what the column holds it would be another number.
        digits if decimals.is_some_and(|decimals| !holds(digits, decimals)) => Err(NoForm::Nowhere),
        // Beyond what statements take.
        digits if digits.len() > 100 => Err(NoForm::Unclear),
        _ => Ok(Fitted::Text(text)),
    }
}

/// Digits as every engine reads them: a sign, digits, a point, digits.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(fraction)
}

/// Whether a column with so many decimals has room for a number.
fn holds(digits: &str, decimals: usize) -> bool {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('-').trim_start_matches('0');
    whole.len() + decimals <= DIGITS && fraction.trim_end_matches('0').len() <= decimals
}

fn spaced(text: &str) -> Fitted {
    Fitted::Text(text.replacen('T', " ", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Kind = Kind::Decimal { decimals: None };
    const CENTS: Kind = Kind::Decimal { decimals: Some(2) };

    fn fit(kind: Kind, text: &str) -> Result<String, NoForm> {
        let fitted = Fitted::new(kind, &Value::Text(text.as_bytes().to_vec()))?;
        Ok(fitted.into_text().unwrap())
    }

    #[test]
    fn a_value_takes_the_form_of_the_column_or_is_in_none_of_its_rows() {
        let cases = [
            (Kind::signed(4), "0042", Some("42")),
            (Kind::signed(4), "42abc", None),
            (Kind::signed(2), "40000", None),
            (Kind::signed(8), "-9223372036854775808", Some("-9223372036854775808")),
            (Kind::unsigned(8), "18446744073709551615", Some("18446744073709551615")),
            (Kind::unsigned(8), "18446744073709551616", None),
            (Kind::unsigned(1), "-1", None),
            (ANY, "12.50", Some("12.50")),
            (ANY, "1e5", None),
            (ANY, "NaN", Some("NaN")),
            (CENTS, "12.500", Some("12.500")),
            (CENTS, "12.505", None),
            (
                CENTS,
                "-0000000000000000000000000000000000000000000000000000000000000000001.5",
                Some("-0000000000000000000000000000000000000000000000000000000000000000001.5"),
            ),
            (
                CENTS,
                "123456789012345678901234567890123456789012345678901234567890123",
                Some("123456789012345678901234567890123456789012345678901234567890123"),
            ),
            (CENTS, "1234567890123456789012345678901234567890123456789012345678901234", None),
            (Kind::Bool, "true", Some("true")),
            (Kind::Bool, "maybe", None),
            (Kind::Single, "0.1", Some("0.10000000149011612")),
            (Kind::Single, "0.5", Some("0.5")),
            (Kind::Uuid, "0E37DF36-F698-11E6-8DD4-CB9CED3DF976", Some("0e37df36-f698-11e6-8dd4-cb9ced3df976")),
            (Kind::Uuid, "'; DROP TABLE x", None),
            (Kind::Bytes, "\u{1}a", Some("\\x0161")),
        ];
        for (kind, text, expected) in cases {
            let expected = expected.map(str::to_owned).ok_or(NoForm::Nowhere);
            assert_eq!(fit(kind, text), expected, "{kind:?} {text}");
        }
        let new = |kind, value: Value| Fitted::new(kind, &value);
        assert!(new(Kind::Text, Value::Integer(7)) == Ok(Fitted::Text("7".to_owned())));
        assert!(new(Kind::signed(4), Value::Real(7.0)) == Ok(Fitted::Integer(7)));
        assert!(new(Kind::signed(4), Value::Real(7.5)) == Err(NoForm::Nowhere));
        let id = Value::Blob(vec![0xab; 16]);
        assert!(new(Kind::Uuid, id) == Ok(Fitted::Text("abababab-abab-abab-abab-abababababab".to_owned())));
    }

    #[test]
    fn days_are_carried_in_whatever_year_they_are() {
        let cases = [
            (Kind::Date, "2024-02-29", Some("2024-02-29")),
            (Kind::Date, "2024-02-30", None),
            (Kind::Date, "2024-02-29T00:00:00", Some("2024-02-29")),
            (Kind::Date, "2024-02-29T10:00:00", None),
            (Kind::Date, "infinity", Some("infinity")),
            (Kind::Date, "0044-03-15 BC", Some("0044-03-15 BC")),
            (Kind::Date, "0044-02-30 BC", None),
            (Kind::Date, "12000-02-29", Some("12000-02-29")),
            (Kind::Date, "12001-02-29", None),
            (Kind::Date, "someday", None),
            (Kind::Local, "2024-05-01T10:00:00", Some("2024-05-01 10:00:00")),
            (Kind::Local, "9999-12-31T23:59:59.5", Some("9999-12-31 23:59:59.5")),
            (Kind::Local, "-infinity", Some("-infinity")),
            (Kind::Local, "0044-03-15T10:00:00 BC", Some("0044-03-15 10:00:00 BC")),
            (Kind::Local, "2024-05-01T10:00:00.1234567", None),
            (Kind::Instant, "2024-05-01T12:00:00+02:00", Some("2024-05-01 10:00:00")),
            (Kind::Instant, "9999-12-31T23:59:59Z", Some("9999-12-31 23:59:59+00")),
            (Kind::Instant, "0044-03-15T10:00:00Z BC", Some("0044-03-15 10:00:00+00 BC")),
            (Kind::Instant, "infinity", Some("infinity")),
            (Kind::Time, "06:30:00", Some("06:30:00")),
            (Kind::Time, "early", None),
        ];
        for (kind, text, expected) in cases {
            let expected = expected.map(str::to_owned).ok_or(NoForm::Nowhere);
            assert_eq!(fit(kind, text), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn what_may_be_in_a_column_and_has_no_form_that_is_known_is_told_from_what_is_not() {
        let cases = [
            (Kind::Double, "12345678901234567"),
            (Kind::Single, "16777217"),
            (Kind::Date, "0000-00-00"),
            (Kind::Date, "2024-05-01T00:00:00Z"),
            (Kind::Local, "2024-05-01T10:00:00Z"),
            (Kind::Instant, "2024-05-01T10:00:00"),
            (Kind::Time, "-838:59:59"),
            (Kind::Text, "nul\0"),
        ];
        for (kind, text) in cases {
            assert_eq!(fit(kind, text), Err(NoForm::Unclear), "{kind:?} {text}");
        }
        assert!(Fitted::new(Kind::Text, &Value::Text(vec![0xff])) == Err(NoForm::Unclear));
        assert!(Fitted::new(Kind::Bytes, &Value::Integer(7)) == Err(NoForm::Unclear));
        let part = |text: &str| Value::Text(text.as_bytes().to_vec());
        let both = Fitted::all(&[Kind::Text, Kind::signed(4)], &vec![part("nul\0"), part("x")]);
        assert!(both == Err(NoForm::Nowhere), "one part is in no row");
    }
}
