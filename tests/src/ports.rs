//! Ports on loopback that stay ours, although several tests run side by side and processes restart.
//!
//! Binding port 0 and giving it back would race with other tests and with outgoing connections. A port here is outside
//! the kernel's range for outgoing ones, and is held for the life of the test by a listener on another loopback address.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// Where the holding listeners stand; the processes under test listen on 127.0.0.1.
const HOLDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);
/// Below 32768, where Linux begins to choose ports for outgoing connections.
const RANGE: std::ops::Range<u16> = 10_240..32_000;

/// A port that nobody else takes while this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _holder: TcpListener,
}

impl Port {
    /// Reserves a port.
    ///
    /// # Errors
    /// When none is free.
    pub fn reserve() -> Result<Self> {
        let span = RANGE.end - RANGE.start;
        // Different processes start at different places, so that they seldom meet.
        let start = u16::try_from((u64::from(std::process::id()) * 977) % u64::from(span)).unwrap_or(0);
        for step in 0..span {
            let number = RANGE.start + (start.wrapping_add(step)) % span;
            let Ok(holder) = TcpListener::bind((HOLDER, number)) else { continue };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _holder: holder });
            }
        }
        bail!("no port is free between {} and {}", RANGE.start, RANGE.end)
    }

    /// The address on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
