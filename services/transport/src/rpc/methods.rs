//! The rpcs that exist, so that spans and metrics name only those: a path is text that a caller chose.

use std::collections::HashSet;
use std::sync::Arc;

use prost::Message;
use prost_types::FileDescriptorSet;

use super::semconv;

/// Served beside every contract (`services`).
const STANDARD: [&str; 5] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.health.v1.Health/List",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// A set of fully qualified method names. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Methods(Arc<HashSet<String>>);

impl Methods {
    /// Health and reflection.
    pub fn standard() -> Self {
        Self(Arc::new(STANDARD.iter().map(|name| (*name).to_owned()).collect()))
    }

    /// Adds every method of an encoded `FileDescriptorSet`. Bytes that are none add nothing: names then read `_OTHER`.
    pub fn add(&mut self, file_descriptor_set: &[u8]) {
        let Ok(set) = FileDescriptorSet::decode(file_descriptor_set) else { return };
        let names = Arc::make_mut(&mut self.0);
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    names.insert(format!("{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
    }

    /// The name to record for a request's path.
    pub(crate) fn name(&self, path: &str) -> &str {
        let name = path.strip_prefix('/').unwrap_or_default();
        self.0.get(name).map_or(semconv::OTHER, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_contract_knows_is_not_repeated() {
        let methods = Methods::standard();
        assert_eq!(methods.name("/grpc.health.v1.Health/Check"), "grpc.health.v1.Health/Check");
        assert_eq!(methods.name("/anna@example.org/Check"), "_OTHER");
    }

    #[test]
    fn methods_of_a_descriptor_set_are_known_once_it_is_added() {
        let mut methods = Methods(Arc::default());
        assert_eq!(methods.name("/grpc.health.v1.Health/Watch"), "_OTHER");
        methods.add(tonic_health::pb::FILE_DESCRIPTOR_SET);
        assert_eq!(methods.name("/grpc.health.v1.Health/Watch"), "grpc.health.v1.Health/Watch");
        methods.add(b"no descriptors");
        assert_eq!(methods.name("/grpc.health.v1.Health/Watch"), "grpc.health.v1.Health/Watch");
    }
}
