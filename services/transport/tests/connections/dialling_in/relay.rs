//! What lies between agent and gateway: a TCP balancer that takes turns, and a path that swallows everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tributary_transport::tasks::Tasks;

pub(super) struct Relay {
    pub(super) address: String,
    /// Connections so far.
    pub(super) connections: Arc<AtomicUsize>,
    /// Whether bytes vanish, of connections that are open now.
    swallow: watch::Sender<bool>,
    _tasks: Tasks,
}

impl Relay {
    pub(super) async fn to(targets: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (connections, swallow, tasks) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false), Tasks::new());
        let (counted, silent, all) = (Arc::clone(&connections), swallow.clone(), tasks.clone());
        tasks.spawn("relay", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let target = targets[number % targets.len()];
                let silent = silent.subscribe();
                all.spawn("relayed", async move {
                    let Ok(to) = TcpStream::connect(target).await else { return };
                    carry(stream, to, silent).await;
                });
            }
        });
        Self { address, connections, swallow, _tasks: tasks }
    }

    pub(super) fn swallow(&self, swallow: bool) {
        self.swallow.send_replace(swallow);
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn carry(mut a: TcpStream, mut b: TcpStream, silent: watch::Receiver<bool>) {
    let (a_in, a_out) = a.split();
    let (b_in, b_out) = b.split();
    tokio::join!(pipe(a_in, b_out, silent.clone()), pipe(b_in, a_out, silent));
}

/// What was swallowed once is a hole for ever: packets of that connection no longer mean anything.
async fn pipe(
    mut from: tokio::net::tcp::ReadHalf<'_>,
    mut to: tokio::net::tcp::WriteHalf<'_>,
    silent: watch::Receiver<bool>,
) {
    let (mut piece, mut is_lost) = (vec![0; 16 * 1024], false);
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        is_lost |= *silent.borrow();
        if !is_lost && to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
    if !is_lost {
        let _ = to.shutdown().await;
    } else {
        // The end is swallowed too.
        std::future::pending::<()>().await;
    }
}
