//! Check characters of national numbers: always the last ones.

/// How the last characters follow from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Belgium: 97 less the number modulo 97, with a 2 in front for those born since 2000.
    Belgium,
    /// France: 97 less the number modulo 97; Corsica's letters stand for numbers.
    France,
    /// The Netherlands: weights 9 to 2, the last digit is the sum modulo 11.
    Netherlands,
    /// ISO 7064, MOD 11,10.
    Mod11And10,
    /// Spain: a letter by the number modulo 23; X, Y, Z stand for 0, 1, 2 in front.
    Spain,
    /// Italy: a letter by the places of the others.
    Italy,
    /// Poland: weights 1, 3, 7, 9.
    Poland,
    /// Portugal: weights 9 to 2 modulo 11.
    Portugal,
    /// EAN-13.
    Ean,
    /// Luhn over the last ten digits at most, or eleven.
    Luhn,
    /// Norway: two digits, each modulo 11.
    Norway,
    /// Romania: weights 279146358279 modulo 11.
    Romania,
}

impl Check {
    /// By its name in the data.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "be" => Self::Belgium,
            "fr" => Self::France,
            "eleven-nl" => Self::Netherlands,
            "mod11-10" => Self::Mod11And10,
            "es" => Self::Spain,
            "it" => Self::Italy,
            "pesel" => Self::Poland,
            "pt" => Self::Portugal,
            "ean" => Self::Ean,
            "luhn" => Self::Luhn,
            "no" => Self::Norway,
            "ro" => Self::Romania,
            _ => return None,
        })
    }

    /// How many characters check the others.
    pub(super) fn characters(self) -> usize {
        match self {
            Self::Belgium | Self::France | Self::Norway => 2,
            _ => 1,
        }
    }

    /// Whether the last characters follow from the others.
    pub(super) fn fits(self, whole: &str) -> bool {
        let Some((body, check)) = whole.len().checked_sub(self.characters()).and_then(|at| whole.split_at_checked(at))
        else {
            return false;
        };
        self.of(body) == check || (self == Self::Belgium && self.of(&format!("2{body}")) == check)
    }

    /// The check characters of the others; empty when they have none.
    pub(super) fn of(self, body: &str) -> String {
        let digits: Vec<u32> = body.chars().filter_map(|c| c.to_digit(10)).collect();
        let weighted = |weights: &[u32]| digits.iter().zip(weights).map(|(d, w)| d * w).sum::<u32>();
        let digit = |n: u32| if n < 10 { n.to_string() } else { String::new() };
        match self {
            Self::Belgium => number(body).map(|n| format!("{:02}", 97 - n % 97)).unwrap_or_default(),
            Self::France => number(&body.replacen("2A", "19", 1).replacen("2B", "18", 1))
                .map(|n| format!("{:02}", 97 - n % 97))
                .unwrap_or_default(),
            Self::Netherlands => digit(weighted(&[9, 8, 7, 6, 5, 4, 3, 2]) % 11),
            Self::Mod11And10 => {
                let rest = digits.iter().fold(5, |rest, d| {
                    let sum = (if rest == 0 { 10 } else { rest }) * 2 % 11 + d;
                    sum % 10
                });
                digit((1 + 10 - (if rest == 0 { 10 } else { rest }) * 2 % 11) % 10)
            }
            Self::Spain => {
                let plain = body.replacen('X', "0", 1).replacen('Y', "1", 1).replacen('Z', "2", 1);
                let letter = number(&plain).and_then(|n| b"TRWAGMYFPDXBNJZSQVHLCKE".get((n % 23) as usize));
                letter.map(|&letter| char::from(letter).to_string()).unwrap_or_default()
            }
            Self::Italy => italy(body),
            Self::Poland => digit((10 - weighted(&[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10),
            Self::Portugal => digit((11 - weighted(&[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10),
            Self::Ean => digit((10 - weighted(&[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]) % 10) % 10),
            Self::Luhn => luhn(&digits),
            Self::Norway => {
                let first = (11 - weighted(&[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
                let second = (11 - (weighted(&[5, 4, 3, 2, 7, 6, 5, 4, 3]) + 2 * first) % 11) % 11;
                digit(first) + &digit(second)
            }
            Self::Romania => {
                let rest = weighted(&[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
                digit(if rest == 10 { 1 } else { rest })
            }
        }
    }
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

/// A century in front is no part of it.
fn luhn(digits: &[u32]) -> String {
    let body = if digits.len() == 11 { &digits[2..] } else { digits };
    let doubled = body.iter().rev().enumerate().map(|(at, d)| if at % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { *d });
    ((10 - doubled.sum::<u32>() % 10) % 10).to_string()
}

/// Decree of 23 December 1976: characters at odd places, counted from 1, by this table, the others by themselves.
fn italy(body: &str) -> String {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let value = |(at, c): (usize, char)| {
        let n = c.to_digit(10).or_else(|| c.to_digit(36).map(|n| n - 10)).unwrap_or(0);
        if at % 2 == 0 { ODD.get(n as usize).copied().unwrap_or(0) } else { n }
    };
    let letter = u8::try_from(body.chars().enumerate().map(value).sum::<u32>() % 26).unwrap_or(0);
    char::from(b'A' + letter).to_string()
}
