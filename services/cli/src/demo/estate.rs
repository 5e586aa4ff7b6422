//! The demo's entities: who they are, what their databases look like, and what they hold.
//!
//! Each was "designed" by somebody else: other languages, other keys, other ideas of a date. Manifests lie in
//! `services/cli/demo/*.yml`, as an administrator would write them.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::people::{Dice, Person, note};

/// One legal entity of the demo group.
pub(crate) struct Estate {
    pub(crate) id: &'static str,
    pub(crate) legal_name: &'static str,
    pub(crate) country: &'static str,
    pub(crate) authority: &'static str,
    pub(crate) dataset: &'static str,
    pub(crate) manifest: &'static str,
    /// Whether its agent runs. One is down, so that the archive shows what a gap looks like.
    pub(crate) is_up: bool,
    fill: fn(&Transaction<'_>, &mut Dice) -> rusqlite::Result<usize>,
}

/// The group: six entities in six countries of the EEA, one outside.
pub(crate) const GROUP: [Estate; 7] = [
    Estate {
        id: "halden-be",
        legal_name: "Halden Belgium NV",
        country: "BE",
        authority: "Autorité de protection des données / Gegevensbeschermingsautoriteit",
        dataset: "loyalty",
        manifest: include_str!("../../demo/halden-be.yml"),
        is_up: true,
        fill: loyalty,
    },
    Estate {
        id: "halden-fr",
        legal_name: "Halden France SAS",
        country: "FR",
        authority: "CNIL",
        dataset: "boutique",
        manifest: include_str!("../../demo/halden-fr.yml"),
        is_up: true,
        fill: boutique,
    },
    Estate {
        id: "halden-de",
        legal_name: "Halden Energie GmbH",
        country: "DE",
        authority: "Der Hessische Beauftragte für Datenschutz und Informationsfreiheit",
        dataset: "strom",
        manifest: include_str!("../../demo/halden-de.yml"),
        is_up: true,
        fill: strom,
    },
    Estate {
        id: "halden-nl",
        legal_name: "Halden Reizen B.V.",
        country: "NL",
        authority: "Autoriteit Persoonsgegevens",
        dataset: "reizen",
        manifest: include_str!("../../demo/halden-nl.yml"),
        is_up: true,
        fill: reizen,
    },
    newsletter_of("halden-es", "Halden Ibérica S.L.", "ES", "Agencia Española de Protección de Datos", true),
    newsletter_of("halden-pl", "Halden Polska sp. z o.o.", "PL", "Prezes Urzędu Ochrony Danych Osobowych", false),
    newsletter_of("halden-uk", "Halden UK Ltd", "GB", "Information Commissioner's Office", true),
];

const fn newsletter_of(
    id: &'static str,
    legal_name: &'static str,
    country: &'static str,
    authority: &'static str,
    is_up: bool,
) -> Estate {
    let manifest = include_str!("../../demo/newsletter.yml");
    Estate { id, legal_name, country, authority, dataset: "newsletter", manifest, is_up, fill: newsletter }
}

impl Estate {
    /// Makes the entity's database at `path` and returns how many people it knows.
    pub(crate) fn make_database(&self, path: &Path) -> rusqlite::Result<usize> {
        let mut database = Connection::open(path)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        let transaction = database.transaction()?;
        let seed = self.id.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let people = (self.fill)(&transaction, &mut Dice::new(seed))?;
        transaction.commit()?;
        Ok(people)
    }
}

/// Made-up people, with the person of the case somewhere among them.
fn people(dice: &mut Dice, count: usize, with_her: bool) -> Vec<Person> {
    let mut people: Vec<Person> = (1..=count).map(|n| Person::made_up(dice, n)).collect();
    if with_her {
        let place = dice.below(people.len());
        people.insert(place, Person::of_the_case());
    }
    people
}

fn loyalty(db: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TABLE member(member_no TEXT PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, born TEXT, remark TEXT);
         CREATE INDEX member_email ON member(email);
         CREATE TABLE card(card_no TEXT PRIMARY KEY, member_no TEXT REFERENCES member, issued TEXT);
         CREATE INDEX card_member ON card(member_no);
         CREATE TABLE booking(card_no TEXT, line INTEGER, booked TEXT, points INTEGER, shop TEXT, PRIMARY KEY(card_no, line));",
    )?;
    let people = people(dice, 300, true);
    for (n, person) in (1i64..).zip(&people) {
        let member = format!("M{n:05}");
        db.execute(
            "INSERT INTO member VALUES(?,?,?,?,?,?)",
            params![member, person.email, person.first, person.last, person.born, note(dice)],
        )?;
        for k in 0..1 + dice.below(3) {
            let card = format!("HB{n:05}{k}");
            db.execute("INSERT INTO card VALUES(?,?,?)", params![card, member, dice.date()])?;
            for line in 1..=3 + dice.number(40) {
                let shop = dice.pick(&["Gent", "Liège", "Oostende ", "web", "WEB"]);
                let points = dice.number(500) - 50;
                db.execute("INSERT INTO booking VALUES(?,?,?,?,?)", params![card, line, dice.date(), points, shop])?;
            }
        }
    }
    Ok(people.len())
}

