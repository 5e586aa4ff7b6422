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
    standard_services_beside(file_descriptor_set, reflection, &[])
}

/// As [`standard_services`], where the contract describes more services than the process serves: reflection lists
/// `services` and the standard ones only. With none it lists all.
///
/// # Errors
/// When the bytes are not an encoded `FileDescriptorSet`.
pub fn standard_services_beside(
    file_descriptor_set: &[u8],
    reflection: bool,
    services: &[&str],
) -> Result<Standard, DescriptorError> {
    let mut routes = Routes::builder();
    let (health, service) = tonic_health::server::health_reporter();
    routes.add_service(service);
    if reflection {
        let describe = |own: &str| {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(file_descriptor_set)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            let listed = if services.is_empty() { &[][..] } else { &["grpc.health.v1.Health", own] };
            listed.iter().chain(services).fold(builder, |builder, name| builder.with_service_name(*name))
        };
        routes.add_service(
            describe("grpc.reflection.v1.ServerReflection")
                .build_v1()
                .map_err(|error| DescriptorError(error.to_string()))?,
        );
        // grpcurl and other tools still ask for the older version first.
        let alpha = describe("grpc.reflection.v1alpha.ServerReflection");
        routes.add_service(alpha.build_v1alpha().map_err(|error| DescriptorError(error.to_string()))?);
    }
    Ok(Standard { health, routes })
}
