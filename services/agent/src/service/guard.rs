//! Who may ask, and on whose order: exactly the gateway that the group file names, with a mandate it has signed.

use jiff::Timestamp;
use tonic::Request;
use tributary_model::clock::SharedClock;
use tributary_model::group::signed::VerifiedGroup;
use tributary_model::id::EntityId;
use tributary_model::identifier::Identifier;
use tributary_model::mandate::{Action, Expected, Mandate};
use tributary_model::right::Right;
use tributary_transport::peer::peer_of;

use super::error::Refusal;
use crate::convert;

/// Checks peers and mandates by the group file in force.
pub(crate) struct Guard {
    group: VerifiedGroup,
    entities: Vec<EntityId>,
    clock: SharedClock,
}

impl Guard {
    /// Guards the agent of `entities`.
    pub(crate) fn new(group: VerifiedGroup, entities: Vec<EntityId>, clock: SharedClock) -> Self {
        Self { group, entities, clock }
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The group file in force.
    pub(super) fn group(&self) -> &VerifiedGroup {
        &self.group
    }

    /// The entities served.
    pub(super) fn entities(&self) -> &[EntityId] {
        &self.entities
    }

    /// The peer must be the gateway. Asked before the request is looked at.
    pub(super) fn peer<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let gateway = &self.group.file().gateway.spiffe_id;
        match peer_of(request) {
            Some(peer) if peer.id == *gateway => Ok(()),
            _ => Err(Refusal::PeerNotGateway),
        }
    }

    /// Opens the mandate and holds it against the rpc. `identifiers` are those in the request, when they are valid:
    /// a mandate cannot be for others, so what it says of them is checked whenever there are any.
    pub(super) fn mandate(
        &self,
        envelope: &[u8],
        action: Action,
        instruction: &str,
        identifiers: Option<&[Identifier]>,
    ) -> Result<Mandate, Refusal> {
        let now = self.clock.now();
        let group = self.group.file();
        if now >= group.expires_at {
            return Err(Refusal::GroupExpired { version: group.version });
        }
        // The name of the instruction is needed to check the mandate, so it is the one input that is read first.
        let instruction = convert::instruction(instruction).map_err(Refusal::Field)?;
        let named = Mandate::addressee(envelope);
        let served = self.entities.iter().find(|entity| named.as_ref() == Some(*entity));
        // One for nobody here is held against an entity that it does not name, and refused for that.
        let entity = served.or(self.entities.first()).ok_or(Refusal::EntityNotServed)?;
        let expected = Expected { action, instruction, entity, identifiers };
        let mandate = Mandate::open(envelope, group, now, expected)?;
        if mandate.group_version == group.version && mandate.group_sha256 != self.group.digest() {
            return Err(Refusal::GroupDiffers { version: group.version });
        }
        match mandate.right {
            Right::Access => Ok(mandate),
        }
    }
}
