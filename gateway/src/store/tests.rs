//! Promises of the store over real files and a real server, by subject.

mod archives;
mod bench;
mod leases;
pub(super) mod place;
mod replicas;
mod sample;
#[path = "../../tests/support/server.rs"]
mod server;
mod shared;
mod silent;
mod starting;
mod waiting;
mod writing;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tributary_model::disposition::Disposition;
use tributary_model::group::signed::InForce;
use tributary_model::id::CaseId;
use tributary_model::identifier::Identifier;
use tributary_model::lifecycle::{CaseState, TaskState};
use tributary_transport::tasks::Tasks;

use super::*;
use crate::case::Waiting;
use bench::Bench;
use place::{Engine, Place, kek};
use sample::{actor, attestation, dates, days, decision, failure, id, new_case, now, public_part, staged, written};

const LEASE: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(5);

/// Has each promise kept on both databases.
macro_rules! on_both_databases {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::Engine::Sqlite).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $promise() {
                    super::$promise(super::Engine::Postgres).await;
                }
            )+
        }
    };
}
use on_both_databases;
