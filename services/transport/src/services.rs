//! Services that every process offers beside its own: health and reflection, both from public contracts.

use tonic::service::{Routes, RoutesBuilder};
pub use tonic_health::server::HealthReporter;

/// The descriptors given are not what they should be; this is a mistake in the build, not in the configuration.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the contract cannot be read: {0}")]
pub struct DescriptorError(String);

/// Routes to which a process adds its own services, with health and reflection already there.
pub struct Standard {
    /// Sets what health says per service; everything starts as not serving until it is set.
    pub health: HealthReporter,
    /// Add the process's own services here, then hand `routes.routes()` to the server.
    pub routes: RoutesBuilder,
}

/// Health, and reflection (v1 and v1alpha) when `reflection` is on, for the contract in `file_descriptor_set`.
///
/// # Errors
/// When the bytes are not an encoded `FileDescriptorSet`.
pub fn standard_services(file_descriptor_set: &[u8], reflection: bool) -> Result<Standard, DescriptorError> {
    let mut routes = Routes::builder();
    let (health, service) = tonic_health::server::health_reporter();
    routes.add_service(service);
    if reflection {
        let describe = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(file_descriptor_set)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes.add_service(describe().build_v1().map_err(|error| DescriptorError(error.to_string()))?);
        // grpcurl and other tools still ask for the older version first.
        routes.add_service(describe().build_v1alpha().map_err(|error| DescriptorError(error.to_string()))?);
    }
    Ok(Standard { health, routes })
}
