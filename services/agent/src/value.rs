//! Values as databases hold them, apart from any driver: cells that are read, and the owned values that the walk
//! carries along references.

use tributary_archive::redaction::RedactionReason;
use tributary_model::manifest::BaseType;
use zeroize::Zeroize;

/// One cell of a row while the row is under the cursor.
#[derive(Clone, Copy, PartialEq)]
pub enum Cell<'r> {
    /// No value, which is not the same as an empty one.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// A number in exact digits, ASCII.
    Decimal(&'r [u8]),
    /// Text as stored; it may not be valid UTF-8.
    Text(&'r [u8]),
    /// Bytes.
    Blob(&'r [u8]),
    /// A value too large to be held: it is read in slices.
    Large(Large),
    /// Hidden because it is about others, whether or not there is a value.
    Redacted(RedactionReason),
}

/// What is known of a large value before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Large {
    /// Whether it is text.
    pub text: bool,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A value on its way along a reference. Personal data: it has no `Debug`, and it is wiped when dropped.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Why a value has no form of a type, or of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoForm {
    /// Nothing of that type equals it: it refers to nothing there.
    Nowhere,
    /// Something may, and it cannot be said what: rows that it refers to are not found.
    Unclear,
}

/// The values of a reference's fields, in the order of the fields.
pub type Tuple = Vec<Value>;

impl Drop for Value {
    fn drop(&mut self) {
        match self {
            Self::Integer(n) => n.zeroize(),
            Self::Real(n) => n.zeroize(),
            Self::Text(bytes) | Self::Blob(bytes) => bytes.zeroize(),
        }
    }
}

impl Value {
    /// The value of a cell. `None` for no value, a hidden one, and one that is too large to be a key.
    pub fn of(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null | Cell::Large(_) | Cell::Redacted(_) => None,
            Cell::Integer(n) => Some(Self::Integer(n)),
            Cell::Real(n) => Some(Self::Real(n)),
            Cell::Bool(b) => Some(Self::Integer(i64::from(b))),
            Cell::Decimal(digits) => Some(Self::of_digits(digits)),
            Cell::Text(bytes) => Some(Self::Text(bytes.to_vec())),
            Cell::Blob(bytes) => Some(Self::Blob(bytes.to_vec())),
        }
    }

    /// A whole number in exact digits is that number, whatever its decimals; any other stays as it is written.
    fn of_digits(digits: &[u8]) -> Self {
        let text = std::str::from_utf8(digits).unwrap_or_default();
        let whole = match text.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
            _ => text,
        };
        whole.parse().map_or_else(|_| Self::Text(digits.to_vec()), Self::Integer)
    }

    /// The value of a scalar in a JSON document.
    pub fn of_json(json: &serde_json::Value) -> Option<Self> {
        match json {
            serde_json::Value::String(text) => Some(Self::Text(text.clone().into_bytes())),
            serde_json::Value::Number(n) => match (n.as_i64(), n.as_u64()) {
                (Some(n), _) => Some(Self::Integer(n)),
                (None, Some(n)) => Some(Self::Text(n.to_string().into_bytes())),
                (None, None) => n.as_f64().map(Self::Real),
            },
            serde_json::Value::Bool(b) => Some(Self::Integer(i64::from(*b))),
            _ => None,
        }
    }

    /// The value as a declared type. A whole number beyond 63 bits stays digits, which is how databases give it.
    pub fn cast(self, to: Option<BaseType>) -> Result<Self, NoForm> {
        match to {
            None | Some(BaseType::Object) => Ok(self),
            Some(BaseType::String | BaseType::ObjectId) => Ok(self.into_text()),
            Some(BaseType::Integer) => self.into_integer(),
            Some(BaseType::Float) => self.to_real().map(Self::Real),
            Some(BaseType::Boolean) => self.to_boolean().map(|b| Self::Integer(i64::from(b))),
        }
    }

    fn into_text(self) -> Self {
        match &self {
            Self::Integer(n) => Self::Text(n.to_string().into_bytes()),
            // A whole number that came through a floating-point column is an id, and ids have no ".0".
            Self::Real(n) => match whole(*n) {
                Some(n) => Self::Text(n.to_string().into_bytes()),
                None => Self::Text(n.to_string().into_bytes()),
            },
            Self::Text(_) | Self::Blob(_) => self,
        }
    }

    fn into_integer(self) -> Result<Self, NoForm> {
        match &self {
            Self::Integer(_) => Ok(self),
            Self::Real(n) => match whole(*n) {
                Some(n) => Ok(Self::Integer(n)),
                // Beyond what a float tells from its neighbours it stands for any of them.
                None if n.is_finite() && n.fract() == 0.0 => Err(NoForm::Unclear),
                None => Err(NoForm::Nowhere),
            },
            Self::Text(_) => {
                let text = self.text().ok_or(NoForm::Nowhere)?.trim();
                let digits = || digits_of(text).map(Self::Text).ok_or(NoForm::Nowhere);
                text.parse().map(Self::Integer).or_else(|_| digits())
            }
            Self::Blob(_) => Err(NoForm::Unclear),
        }
    }

    /// A number that a float does not hold exactly is rounded, and the rounded one may be another's.
    fn to_real(&self) -> Result<f64, NoForm> {
        let exactly = |n: f64, is_exact: bool| if is_exact { Ok(n) } else { Err(NoForm::Unclear) };
        match self {
            Self::Integer(n) => exactly(*n as f64, (*n as f64) as i128 == i128::from(*n)),
            Self::Real(n) => Ok(*n),
            Self::Text(_) => {
                let text = self.text().ok_or(NoForm::Nowhere)?.trim();
                let n: f64 = text.parse().map_err(|_| NoForm::Nowhere)?;
                exactly(n, n.is_finite() && is_exact(text, n))
            }
            Self::Blob(_) => Err(NoForm::Unclear),
        }
    }

    fn to_boolean(&self) -> Result<bool, NoForm> {
        match self {
            Self::Integer(n) => Ok(*n != 0),
            Self::Real(n) => whole(*n).map(|n| n != 0).ok_or(NoForm::Nowhere),
            Self::Text(_) => match self.text().map(str::to_ascii_lowercase).as_deref() {
                Some("true" | "t" | "1") => Ok(true),
                Some("false" | "f" | "0") => Ok(false),
                _ => Err(NoForm::Nowhere),
            },
            Self::Blob(_) => Err(NoForm::Unclear),
        }
    }

    /// The text, if it is valid text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Appends a form in which equal values have equal bytes: 42 and 42.0 are one number, 42 and "42" are not.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        let (tag, number, bytes): (u8, [u8; 8], &[u8]) = match self {
            Self::Integer(n) => (b'i', n.to_be_bytes(), &[]),
            Self::Real(n) => match whole(*n) {
                Some(n) => (b'i', n.to_be_bytes(), &[]),
                None => (b'r', n.to_bits().to_be_bytes(), &[]),
            },
            Self::Text(bytes) => (b't', (bytes.len() as u64).to_be_bytes(), bytes),
            Self::Blob(bytes) => (b'b', (bytes.len() as u64).to_be_bytes(), bytes),
        };
        out.push(tag);
        out.extend_from_slice(&number);
        out.extend_from_slice(bytes);
    }
}

