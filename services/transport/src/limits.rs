//! Every limit of the transport with its name and its reason.
//!
//! Windows and frames are those measured for many streams side by side: frame size, not window size, is what makes a
//! stream fast, and a window is what one stalled reader may pin in memory.

use std::time::Duration;

/// The largest message that either side accepts. Blobs are streamed in pieces, so nothing legitimate is larger; owners
/// set it on each generated service and client (`max_decoding_message_size`).
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// How many connections the kernel may hold for us while we are busy. The default of 128 makes simultaneous dials
/// wait a second for a retransmitted SYN.
pub const LISTEN_BACKLOG: u32 = 1024;

/// What one stream may have under way towards us before we read.
pub(crate) const STREAM_WINDOW: u32 = 256 * 1024;

/// What all streams of one connection may have under way towards us.
pub(crate) const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// The lever for bulk streams: 16 KiB frames cost a third of the throughput of 64 KiB ones.
pub(crate) const FRAME: u32 = 64 * 1024;

/// Metadata of one request. A mandate with its signatures fits several times.
pub(crate) const HEADER_LIST: u32 = 32 * 1024;

/// TCP probes find peers whose machine is gone even when HTTP/2 has nothing to say.
pub(crate) const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How a side of a connection finds out that nothing comes through any more. Each side needs its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pings {
    /// Between two pings, also while nothing else happens: it keeps the connection alive in firewalls and NATs.
    pub(crate) interval: Duration,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

impl Pings {
    /// On connections that this side dialled to call somebody.
    pub(crate) const CALLING: Self = Self { interval: Duration::from_secs(10), timeout: Duration::from_secs(20) };
}

/// The limits of a server. The defaults are meant for production.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once, those in their handshake included. One more is closed at once and counted.
    pub connections: usize,
    /// Of these, connections of one peer. Whoever has a certificate of the group may connect; none of them may keep the
    /// others out.
    pub connections_per_peer: usize,
    /// Of agents that dial in, beside `connections`: callers and agents do not keep each other out.
    pub agents: usize,
    /// Handshakes at once. One more waits in the listen backlog.
    pub handshakes: usize,
    /// How long a handshake may take, and after it the first byte of HTTP/2.
    pub handshake_time: Duration,
    /// Streams at once on one connection. Without it a peer chooses how many handlers run.
    pub streams_per_connection: u32,
    /// Rpcs at once over all connections, streams counted until they end. One more is told to come back.
    pub rpcs: usize,
    /// Of these, rpcs of one peer, whether it may make them or not.
    pub rpcs_per_peer: usize,
    /// How long a connection may be silent before it is pinged.
    pub ping_interval: Duration,
    /// How long the answer to a ping may take before the connection counts as dead.
    pub ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_peer: 256,
            agents: 4096,
            handshakes: 256,
            handshake_time: Duration::from_secs(10),
            streams_per_connection: 256,
            rpcs: 4096,
            rpcs_per_peer: 1024,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
        }
    }
}
