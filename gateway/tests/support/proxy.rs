//! A link that breaks: forwards bytes between gateway and agent and cuts connections, after so many bytes or when told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tributary_transport::listen::listen;
use tributary_transport::tasks::Tasks;

/// A running proxy. Stops, with its connections, when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    link: Arc<Broken>,
    stop: CancellationToken,
}

struct Broken {
    target: SocketAddr,
    /// Bytes from the target after which a connection is cut.
    limit: u64,
    cuts: AtomicUsize,
    /// Ends the connections that are open now.
    cut: Mutex<CancellationToken>,
}

impl Proxy {
    /// Forwards to `target`, and cuts a connection once it has carried `limit` bytes from there.
    pub(crate) fn start(target: SocketAddr, limit: u64) -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let cut = Mutex::new(stop.child_token());
        let link = Arc::new(Broken { target, limit, cuts: AtomicUsize::new(0), cut });
        let tasks = Tasks::new();
        let forward = Arc::clone(&link).forward(listener, tasks.clone(), stop.clone());
        let until = stop.clone();
        tasks.spawn("proxy", async move {
            until.run_until_cancelled(forward).await;
        });
        Self { address, link, stop }
    }

    /// Connections cut so far because they had carried enough.
    pub(crate) fn cuts(&self) -> usize {
        self.link.cuts.load(Ordering::SeqCst)
    }

    /// Cuts the connections that are open now.
    pub(crate) fn cut(&self) {
        std::mem::replace(&mut *self.link.cut.lock().unwrap(), self.stop.child_token()).cancel();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Broken {
    async fn forward(self: Arc<Self>, listener: TcpListener, tasks: Tasks, stop: CancellationToken) {
        while let Ok((near, _)) = listener.accept().await {
            let link = Arc::clone(&self);
            let cut = if stop.is_cancelled() { return } else { link.cut.lock().unwrap().clone() };
            tasks.spawn("proxied connection", async move {
                if cut.run_until_cancelled(link.carry(near)).await == Some(true) {
                    link.cuts.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    }

    /// Whether the connection had carried enough.
    async fn carry(&self, near: TcpStream) -> bool {
        let Ok(far) = TcpStream::connect(self.target).await else { return false };
        let (mut near_read, mut near_write) = near.into_split();
        let (far_read, mut far_write) = far.into_split();
        let mut limited = far_read.take(self.limit);
        tokio::select! {
            _ = copy(&mut near_read, &mut far_write) => false,
            _ = copy(&mut limited, &mut near_write) => {
                let _ = near_write.shutdown().await;
                limited.limit() == 0
            }
        }
    }
}