/// Reads one value that [`Value::write_key`] wrote, and what follows it.
pub(crate) fn read_key(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    match tag {
        b'i' => Some((Value::Integer(i64::from_be_bytes(*number)), rest)),
        b'r' => Some((Value::Real(f64::from_bits(u64::from_be_bytes(*number))), rest)),
        b't' | b'b' => {
            let length = usize::try_from(u64::from_be_bytes(*number)).ok()?;
            let (bytes, rest) = rest.split_at_checked(length)?;
            let bytes = bytes.to_vec();
            Some((if tag == b't' { Value::Text(bytes) } else { Value::Blob(bytes) }, rest))
        }
        _ => None,
    }
}

/// A whole number in digits, without a sign or zeros that it does not need.
fn digits_of(text: &str) -> Option<Vec<u8>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| format!("{sign}{}", digits.trim_start_matches('0')).into_bytes())
}

/// Whether a float tells the number that is written from every other one: up to 15 digits it does, beyond them where it is
/// written with the same digits.
fn is_exact(text: &str, n: f64) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let written = match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{}", fraction.trim_end_matches('0')),
        None => text.to_owned(),
    };
    digits.trim_start_matches('0').len() <= 15 || written.trim_start_matches('+').trim_end_matches('.') == n.to_string()
}

