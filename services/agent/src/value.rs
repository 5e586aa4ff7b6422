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
            serde_json::Value::Number(n) => n.as_i64().map(Self::Integer).or_else(|| n.as_f64().map(Self::Real)),
            serde_json::Value::Bool(b) => Some(Self::Integer(i64::from(*b))),
            _ => None,
        }
    }

    /// The value as a declared type. `None` when it has no such form, and then it refers to nothing.
    pub fn cast(self, to: Option<BaseType>) -> Option<Self> {
        match to {
            None | Some(BaseType::Object) => Some(self),
            Some(BaseType::String | BaseType::ObjectId) => Some(self.into_text()),
            Some(BaseType::Integer) => self.to_integer().map(Self::Integer),
            Some(BaseType::Float) => self.to_real().map(Self::Real),
            Some(BaseType::Boolean) => self.to_boolean().map(|b| Self::Integer(i64::from(b))),
        }
    }

    fn into_text(self) -> Self {
        match &self {
            Self::Integer(n) => Self::Text(n.to_string().into_bytes()),
            // A whole number that came through a floating-point column is an id, and ids have no ".0".
            Self::Real(_) => match self.to_integer() {
                Some(n) => Self::Text(n.to_string().into_bytes()),
                None => Self::Text(self.to_real().unwrap_or_default().to_string().into_bytes()),
            },
            Self::Text(_) | Self::Blob(_) => self,
        }
    }

    fn to_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            Self::Real(n) => whole(*n),
            Self::Text(_) => self.text()?.trim().parse().ok(),
            Self::Blob(_) => None,
        }
    }

    fn to_real(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Real(n) => Some(*n),
            Self::Text(_) => self.text()?.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::Blob(_) => None,
        }
    }

    fn to_boolean(&self) -> Option<bool> {
        match self.text().map(str::to_ascii_lowercase).as_deref() {
            Some("true" | "t" | "1") => Some(true),
            Some("false" | "f" | "0") => Some(false),
            Some(_) => None,
            None => self.to_integer().map(|n| n != 0),
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
        assert!(text.cast(Some(BaseType::Integer)) == Some(Value::Integer(42)));
        assert!(Value::Real(7.0).cast(Some(BaseType::String)).unwrap().text() == Some("7"));
        assert!(Value::Text(b"x1".to_vec()).cast(Some(BaseType::Integer)).is_none());
        assert!(Value::Text(b"TRUE".to_vec()).cast(Some(BaseType::Boolean)) == Some(Value::Integer(1)));
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
