//! A TCP balancer on loopback: takes turns among the processes behind it and passes over those that are down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tributary_transport::tasks::Tasks;

/// A balancer. Dropping it ends its connections.
#[derive(Debug)]
pub struct Balancer {
    tasks: Tasks,
}

impl Balancer {
    /// Listens on `listen` and connects to `targets` in turn.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start(listen: SocketAddr, targets: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let tasks = Tasks::new();
        let (all, targets) = (tasks.clone(), Arc::new(targets));
        tasks.spawn("balancer", async move { accept(listener, targets, all).await });
        Ok(Self { tasks })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

async fn accept(listener: TcpListener, targets: Arc<Vec<SocketAddr>>, tasks: Tasks) {
    let stopping = tasks.stopping();
    let turn = Arc::new(AtomicUsize::new(0));
    while let Some(Ok((mut dialled, _))) = stopping.run_until_cancelled(listener.accept()).await {
        let (targets, turn, stopping) = (Arc::clone(&targets), Arc::clone(&turn), stopping.clone());
        tasks.spawn("balanced connection", async move {
            let Some(mut target) = connect(&targets, &turn).await else { return };
            let _ = dialled.set_nodelay(true);
            let _ = target.set_nodelay(true);
            // However it ends, both sides notice.
            let _ = stopping.run_until_cancelled(copy_bidirectional(&mut dialled, &mut target)).await;
        });
    }
}

async fn connect(targets: &[SocketAddr], turn: &AtomicUsize) -> Option<TcpStream> {
    for _ in targets {
        let target = targets.get(turn.fetch_add(1, Ordering::Relaxed) % targets.len())?;
        if let Ok(stream) = TcpStream::connect(target).await {
            return Some(stream);
        }
    }
    None
}
