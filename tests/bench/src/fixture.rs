//! One person with as many rows as a measure wants, in one table or in orders with their lines.

mod served;

use std::path::{Path, PathBuf};

use anyhow::Result;
use rusqlite::{Connection, params};
use tributary_tests::dice::Dice;
use tributary_tests::fixture::{Fixture, prose};

pub(crate) use self::served::{Servable, Served};
use crate::raw::Program;

/// Key of both datasets.
pub(crate) const DATASET: &str = "records";
/// The person's e-mail.
pub(crate) const EMAIL: &str = "anna@example.org";
/// Somebody with next to nothing, for the case that comes before a measure.
pub(crate) const OTHER: &str = "reader2@example.org";

/// One table of twelve columns, about 200 bytes a row as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activity {
    /// The person's rows.
    pub(crate) rows: i64,
}

/// Orders with two or three lines each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orders {
    /// The person's orders.
    pub(crate) orders: i64,
}

/// What a raw program asks to read the same rows as the product.
pub(crate) trait Measured: Fixture + Clone + 'static {
    /// One query per table.
    fn queries(&self) -> Vec<String>;
    /// All rows of the person.
    fn rows(&self) -> u64;
    /// The raw program that reads them; `database` is where the file would be.
    fn program(&self, database: PathBuf) -> Program {
        Program::Encode { database, queries: self.queries() }
    }
}

impl Measured for Activity {
    fn queries(&self) -> Vec<String> {
        vec![
            "SELECT * FROM person WHERE email = 'anna@example.org'".to_owned(),
            "SELECT * FROM activity WHERE person_id = 1 ORDER BY id".to_owned(),
        ]
    }

    fn rows(&self) -> u64 {
        self.rows.unsigned_abs() + 1
    }
}

impl Measured for Orders {
    fn queries(&self) -> Vec<String> {
        vec![
            "SELECT * FROM person WHERE email = 'anna@example.org'".to_owned(),
            "SELECT * FROM orders WHERE person_id = 1 ORDER BY id".to_owned(),
            "SELECT line.* FROM orders JOIN line ON line.order_id = orders.id WHERE orders.person_id = 1 \
             ORDER BY orders.id, line.id"
                .to_owned(),
        ]
    }

    fn rows(&self) -> u64 {
        (1..=self.orders).map(|order| 1 + lines(order).unsigned_abs()).sum::<u64>() + 1
    }
}

fn lines(order: i64) -> i64 {
    2 + order % 2
}

impl Fixture for Activity {
    fn key(&self) -> String {
        DATASET.to_owned()
    }

    fn manifest(&self) -> String {
        let columns = ["at", "kind", "city", "street", "country", "amount", "active", "note", "session", "device"];
        let field = |name: &&str| format!("          - {{ name: {name}, data_categories: [user.behavior] }}\n");
        let columns: String = columns.iter().map(field).collect();
        format!("{}{}{columns}", head(), refers("activity", "person_id", "person"))
    }

    fn make(&self, path: &Path) -> Result<()> {
        let mut db = begin(path)?;
        db.execute_batch(
            "CREATE TABLE activity (id INTEGER PRIMARY KEY, person_id INTEGER, at TEXT, kind TEXT, city TEXT, street TEXT,
                                    country TEXT, amount REAL, active INTEGER, note TEXT, session TEXT, device TEXT);
             CREATE INDEX activity_person ON activity (person_id);",
        )?;
        let mut dice = Dice::seeded(4);
        let tx = db.transaction()?;
        {
            let mut row =
                tx.prepare("INSERT INTO activity VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'BE', ?7, ?8, ?9, ?10, ?11)")?;
            for id in 1..=self.rows + 1 {
                let roll = dice.roll();
                let at =
                    format!("2025-{:02}-{:02}T{:02}:{:02}:00Z", roll % 12 + 1, roll % 28 + 1, roll % 24, roll % 60);
                let (kind, city) = (["view", "order", "call", "return"][(roll % 4) as usize], "Leuven");
                let street = format!("Naamsestraat {}", roll % 300);
                let length = usize::try_from(40 + roll % 50)?;
                let (note, session) = (prose(&mut dice, length), format!("{:016x}{:08x}", dice.roll(), roll as u32));
                let amount = (roll % 1_000_000) as f64 / 100.0;
                let person = if id <= self.rows { 1 } else { 2 };
                let device = format!("device {}", roll % 7);
                row.execute(params![
                    id,
                    person,
                    at,
                    kind,
                    city,
                    street,
                    amount,
                    !roll.is_multiple_of(4),
                    note,
                    session,
                    device
                ])?;
            }
        }
        Ok(tx.commit()?)
    }
}

impl Fixture for Orders {
    fn key(&self) -> String {
        DATASET.to_owned()
    }

    fn manifest(&self) -> String {
        let (orders, line) = (refers("orders", "person_id", "person"), refers("line", "order_id", "orders"));
        let field = |name: &str| format!("          - {{ name: {name}, data_categories: [user.behavior] }}\n");
        format!(
            "{}{orders}{}{}{line}{}{}{}",
            head(),
            field("at"),
            field("total"),
            field("article"),
            field("quantity"),
            field("price")
        )
    }

    fn make(&self, path: &Path) -> Result<()> {
        let mut db = begin(path)?;
        db.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER, at TEXT, total REAL);
             CREATE INDEX orders_person ON orders (person_id);
             CREATE TABLE line (id INTEGER PRIMARY KEY, order_id INTEGER, article TEXT, quantity INTEGER, price REAL);
             CREATE INDEX line_order ON line (order_id);",
        )?;
        let mut dice = Dice::seeded(5);
        let tx = db.transaction()?;
        {
            let mut order = tx.prepare("INSERT INTO orders VALUES (?1, ?2, ?3, ?4)")?;
            let mut line = tx.prepare("INSERT INTO line VALUES (NULL, ?1, ?2, ?3, ?4)")?;
            for id in 1..=self.orders + 1 {
                let roll = dice.roll();
                let person = if id <= self.orders { 1 } else { 2 };
                let at = format!("2025-{:02}-{:02}T{:02}:00:00Z", roll % 12 + 1, roll % 28 + 1, roll % 24);
                order.execute(params![id, person, at, (roll % 100_000) as f64 / 100.0])?;
                for _ in 0..lines(id) {
                    let article = prose(&mut dice, 60);
                    line.execute(params![id, article, id % 9 + 1, dice.below(10_000) as f64 / 100.0])?;
                }
            }
        }
        Ok(tx.commit()?)
    }
}

/// The dataset's beginning, with the collection of people.
fn head() -> String {
    format!(
        "dataset:
  - fides_key: {DATASET}
    name: Records
    collections:
      - name: person
        fields:
          - {{ name: id, fides_meta: {{ primary_key: true, data_type: integer }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
"
    )
}

/// A collection whose rows refer to another one.
fn refers(name: &str, column: &str, to: &str) -> String {
    format!(
        "      - name: {name}
        fields:
          - {{ name: id, fides_meta: {{ primary_key: true, data_type: integer }} }}
          - name: {column}
            fides_meta: {{ references: [{{ dataset: {DATASET}, field: {to}.id, direction: from }}] }}
"
    )
}

fn begin(path: &Path) -> Result<Connection> {
    let db = Connection::open(path)?;
    // In WAL mode an open snapshot may be held for as long as a measure takes.
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "off")?;
    db.execute_batch(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT);
         CREATE INDEX person_email ON person (email COLLATE NOCASE);
         INSERT INTO person VALUES (1, 'anna@example.org'), (2, 'reader2@example.org');",
    )?;
    Ok(db)
}
