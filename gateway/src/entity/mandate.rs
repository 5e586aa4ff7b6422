//! Signs a mandate for every call: short-lived, with a salt of its own, for one entity and one person.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use tributary_model::clock::SharedClock;
use tributary_model::group::signed::InForce;
use tributary_model::id::EntityId;
use tributary_model::key::SigningKey;
use tributary_model::mandate::{Action, Mandate};

use super::{EntityError, LocalError, Order};

/// How long a mandate counts: longer than any call waits for its answer, too short to be of use later.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Bytes of a salt.
const SALT: usize = 16;

/// Makes mandates in the name of the gateway. Cheap to clone.
#[derive(Clone)]
pub struct Mandates {
    key: Arc<SigningKey>,
    clock: SharedClock,
    group: Arc<InForce>,
}

impl Mandates {
    /// Signs with `key`, which the group file in force (`group`) must name as a gateway key.
    pub fn new(key: Arc<SigningKey>, clock: SharedClock, group: InForce) -> Self {
        Self { key, clock, group: Arc::new(group) }
    }

    /// The envelope (JSON) for one call. `received_at` is said by calls that start an export.
    pub(super) fn mint(
        &self,
        action: Action,
        order: &Order,
        entity: &EntityId,
        received_at: Option<Timestamp>,
    ) -> Result<Vec<u8>, EntityError> {
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(|_| LocalError::Random)?;
        let now = self.clock.now();
        let mandate = Mandate {
            action,
            instruction: order.instruction,
            entity: entity.clone(),
            case: order.case,
            right: order.right,
            salt: BASE64_STANDARD.encode(salt),
            identifiers_sha256: Mandate::digest_of(&salt, &order.identifiers),
            group_version: self.group.version,
            group_sha256: self.group.digest.clone(),
            received_at,
            not_before: now,
            expires_at: now.checked_add(VALID_FOR).unwrap_or(Timestamp::MAX),
        };
        Ok(mandate.sign(&self.key).to_json())
    }
}

impl std::fmt::Debug for Mandates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mandates").field("key", &self.key).field("group_version", &self.group.version).finish()
    }
}
