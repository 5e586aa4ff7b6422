//! GroupService: the group as its signed file describes it, within the caller's grants.

use tonic::{Request, Response, Status};
use tributary_model::group::Entity;
use tributary_model::id::EntityId;
use tributary_model::scope::{Decision, Outcome, decide};
use tributary_proto::gateway::v1 as wire;
use tributary_proto::gateway::v1::group_service_server::GroupService;

use super::error::ApiError;
use super::page::PageSize;
use super::{Api, human, page};
use crate::authorise::Verb;

/// Sizes of pages of entities.
const PAGES: PageSize = PageSize { default: 100, most: 1000 };

#[tonic::async_trait]
impl GroupService for Api {
    async fn list_entities(
        &self,
        request: Request<wire::ListEntitiesRequest>,
    ) -> Result<Response<wire::ListEntitiesResponse>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let size = PAGES.of(request.page_size)?;
        let query = format!("entities\n{}", caller.id);
        let after = page::read_entities(&self.0.store, &query, &request.page_token)?;
        let all = &self.0.group.file().entities;
        let start = match after {
            Some(last) => all.iter().position(|e| e.id == last).map(|at| at + 1).ok_or(ApiError::PageToken)?,
            None => 0,
        };
        let mut seen = all[start..].iter().filter(|entity| caller.sees(&entity.id));
        let listed: Vec<&Entity> = seen.by_ref().take(size).collect();
        let next_page_token = match (listed.last(), seen.next()) {
            (Some(last), Some(_)) => page::write_entities(&self.0.store, &query, &last.id),
            _ => String::new(),
        };
        let decisions = decide(self.0.group.file(), &[]);
        let entities = listed.into_iter().map(|entity| self.entity(entity, &decisions)).collect();
        Ok(Response::new(wire::ListEntitiesResponse { entities, next_page_token }))
    }

    async fn get_entity(
        &self,
        request: Request<wire::GetEntityRequest>,
    ) -> Result<Response<wire::GetEntityResponse>, Status> {
        let caller = self.authorise(&request, Verb::Read)?;
        let request = request.into_inner();
        human(&request.on_behalf_of)?;
        let id: EntityId = request.entity.parse().map_err(|_| ApiError::EntityNotFound)?;
        let entity = self.0.group.entity(&id).filter(|_| caller.sees(&id)).ok_or(ApiError::EntityNotFound)?;
        let decisions = decide(self.0.group.file(), &[]);
        Ok(Response::new(wire::GetEntityResponse { entity: Some(self.entity(entity, &decisions)) }))
    }

    async fn get_group_file(
        &self,
        request: Request<wire::GetGroupFileRequest>,
    ) -> Result<Response<wire::GetGroupFileResponse>, Status> {
        self.authorise(&request, Verb::Read)?;
        human(&request.into_inner().on_behalf_of)?;
        let group = self.0.group.in_force();
        Ok(Response::new(wire::GetGroupFileResponse {
            version: group.version,
            sha256: group.digest,
            public_part: self.0.group.public_envelope.clone(),
        }))
    }
}

impl Api {
    fn entity(&self, entity: &Entity, decisions: &[Decision]) -> wire::Entity {
        let asked = |decision: &&Decision| decision.entity == entity.id && decision.outcome == Outcome::Ask;
        wire::Entity {
            entity: entity.id.to_string(),
            legal_name: entity.legal_name.clone(),
            country: entity.country.to_string(),
            authority: entity.authority.clone().unwrap_or_default(),
            contact: entity.contact.clone().unwrap_or_default(),
            operator: self.0.group.file().operator == entity.id,
            legal_area: entity.legal_area().to_owned(),
            can_be_asked: decisions.iter().find(asked).is_some(),
        }
    }
}
