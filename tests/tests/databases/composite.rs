//! Keys of several columns: what `init` writes of a live schema finds the person's rows and nobody else's, on any engine.

use std::collections::BTreeSet;

use tributary_agent::init::{Wishes, propose};
use tributary_model::right::TableFormat::Csv;
use tributary_tests::servers::Engine;

use super::support::{Entity, clock};

/// Two keys to one table, whose columns are mixed; a key that is not the primary one; and a shared column of two keys.
const SCHEMA: &str = "
    CREATE TABLE customer (tenant INTEGER, no INTEGER, number INTEGER NOT NULL, name VARCHAR(50), email VARCHAR(50),
        PRIMARY KEY (tenant, no), UNIQUE (tenant, number));
    CREATE TABLE message (id INTEGER PRIMARY KEY, recipient_no INTEGER, sender_tenant INTEGER, sender_no INTEGER,
        recipient_tenant INTEGER,
        FOREIGN KEY (sender_tenant, sender_no) REFERENCES customer (tenant, no),
        FOREIGN KEY (recipient_tenant, recipient_no) REFERENCES customer (tenant, no));
    CREATE TABLE purchase (id INTEGER PRIMARY KEY, tenant INTEGER, customer_number INTEGER,
        FOREIGN KEY (tenant, customer_number) REFERENCES customer (tenant, number));
    CREATE TABLE gift (id INTEGER PRIMARY KEY, from_no INTEGER, tenant INTEGER, to_no INTEGER,
        FOREIGN KEY (tenant, from_no) REFERENCES customer (tenant, no),
        FOREIGN KEY (tenant, to_no) REFERENCES customer (tenant, no));
    INSERT INTO customer VALUES (1, 1, 11, 'Anna', 'anna@x.org'), (1, 2, 12, 'Bob', 'bob@x.org'), (2, 1, 11, 'Otto', 'otto@x.org'),
        (2, 2, 12, 'Eve', 'eve@x.org');
    INSERT INTO message VALUES (1, 2, 1, 1, 1), (2, 1, 1, 2, 1), (3, 2, 2, 1, 2), (4, 1, 2, 2, 2), (5, 1, 1, 1, 2), (6, 1, 1, 2, 2);
    INSERT INTO purchase VALUES (1, 1, 11), (2, 1, 12), (3, 2, 11), (4, 2, 12), (5, NULL, 11), (6, 1, NULL);
    INSERT INTO gift VALUES (1, 1, 1, 2), (2, 2, 1, 1), (3, 1, 2, 2), (4, 2, 2, 1);";

const NOTHING: &str = "      - {name: customer, fields: [{name: no}]}\n";

fn hold(entity: &Entity) {
    let wishes = Wishes { dataset: Some("shop".parse().unwrap()), ..Wishes::default() };
    let database = entity.sources.databases.values().next().unwrap();
    let proposal = propose(database, &wishes, &clock()).unwrap();
    std::fs::write(&entity.sources.manifests[0], &proposal.manifest).unwrap();
    let parts = entity.collect(Csv);
    let given = |collection: &str| -> BTreeSet<String> {
        parts.rows(collection).iter().map(|row| row.split(',').next().unwrap().to_owned()).collect()
    };
    let expected = [("message", vec!["1", "2", "5"]), ("purchase", vec!["1"]), ("gift", vec!["1", "2"])];
    for (collection, rows) in expected {
        let rows: BTreeSet<String> = rows.into_iter().map(str::to_owned).collect();
        assert_eq!(given(collection), rows, "{collection}\n{}", proposal.manifest);
    }
}

#[test]
fn sqlite_finds_by_each_foreign_key_as_a_whole() {
    hold(&Entity::sqlite(NOTHING, SCHEMA));
}

#[test]
fn postgresql_finds_by_each_foreign_key_as_a_whole() {
    hold(&Entity::on(Engine::Postgres, NOTHING, SCHEMA));
}

#[test]
fn mariadb_finds_by_each_foreign_key_as_a_whole() {
    hold(&Entity::on(Engine::MariaDb, NOTHING, SCHEMA));
}
