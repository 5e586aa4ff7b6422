//! Sockets set up on purpose: backlog, address reuse, delay and keepalive.
//!
//! tonic ignores its own socket settings on connections handed in, so they are set here for both sides.

use std::io;
use std::net::SocketAddr;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::limits::{LISTEN_BACKLOG, TCP_KEEPALIVE};

/// Opens a listening socket with a backlog of [`LISTEN_BACKLOG`].
///
/// # Errors
/// When the address is taken or not ours; the message names it.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(LISTEN_BACKLOG)
    };
    open().map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

/// Small messages go out at once, and a machine that vanished is noticed.
pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE))
}