fn boutique(db: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TABLE client(id INTEGER PRIMARY KEY, numero TEXT, prenom TEXT, nom TEXT, telephone TEXT, preferences TEXT);
         CREATE INDEX client_numero ON client(numero);
         CREATE TABLE commande(id INTEGER PRIMARY KEY, client_id INTEGER, passee_le INTEGER, statut INTEGER, commentaire TEXT);
         CREATE INDEX commande_client ON commande(client_id);
         CREATE TABLE ligne(commande_id INTEGER, rang INTEGER, article TEXT, prix NUMERIC, PRIMARY KEY(commande_id, rang));",
    )?;
    let people = people(dice, 250, true);
    for (n, person) in (1i64..).zip(&people) {
        let preferences =
            dice.pick(&["{\"lettre\":true}", "{\"lettre\":false,\"tel\":[\"matin\",\"soir\"]}", "", "{}"]);
        db.execute(
            "INSERT INTO client VALUES(?,?,?,?,?,?)",
            params![n, person.number, person.first, person.last, person.phone, preferences],
        )?;
        for _ in 0..1 + dice.below(6) {
            // Seconds since 1970, and a state as a number that only the shop knows: 5 is in no list of theirs either.
            let (at, state) =
                (1_546_300_800 + dice.number(220_000_000), dice.pick(&["1", "2", "3", "3", "3", "9", "5"]));
            db.execute(
                "INSERT INTO commande(client_id, passee_le, statut, commentaire) VALUES(?,?,?,?)",
                params![n, at, state, note(dice)],
            )?;
            let order = db.last_insert_rowid();
            for rang in 1..=1 + dice.number(5) {
                let article = dice.pick(&["Théière", "Café 1kg", "carte cadeau", "Livraison", "thé vert (bio)"]);
                let price = format!("{}.{:02}", dice.below(200), dice.below(100));
                db.execute("INSERT INTO ligne VALUES(?,?,?,?)", params![order, rang, article, price])?;
            }
        }
    }
    Ok(people.len())
}

fn strom(db: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TABLE kunde(kundennr TEXT PRIMARY KEY, telefon TEXT, vorname TEXT, nachname TEXT, foto BLOB);
         CREATE INDEX kunde_telefon ON kunde(telefon);
         CREATE TABLE vertrag(vertragsnr TEXT PRIMARY KEY, kundennr TEXT, zaehler TEXT, seit TEXT);
         CREATE INDEX vertrag_kunde ON vertrag(kundennr);
         CREATE TABLE ablesung(vertragsnr TEXT, am TEXT, stand_kwh REAL, PRIMARY KEY(vertragsnr, am));",
    )?;
    let people = people(dice, 200, true);
    for (n, person) in (1i64..).zip(&people) {
        let number = format!("K-{:06}", n * 37 + 1000);
        let hers = person.number == super::people::NUMBER;
        let photo: Option<Vec<u8>> =
            hers.then(|| (0..2_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect());
        db.execute(
            "INSERT INTO kunde VALUES(?,?,?,?,?)",
            params![number, person.phone, person.first, person.last, photo],
        )?;
        for k in 0..1 + dice.below(2) {
            let contract = format!("{number}/{k}");
            let meter = format!("1EMH00{:08}", dice.below(99_999_999));
            db.execute("INSERT INTO vertrag VALUES(?,?,?,?)", params![contract, number, meter, dice.date()])?;
            let readings = if hers { 4_000 } else { 12 };
            for i in 0..readings {
                let at = format!("{}-{:02}-{:02}T{:02}:00", 2015 + i / 400, 1 + i / 34 % 12, 1 + i % 28, i % 24);
                let kwh = f64::from(i) * 1.25 + f64::from(i % 7) / 8.0;
                db.execute("INSERT OR IGNORE INTO ablesung VALUES(?,?,?)", params![contract, at, kwh])?;
            }
        }
    }
    Ok(people.len())
}

fn reizen(db: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TABLE reiziger(id INTEGER PRIMARY KEY, email TEXT, naam TEXT);
         CREATE INDEX reiziger_email ON reiziger(email);
         CREATE TABLE boeking(id INTEGER PRIMARY KEY, reiziger_id INTEGER, bestemming TEXT, vertrek TEXT);
         CREATE INDEX boeking_reiziger ON boeking(reiziger_id);",
    )?;
    let people = people(dice, 150, true);
    for (n, person) in (1i64..).zip(&people) {
        let name = format!("{} {}", person.last, person.first);
        db.execute("INSERT INTO reiziger VALUES(?,?,?)", params![n, person.email, name])?;
        for _ in 0..dice.below(5) {
            let to = dice.pick(&["Lisboa", "Kraków", "Reykjavík", "Μήλος", "Gent"]);
            db.execute(
                "INSERT INTO boeking(reiziger_id, bestemming, vertrek) VALUES(?,?,?)",
                params![n, to, dice.date()],
            )?;
        }
    }
    Ok(people.len())
}

fn newsletter(db: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TABLE subscriber(id INTEGER PRIMARY KEY, email TEXT, name TEXT, subscribed TEXT);
         CREATE INDEX subscriber_email ON subscriber(email);",
    )?;
    let people = people(dice, 40, false);
    for (n, person) in (1i64..).zip(&people) {
        let name = format!("{} {}", person.first, person.last);
        db.execute("INSERT INTO subscriber VALUES(?,?,?,?)", params![n, person.email, name, dice.date()])?;
    }
    Ok(people.len())
}
