//! What must hold before an archive is closed: the roster is whole, every answer is signed and fits, every part is the
//! attested one, and every file can be extracted everywhere.

use std::collections::BTreeMap;

use tributary_model::disposition::{Disposition, Source};
use tributary_model::dsse::Envelope;
use tributary_model::group::{PublicEntity, PublicGroup, find_key};
use tributary_model::id::EntityId;
use tributary_model::key::{KeyInvalid, SigningKey};
use tributary_model::scope::{Decision, Outcome};

use super::{CaseFacts, Contribution, Member};
use crate::attestation::{Attestation, AttestationError, PartsMismatch, check_context};
use crate::completeness::chain_is_whole;
use crate::container::{Body, Entry, MAX_DIRECTORY, MAX_ENTRIES};
use crate::opened::{MAX_JSON, MAX_LISTING};
use crate::part::paths_collide;

/// Most bytes of one archive: beyond this, sums of sizes are lies.
const MAX_BYTES: u64 = 1 << 60;

/// Why an archive cannot be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The trust envelope holds another group than the facts name.
    #[error("archive: the trust envelope is not the public group file of the case; store the two together")]
    Trust,
    /// The earlier versions of the group file do not fit the roster.
    #[error("archive: {0}")]
    Former(&'static str),
    /// The signing key is not one of the gateway's, or does not count.
    #[error("archive: the gateway's signing key {0}; the group file must list it with a validity that covers today")]
    Key(&'static str),
    /// Sequence and earlier archives do not fit each other.
    #[error("archive: sequence {0} needs exactly the case's earlier archives, 1, 2, 3 … in order")]
    Sequence(u32),
    /// Not exactly one decision and one contribution for every entity of the group.
    #[error("archive: entity `{0}` needs one decision and one contribution, as every entity of the group file does")]
    Roster(EntityId),
    /// An entity id that cannot name files.
    #[error("archive: entity id `{0}` is taken by a file of the archive's own")]
    ReservedEntity(EntityId),
    /// Disposition, source, decision and attestation of an entity do not fit.
    #[error("archive: entity `{entity}`: {problem}")]
    Contribution {
        /// The entity.
        entity: EntityId,
        /// What does not fit.
        problem: &'static str,
    },
    /// An entity's attestation does not count for this archive.
    #[error("archive: entity `{entity}`: {error}")]
    Attestation {
        /// The entity.
        entity: EntityId,
        /// Why.
        error: AttestationError,
    },
    /// The parts are not those attested.
    #[error("archive: entity `{entity}`: {error}")]
    Parts {
        /// The entity.
        entity: EntityId,
        /// Why.
        error: PartsMismatch,
    },
    /// The previews are not the attested ones, or do not belong to the parts.
    #[error("archive: entity `{entity}`: previews: {problem}")]
    Previews {
        /// The entity.
        entity: EntityId,
        /// What is wrong.
        problem: String,
    },
    /// The record of processing is not the attested one.
    #[error("archive: entity `{0}`: its record of processing is not the one that it attested")]
    Information(EntityId),
    /// A table part without a description of its table.
    #[error("archive: entity `{entity}`: part {part} belongs to a collection that no table describes")]
    Undescribed {
        /// The entity.
        entity: EntityId,
        /// The part.
        part: u32,
    },
    /// Two parts that some system could not extract side by side.
    #[error("archive: entity `{entity}`: part {part} has the path of another part, or differs from it in case only")]
    Path {
        /// The entity.
        entity: EntityId,
        /// The second of the two parts.
        part: u32,
    },
    /// More parts, larger lists or more bytes than an archive holds and a verifier reads.
    #[error("archive: it has more parts, or larger lists, than an archive holds; make parts larger")]
    TooLarge,
}

/// Checks facts and contributions, and returns the entities in the order of their ids.
pub(super) fn members<'a>(
    facts: &'a CaseFacts,
    roster: &'a PublicGroup,
    contributions: &'a [Contribution],
    key: &SigningKey,
) -> Result<Vec<Member<'a>>, BuildError> {
    check_trust(facts, key)?;
    if !chain_is_whole(&facts.earlier, facts.sequence) {
        return Err(BuildError::Sequence(facts.sequence));
    }
    let decisions = by_entity(&facts.decisions, |decision| &decision.entity)?;
    let contributed = by_entity(contributions, |contribution| &contribution.entity)?;
    let entities: BTreeMap<&EntityId, &PublicEntity> =
        roster.entities.iter().map(|entity| (&entity.id, entity)).collect();
    if let Some(stray) = decisions.keys().chain(contributed.keys()).find(|id| !entities.contains_key(*id)) {
        return Err(BuildError::Roster((*stray).clone()));
    }
    let mut members = Vec::with_capacity(entities.len());
    for (id, public) in entities {
        let missing = || BuildError::Roster(id.clone());
        let decision = *decisions.get(id).ok_or_else(missing)?;
        let contribution = *contributed.get(id).ok_or_else(missing)?;
        members.push(member(facts, public, decision, contribution)?);
    }
    check_sizes(&members)?;
    Ok(members)
}

fn by_entity<T>(items: &[T], id: impl Fn(&T) -> &EntityId) -> Result<BTreeMap<&EntityId, &T>, BuildError> {
    let mut map = BTreeMap::new();
    for item in items {
        if map.insert(id(item), item).is_some() {
            return Err(BuildError::Roster(id(item).clone()));
        }
    }
    Ok(map)
}

