//! The contract as Rust: messages, clients and servers generated from `tributary/**/*.proto` without protoc.
//!
//! Wire types stop at the edge: `gateway` and `agent` convert them at once (`convert.rs` there). What each rpc does, who
//! may call it and which errors it gives stands in the proto files' comments.

// Generated code documents itself from the proto comments and is not ours to lint.
#![expect(clippy::all, reason = "generated from the proto files")]

mod debug;

/// Words that both contracts share.
pub mod types {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tributary.types.v1");
    }
}

/// What an agent serves.
pub mod agent {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tributary.agent.v1");
    }
}

/// What the gateway serves.
pub mod gateway {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tributary.gateway.v1");
    }
}

/// The encoded `FileDescriptorSet` of the whole contract, with comments: for reflection, and for tests that walk every rpc.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tributary.binpb"));

impl types::v1::ErrorReason {
    /// The reason as it stands in `google.rpc.ErrorInfo`, for example `CASE_NOT_FOUND`.
    pub fn reason(self) -> &'static str {
        self.as_str_name().trim_start_matches("ERROR_REASON_")
    }
}
