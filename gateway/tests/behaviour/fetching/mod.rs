//! From the call to the staged part: what the client of an entity promises.

mod announcing;
mod answers;
mod connecting;
mod presenting;
mod reading;

use tributary_archive::information::Information;
use tributary_archive::part::Part;
use tributary_archive::preview::Preview;
use tributary_archive::table::Table;
use tributary_gateway::entity::{Client, Destination, EntityError, Fault, Order, Watched};
use tributary_gateway::stage::{PartFault, Staged};

/// Everything that an export announces.
#[derive(Default)]
struct Announced {
    generation: u32,
    tables: Vec<Table>,
    parts: Vec<Part>,
    envelope: Vec<u8>,
    pauses: Vec<String>,
    previews: Vec<Preview>,
    information: Option<Information>,
}

/// Watches an export to its end, as the holder of a task does.
async fn watch(client: &Client, order: &Order) -> Result<Announced, EntityError> {
    let mut watch = client.watch_export(order).await?;
    let mut announced = Announced::default();
    while let Some(watched) = watch.next().await? {
        match watched {
            Watched::Generation(generation) => {
                announced = Announced { generation, pauses: announced.pauses, ..Announced::default() };
            }
            Watched::Table(table) => announced.tables.push(*table),
            Watched::Part(part) => announced.parts.push(part),
            Watched::Preview(preview) => announced.previews.push(preview),
            Watched::Information(information) => announced.information = Some(information),
            Watched::Pending { reason, .. } => announced.pauses.push(reason),
            Watched::Attested(envelope) => announced.envelope = envelope,
        }
    }
    Ok(announced)
}

/// Fetches one part of generation 1 from its beginning.
async fn fetch(client: &Client, order: &Order, part: &Part, destination: &Destination) -> Result<Staged, EntityError> {
    let receiver = destination.begin(part.clone()).await?;
    client.fetch_part(order, 1, receiver).await.map_err(|unfinished| unfinished.error)
}

/// The fault that an agent is charged with.
#[track_caller]
fn fault<T: std::fmt::Debug>(outcome: Result<T, EntityError>) -> Fault {
    match outcome {
        Err(EntityError::Fault(fault)) => fault,
        other => panic!("expected a fault of the agent, got {other:?}"),
    }
}

/// What is wrong with part `index`.
#[track_caller]
fn part_fault<T: std::fmt::Debug>(outcome: Result<T, EntityError>, index: u32) -> PartFault {
    match fault(outcome) {
        Fault::Part { index: found, fault } if found == index => fault,
        other => panic!("expected a fault in part {index}, got {other:?}"),
    }
}

impl std::fmt::Debug for Announced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announced").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
