//! `tributary migrate`: the command that a platform team runs before the gateways, and what a start does without it.

use anyhow::{Context, Result};
use tributary_tests::command::{Ran, tributary};
use tributary_tests::fixture::Shop;
use tributary_tests::group::{EntityPlan, Plan};
use tributary_tests::servers::{Engine, Server};

/// A gateway that was laid out on an empty database, which is removed again.
struct Laid {
    server: Server,
    database: String,
    config: String,
}

impl Drop for Laid {
    fn drop(&mut self) {
        // What is left over goes with the throwaway server.
        let _ = self.server.remove(&self.database);
    }
}

impl Laid {
    fn migrate(&self, more: &[&str]) -> Result<Ran> {
        let arguments = ["migrate", "--config", &self.config, "--output", "json"];
        tributary(arguments.iter().chain(more))
    }

    fn refused(&self, words: &str) -> Result<()> {
        for arguments in
            [["migrate", "--config", &self.config].as_slice(), &["serve", "gateway", "--config", &self.config]]
        {
            let ran = tributary(arguments)?;
            assert_ne!(ran.code, Some(0), "{arguments:?}");
            assert!(ran.said().contains(words), "{arguments:?}: {ran:?}");
        }
        Ok(())
    }
}

#[test]
fn a_schema_is_brought_up_to_date_by_the_command_and_by_no_start() -> Result<()> {
    let entity = EntityPlan::new("alpha-be", "BE").holds(Shop::with_person("shop", "anna@example.org", "Anna", 1));
    let group = Plan::new(vec![entity]).lay_out()?;
    let server = Server::shared(Engine::Postgres)?;
    let database = format!("t_{}", uuid::Uuid::new_v4().simple());
    server.create(&database)?;
    let seat = group.seats(1, &server, &database)?.pop().context("one process")?;
    let config = seat.launch.config.display().to_string();
    let laid = Laid { server, database, config };

    let behind = laid.migrate(&["--check"])?;
    assert_eq!((behind.code, &behind.json()?["from"]), (Some(1), &serde_json::json!(0)), "{behind:?}");
    let started = tributary(["serve", "gateway", "--config", &laid.config])?;
    assert!(started.code != Some(0) && started.said().contains("tributary migrate"), "{started:?}");

    let first = laid.migrate(&[])?;
    assert_eq!(first.code, Some(0), "{first:?}");
    let (from, to) = (&first.json()?["from"], &first.json()?["to"]);
    assert!(from == 0 && to.as_i64() >= Some(4), "{first:?}");
    let again = laid.migrate(&[])?;
    assert_eq!((again.code, &again.json()?["from"]), (Some(0), to), "{again:?}");
    assert_eq!(laid.migrate(&["--check"])?.code, Some(0));

    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                VALUES (99, 'of another version', true, '\\x00', 0)";
    laid.server.run(&laid.database, step)?;
    laid.refused("99")?;
    laid.server.run(&laid.database, "DELETE FROM _sqlx_migrations WHERE version = 99")?;
    laid.server.run(&laid.database, "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2")?;
    laid.refused("schema 2")
}

#[test]
fn a_database_that_does_not_answer_is_no_outdated_schema() -> Result<()> {
    let entity = EntityPlan::new("alpha-be", "BE").holds(Shop::with_person("shop", "anna@example.org", "Anna", 1));
    let group = Plan::new(vec![entity]).lay_out()?;
    let server = Server::shared(Engine::Postgres)?;
    let seat = group.seats(1, &server, "there_is_no_such_database")?.pop().context("one process")?;
    let config = seat.launch.config.display().to_string();
    let ran = tributary(["migrate", "--config", &config, "--check"])?;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.stderr.contains("there_is_no_such_database") && !ran.stderr.contains("at line"), "{ran:?}");
    assert!(!ran.said().contains(&server.password), "the password is nobody's business");
    Ok(())
}
