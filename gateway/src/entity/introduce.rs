//! The first call on a connection that an agent opened: who is there, and whether the connection is used.
//!
//! Until it is answered nothing is known of the other end but its certificate: connections are made before anybody
//! serves on them.

use std::time::Duration;

use tributary_model::group::Entity;
use tributary_proto::agent::v1;
use tributary_proto::agent::v1::subject_data_service_client::SubjectDataServiceClient;
use tributary_transport::link::Link;

use super::{Description, EntityError, Fault, within};
use crate::replicas::Roster;

/// Tells the agent on `link` which process this is and which others there are, and hears that it answers for `entity`.
/// Said again whenever that changes.
pub(crate) async fn introduce(
    link: &Link,
    entity: &Entity,
    us: &Roster,
    limit: Duration,
) -> Result<Description, EntityError> {
    let request = v1::DescribeRequest {
        entity: entity.id.to_string(),
        replica: us.own().to_string(),
        replicas: us.watch().borrow().iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let mut agent = SubjectDataServiceClient::new(link.channel());
    let answer = within("Describe", limit, agent.describe(request)).await?;
    let description = Description::try_from(answer.into_inner())?;
    if description.entity == entity.id { Ok(description) } else { Err(Fault::OtherEntity.into()) }
}

/// Tells whoever is on `link` why the connection is not used. Whether it hears that makes no difference here.
pub(crate) async fn turn_away(link: &Link, us: &Roster, refusal: v1::DialInRefusal, limit: Duration) {
    let request = v1::DescribeRequest {
        replica: us.own().to_string(),
        refusal: refusal.into(),
        ..v1::DescribeRequest::default()
    };
    let mut agent = SubjectDataServiceClient::new(link.channel());
    let _ = within("Describe", limit, agent.describe(request)).await;
}
