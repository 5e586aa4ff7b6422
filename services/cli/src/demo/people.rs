//! A thousand people with names and habits as untidy as in life. Seeded, so that two runs make the same people.

/// SplitMix64: enough for made-up people, and the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n` - 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap_or(0)
    }

    /// A number from 0 to `n` - 1, as databases take it.
    pub(crate) fn number(&mut self, n: usize) -> i64 {
        i64::try_from(self.below(n)).unwrap_or(0)
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    /// A time between 2019 and 2026, as one of the spellings that databases hold.
    pub(crate) fn date(&mut self) -> String {
        let (y, m, d) = (2019 + self.below(7), 1 + self.below(12), 1 + self.below(28));
        match self.below(12) {
            0 => format!("{d:02}/{m:02}/{y}"),
            1 => format!("{y}{m:02}{d:02}"),
            2 => format!("{y}-{m:02}-{d:02}T{:02}:{:02}:00Z", self.below(24), self.below(60)),
            _ => format!("{y}-{m:02}-{d:02}"),
        }
    }
}

const FIRST: &[&str] = &[
    "Anna",
    "Zoë",
    "Jean-Luc",
    "María José",
    "Łukasz",
    "Siân",
    "Óscar",
    "Håkon",
    "François",
    "Jürgen",
    "İpek",
    "Nguyễn",
    "Aoife",
    "Björn",
    "Chloé",
    "Dvořák",
    "Eleni",
    "Fatima",
    "Giulia",
    "Inês",
    "Kateřina",
    "Mia",
    "Noor",
    "Ömer",
    "Petra",
    "Quentin",
    "Renée",
    "Søren",
    "Thijs",
    "Ulla",
    "Věra",
    "Willem",
    "Xènia",
    "Yusuf",
    "Žofie",
    "X Æ",
];
const LAST: &[&str] = &[
    "de Vries",
    "O'Brien",
    "van der Meer",
    "Müller-Lüdenscheidt",
    "D’Angelo",
    "Nowak",
    "García Márquez",
    "Sørensen",
    "Le Goff",
    "Ó Súilleabháin",
    "Papadopoulos",
    "Kowalska",
    "Łuczak",
    "ten Brinke",
    "von Trotta",
    "Straße",
    "Nguyen",
    "Żak",
    "Ferreira da Silva",
    "Åkesson",
    "null",
    "Peeters",
    "Martin",
    "Martín",
    "Schmidt",
    "Schmitt",
    "Janssens",
];
const NOTES: &[&str] = &[
    "prefers e-mail",
    "called about invoice; \"very upset\"",
    "moved,\nnew address to follow",
    "=HYPERLINK(\"x\")",
    "",
    "VIP??",
    "do not call before 10:00",
    "-- see ticket",
    "name misspelled on letter",
    "déjà remboursé",
];

/// One made-up person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) number: String,
    pub(crate) born: Option<String>,
}

impl Person {
    /// The `n`th person of an entity.
    pub(crate) fn made_up(dice: &mut Dice, n: usize) -> Self {
        let (mut first, mut last) = (dice.pick(FIRST).to_owned(), dice.pick(LAST).to_owned());
        match dice.below(14) {
            0 => first = first.to_uppercase(),
            1 => last = last.to_uppercase(),
            2 => last = format!("{last} "),
            3 => first = format!("{first}  {}.", char::from(b'A' + u8::try_from(dice.below(26)).unwrap_or(0))),
            4 => std::mem::swap(&mut first, &mut last),
            5 => first = "?".to_owned(),
            _ => {}
        }
        let local: String = last.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
        let email = match dice.below(16) {
            0 => None,
            1 => Some(String::new()),
            2 => Some(format!("{}{n}@EXAMPLE.ORG", local.to_uppercase())),
            _ => Some(format!("{local}{n}@example.org")),
        };
        let phone = match dice.below(5) {
            0 => None,
            1 => {
                Some(format!("0{}/{:02}.{:02}.{:02}", 400 + dice.below(99), n % 100, dice.below(100), dice.below(100)))
            }
            _ => Some(format!("+324{:08}", (n * 7919 + dice.below(7919)) % 100_000_000)),
        };
        let born = (!dice.once_in(6)).then(|| dice.date().replace("202", "198").replace("2019", "1979"));
        Self { first, last, email, phone, number: format!("{:08}", 10_000 + n * 13), born }
    }

    /// The person of the demo's case. Her identifiers differ from entity to entity.
    pub(crate) fn of_the_case() -> Self {
        Self {
            first: "Élodie".to_owned(),
            last: "Vandenbroucke-Łuczak".to_owned(),
            email: Some(EMAIL.to_owned()),
            phone: Some(PHONE.to_owned()),
            number: NUMBER.to_owned(),
            born: Some("1987-02-29".to_owned()),
        }
    }
}

/// Her e-mail address, as two entities hold it.
pub(crate) const EMAIL: &str = "elodie.vandenbroucke@example.org";
/// Her telephone number, as another one holds it.
pub(crate) const PHONE: &str = "+32470123456";
/// Her customer number at a third.
pub(crate) const NUMBER: &str = "00042137";

/// A remark that somebody typed.
pub(crate) fn note(dice: &mut Dice) -> &'static str {
    dice.pick(NOTES)
}