/// The whole number that a float is, if it is one that both hold exactly.
fn whole(n: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (n.fract() == 0.0 && n.abs() <= EXACT).then_some(n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: Value) -> Vec<u8> {
        let mut out = Vec::new();
        value.write_key(&mut out);
        out
    }

    #[test]
    fn an_integer_id_feeds_a_text_column_and_back() {
        let text = Value::Integer(42).cast(Some(BaseType::String)).unwrap();
        assert_eq!(text.text(), Some("42"));
        assert!(text.cast(Some(BaseType::Integer)) == Ok(Value::Integer(42)));
        assert!(Value::Real(7.0).cast(Some(BaseType::String)).unwrap().text() == Some("7"));
        assert!(Value::Text(b"x1".to_vec()).cast(Some(BaseType::Integer)) == Err(NoForm::Nowhere));
        assert!(Value::Text(b"TRUE".to_vec()).cast(Some(BaseType::Boolean)) == Ok(Value::Integer(1)));
    }

    #[test]
    fn a_number_is_cast_as_it_is_or_not_at_all() {
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        let (integer, float) = (Some(BaseType::Integer), Some(BaseType::Float));
        assert!(text("018446744073709551615").cast(integer) == Ok(text("18446744073709551615")));
        assert!(Value::Real(1e17).cast(integer) == Err(NoForm::Unclear));
        assert!(Value::Real(1.5).cast(integer) == Err(NoForm::Nowhere));
        assert!(Value::Blob(b"1".to_vec()).cast(integer) == Err(NoForm::Unclear));
        assert!(Value::Integer(12_345_678_901_234_567).cast(float) == Err(NoForm::Unclear));
        assert!(Value::Integer(12_345_678_901_234_568).cast(float) == Ok(Value::Real(12_345_678_901_234_568.0)));
        assert!(Value::Integer(i64::MAX).cast(float) == Err(NoForm::Unclear));
        let exact = [("0.10", 0.1), ("1e5", 1e5), ("+12345678901234568", 12_345_678_901_234_568.0), ("-7", -7.0)];
        for (written, n) in exact {
            assert!(text(written).cast(float) == Ok(Value::Real(n)), "{written}");
        }
        for written in ["12345678901234567", "0.1234567890123456789", "NaN", "infinity"] {
            assert!(text(written).cast(float) == Err(NoForm::Unclear), "{written}");
        }
        assert!(text("x").cast(float) == Err(NoForm::Nowhere));
        let json = serde_json::from_str("18446744073709551615").unwrap();
        assert!(Value::of_json(&json) == Some(text("18446744073709551615")));
    }

    #[test]
    fn equal_numbers_have_one_key_and_text_is_no_number() {
        assert_eq!(key(Value::Integer(42)), key(Value::Real(42.0)));
        assert_ne!(key(Value::Integer(42)), key(Value::Text(b"42".to_vec())));
        assert_ne!(key(Value::Text(b"a".to_vec())), key(Value::Blob(b"a".to_vec())));
    }

    #[test]
    fn exact_digits_that_are_a_whole_number_are_that_number() {
        let digits = |text: &'static str| Value::of(Cell::Decimal(text.as_bytes())).unwrap();
        assert!(digits("42.00") == Value::Integer(42) && digits("-7") == Value::Integer(-7));
        assert!(digits("42.50") == Value::Text(b"42.50".to_vec()));
        assert!(digits("18446744073709551615") == Value::Text(b"18446744073709551615".to_vec()));
        assert!(Value::of(Cell::Bool(true)) == Some(Value::Integer(1)));
    }

    #[test]
    fn a_key_reads_back() {
        for value in [Value::Integer(-1), Value::Real(1.5), Value::Text(b"ab".to_vec()), Value::Blob(vec![0])] {
            let mut bytes = key(value.clone());
            bytes.push(9);
            let (back, rest) = read_key(&bytes).unwrap();
            assert!(back == value && rest == [9]);
        }
        assert!(read_key(b"t\0\0\0\0\0\0\0\x09abc").is_none());
    }
}