fn check_trust(facts: &CaseFacts, key: &SigningKey) -> Result<(), BuildError> {
    let former = facts.former.iter().map(|former| (&former.trust_envelope, &former.group));
    if !former.chain([(&facts.trust_envelope, &facts.public_group)]).all(|(envelope, group)| holds(envelope, group)) {
        return Err(BuildError::Trust);
    }
    let listed = find_key(&facts.public_group.gateway_keys, &key.public().id());
    match listed.map(|listed| listed.check(facts.assembled_at)) {
        None => Err(BuildError::Key("is not listed by the group file")),
        Some(Err(KeyInvalid::NotYet)) => Err(BuildError::Key("is not valid yet")),
        Some(Err(KeyInvalid::Expired)) => Err(BuildError::Key("has expired")),
        Some(Err(KeyInvalid::Revoked)) => Err(BuildError::Key("is revoked")),
        Some(Ok(())) => Ok(()),
    }
}

fn holds(envelope: &[u8], group: &PublicGroup) -> bool {
    let payload = Envelope::from_json(envelope).and_then(|envelope| envelope.unverified_payload());
    let held: Option<PublicGroup> = payload.ok().and_then(|payload| serde_json::from_slice(&payload).ok());
    held.as_ref() == Some(group)
}

fn member<'a>(
    facts: &'a CaseFacts,
    public: &'a PublicEntity,
    decision: &'a Decision,
    contribution: &'a Contribution,
) -> Result<Member<'a>, BuildError> {
    let id = &public.id;
    let problem = |problem| BuildError::Contribution { entity: id.clone(), problem };
    if id.as_str() == "gateway" {
        return Err(BuildError::ReservedEntity(id.clone()));
    }
    if contribution.disposition.source() != contribution.source {
        return Err(problem("its disposition is not its source's to say"));
    }
    if (decision.outcome == Outcome::DoNotAsk) != (contribution.disposition == Disposition::NotAsked) {
        return Err(problem("an entity is NOT_ASKED exactly when the decision says so"));
    }
    if contribution.archive.is_some_and(|archive| archive == 0 || archive > facts.sequence) {
        return Err(problem("its parts cannot be in an archive that comes after this one"));
    }
    let attestation = match (&contribution.attestation, contribution.source) {
        (Some(envelope), Source::Entity) => Some(attested(facts, public, contribution, envelope)?),
        (None, Source::Entity) => return Err(problem("what an entity says needs its attestation")),
        (Some(_), _) => return Err(problem("what the gateway says has no attestation")),
        (None, _) => None,
    };
    let member = Member { public, decision, contribution, attestation };
    check_parts(facts, &member)?;
    Ok(member)
}

fn attested(
    facts: &CaseFacts,
    public: &PublicEntity,
    contribution: &Contribution,
    envelope: &[u8],
) -> Result<Attestation, BuildError> {
    let fresh = contribution.archive.is_none_or(|archive| archive == facts.sequence);
    let at = facts.assembled_at;
    let (attestation, _) = check_context(envelope, public, &facts.public_group, facts.case, facts.right, at, fresh)
        .map_err(|error| BuildError::Attestation { entity: public.id.clone(), error })?;
    if attestation.disposition != contribution.disposition {
        let problem = "its attestation says another disposition";
        return Err(BuildError::Contribution { entity: public.id.clone(), problem });
    }
    Ok(attestation)
}

fn check_parts(facts: &CaseFacts, member: &Member<'_>) -> Result<(), BuildError> {
    let Some(attestation) = &member.attestation else { return Ok(()) };
    let (entity, contribution) = (&member.public.id, member.contribution);
    if attestation.parts.count > 0 && contribution.archive.is_none() {
        let problem = "it attests parts, and no archive carries them";
        return Err(BuildError::Contribution { entity: entity.clone(), problem });
    }
    if !member.carries_parts(facts.sequence) {
        return Ok(());
    }
    attestation
        .check_parts_given(&contribution.parts, &contribution.tables)
        .map_err(|error| BuildError::Parts { entity: entity.clone(), error })?;
    match paths_collide(&contribution.parts) {
        Some(part) => Err(BuildError::Path { entity: entity.clone(), part }),
        None => Ok(()),
    }
}

fn check_sizes(members: &[Member<'_>]) -> Result<(), BuildError> {
    let sizes = members.iter().flat_map(|m| &m.contribution.parts).flat_map(|part| [part.bytes, part.encoded_bytes]);
    let sum = sizes.into_iter().try_fold(0_u64, u64::checked_add);
    if sum.is_some_and(|sum| sum < MAX_BYTES) { Ok(()) } else { Err(BuildError::TooLarge) }
}

/// What is written must be within what a verifier reads.
pub(super) fn limits(entries: &[Entry]) -> Result<(), BuildError> {
    // A central record and its longest ZIP64 field, beside the name.
    let directory: u64 = entries.iter().map(|entry| entry.name.len() as u64 + 46 + 28).sum();
    let too_large = |entry: &Entry| match &entry.body {
        Body::Generated(_) if entry.name.ends_with("manifest-sha256.txt") => false,
        Body::Generated(bytes) if lists_parts(&entry.name) => bytes.len() as u64 > MAX_LISTING,
        Body::Generated(bytes) => bytes.len() as u64 > MAX_JSON,
        Body::Part { .. } => false,
    };
    if entries.len() as u64 > MAX_ENTRIES || directory > MAX_DIRECTORY || entries.iter().any(too_large) {
        return Err(BuildError::TooLarge);
    }
    Ok(())
}

/// Whether a generated file grows with the number of parts.
fn lists_parts(name: &str) -> bool {
    name.ends_with("/datapackage.json") || name.ends_with("/ro-crate-metadata.json")
}
