//! A first manifest from servers: schemas, rights that are missing, enumerations, and what administrators wrote.

use std::sync::Arc;

use tributary_agent::collect::Database;
use tributary_agent::init::{Proposal, Wishes, propose};
use tributary_agent::source::server::{Address, EngineKind, Secret, Server, ServerLimits, Tls};
use tributary_model::clock::{ManualClock, SharedClock};
use tributary_tests::servers::{self, Engine, write_password};

/// A database of its own, with a user who may read part of it.
struct Place {
    server: servers::Server,
    database: String,
    user: String,
    folder: tempfile::TempDir,
}

impl Place {
    fn new(engine: Engine, sql: &str) -> Self {
        let server = servers::Server::shared(engine).unwrap();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let (database, user) = (format!("init_{id}"), format!("r{}", &id[..20]));
        server.create(&database).unwrap();
        server.run(&database, &sql.replace("READER", &user).replace("DATABASE", &database)).unwrap();
        Self { server, database, user, folder: tempfile::tempdir().unwrap() }
    }

    fn propose(&self, schema: Option<&str>) -> Proposal {
        let secret = self.folder.path().join("password");
        write_password(&secret, "reader").unwrap();
        let server = Server {
            engine: match self.server.engine {
                Engine::Postgres => EngineKind::Postgres,
                Engine::MariaDb => EngineKind::MySql,
            },
            address: Address::Tcp { host: "localhost".to_owned(), port: self.server.port },
            user: self.user.clone(),
            password: Some(Secret::File(secret)),
            database: Some(self.database.clone()),
            schema: None,
            tls: Tls::Verified { authority: Some(self.server.authority.clone()) },
            limits: ServerLimits::default(),
        };
        let clock: SharedClock = Arc::new(ManualClock::at("2026-11-21T12:00:00Z".parse().unwrap()));
        let wishes = Wishes { schema: schema.map(str::to_owned), ..Wishes::default() };
        propose(&Database::Server(Box::new(server)), &wishes, &clock).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.server.remove(&self.database);
        let system = if self.server.engine == Engine::Postgres { "postgres" } else { "mysql" };
        let _ = self.server.run(system, &format!("DROP USER {}", self.user));
    }
}

#[test]
fn a_postgresql_schema_is_proposed_with_its_comments_its_enumerations_and_what_may_not_be_read() {
    let place = Place::new(
        Engine::Postgres,
        "CREATE USER READER PASSWORD 'reader'; CREATE SCHEMA crm; CREATE SCHEMA hr;
         CREATE TYPE crm.stage AS ENUM ('new_lead', 'in_talks'); CREATE DOMAIN crm.mail AS text;
         CREATE TABLE crm.contact (id uuid PRIMARY KEY, email crm.mail, stage crm.stage, tags text[], secret_note text);
         CREATE INDEX ON crm.contact (lower(email));
         COMMENT ON TABLE crm.contact IS 'People who asked: us'; COMMENT ON COLUMN crm.contact.stage IS 'How far we are';
         CREATE TABLE crm.visit (id serial PRIMARY KEY, contact_id uuid REFERENCES crm.contact) PARTITION BY RANGE (id);
         CREATE TABLE crm.visit_1 PARTITION OF crm.visit FOR VALUES FROM (1) TO (100);
         CREATE TABLE crm.hidden (id int PRIMARY KEY, contact_id uuid REFERENCES crm.contact);
         CREATE TABLE hr.salary (id int PRIMARY KEY);
         GRANT USAGE ON SCHEMA crm, hr TO READER; GRANT SELECT (id, email, stage, tags) ON crm.contact TO READER;
         GRANT SELECT ON crm.visit, hr.salary TO READER;",
    );
    let Proposal { manifest, summary, .. } = place.propose(Some("crm"));
    assert_eq!(summary.declared, ["contact", "visit"], "{manifest}");
    assert_eq!((summary.reached, summary.unreadable.as_slice()), (2, ["hidden".to_owned()].as_slice()));
    assert_eq!(summary.beside, [("hr".to_owned(), 1)]);
    for part in [
        "description: \"People who asked: us\"",
        "description: How far we are",
        "new_lead: New lead",
        "# - name: secret_note  left out: this user may not read it",
        "identity: email  # guess",
        "field: contact.id, direction: from",
    ] {
        assert!(manifest.contains(part), "{part}\n{manifest}");
    }
    assert!(
        !manifest
            .contains("no index: each search by it reads the whole table; for example: CREATE INDEX contact_email")
    );
    assert!(!manifest.contains("visit_1"), "parts of a partitioned table are read through it");
}

#[test]
fn a_mariadb_database_is_proposed_with_its_comments_its_enumerations_and_what_may_not_be_read() {
    let place = Place::new(
        Engine::MariaDb,
        "CREATE USER READER@'%' IDENTIFIED BY 'reader';
         CREATE TABLE clients (numero_client INT UNSIGNED PRIMARY KEY, prenom VARCHAR(80) COMMENT 'Le prénom', nom_famille VARCHAR(80),
            courriel VARCHAR(200), actif TINYINT(1), statut ENUM('nouveau', 'fidèle') COMMENT 'Le rang', UNIQUE (courriel)) COMMENT 'Ceux qui achètent';
         CREATE TABLE commandes (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, numero_client INT UNSIGNED, montant DECIMAL(10,2),
            FOREIGN KEY (numero_client) REFERENCES clients (numero_client));
         CREATE TABLE caisse (id INT PRIMARY KEY);
         GRANT SELECT ON DATABASE.clients TO READER@'%'; GRANT SELECT ON DATABASE.commandes TO READER@'%';
         GRANT INSERT ON DATABASE.caisse TO READER@'%';",
    );
    let Proposal { manifest, summary, .. } = place.propose(None);
    assert_eq!(summary.declared, ["clients", "commandes"], "{manifest}");
    assert_eq!((summary.reached, summary.unreadable.as_slice()), (2, ["caisse".to_owned()].as_slice()));
    for part in [
        "description: Ceux qui achètent",
        "description: Le prénom",
        "fr: Prenom",
        "data_type: boolean",
        "nouveau: Nouveau",
        "identity: email  # guess",
        "field: clients.numero_client, direction: from",
    ] {
        assert!(manifest.contains(part), "{part}\n{manifest}");
    }
}
