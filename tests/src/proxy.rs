//! The bad network between the gateway and an agent: slow, cut, silent or dead, and counted.
//!
//! A TCP proxy on loopback that knows nothing of TLS; the group file names its address as the agent's, or the agent's
//! configuration as the gateway's. `pace` limits the rate, `relay` carries the bytes of one connection.

mod pace;
mod relay;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tributary_transport::tasks::Tasks;

use self::pace::Pace;

/// A transfer is under way when this many bytes came from the agent within [`RECENT`].
const UNDER_WAY: u64 = 64 * 1024;
const RECENT: Duration = Duration::from_millis(500);

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see an orderly end.
    Fin,
    /// Both sides see a reset.
    Reset,
}

/// What a cut hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Connections that were open.
    pub connections: usize,
    /// Whether parts were under way at that moment.
    pub in_transfer: bool,
}

/// Which side opens connections through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialler {
    /// The gateway, to an agent that listens.
    Gateway,
    /// The agent, which has no port.
    Agent,
}

/// A proxy in front of one agent. Dropping it ends its connections.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    tasks: Tasks,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    dialler: Dialler,
    pace: Pace,
    /// Raised with every cut; connections of an older epoch end.
    epoch: watch::Sender<(u64, Cut)>,
    silent: watch::Sender<bool>,
    refusing: AtomicBool,
    open: AtomicU64,
    accepted: AtomicU64,
    from_agent: AtomicU64,
    to_agent: AtomicU64,
    recent: Mutex<VecDeque<(Instant, u64)>>,
}

impl Proxy {
    /// Listens on `listen`, where `dialler` connects, and connects to `target`.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start(listen: SocketAddr, target: SocketAddr, dialler: Dialler) -> Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let shared = Arc::new(Shared {
            target,
            dialler,
            pace: Pace::unlimited(),
            epoch: watch::Sender::new((0, Cut::Fin)),
            silent: watch::Sender::new(false),
            refusing: AtomicBool::new(false),
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            from_agent: AtomicU64::new(0),
            to_agent: AtomicU64::new(0),
            recent: Mutex::new(VecDeque::new()),
        });
        let tasks = Tasks::new();
        let (of_listener, all) = (Arc::clone(&shared), tasks.clone());
        tasks.spawn("proxy", async move { accept(listener, of_listener, all).await });
        Ok(Self { shared, tasks })
    }

    /// At most this many bytes a second, both directions and all connections together; `None` for no limit.
    pub fn limit(&self, bytes_per_second: Option<u64>) {
        self.shared.pace.set(bytes_per_second);
    }

    /// Ends every open connection.
    pub fn cut(&self, how: Cut) -> Hit {
        let connections = usize::try_from(self.shared.open.load(Ordering::SeqCst)).unwrap_or(usize::MAX);
        let in_transfer = connections > 0 && self.in_transfer();
        self.shared.epoch.send_modify(|epoch| *epoch = (epoch.0 + 1, how));
        self.shared.recent().clear();
        Hit { connections, in_transfer }
    }

    /// Whether parts are under way now.
    pub fn in_transfer(&self) -> bool {
        let now = Instant::now();
        let recent = self.shared.recent();
        recent.iter().filter(|(at, _)| now.duration_since(*at) < RECENT).map(|(_, n)| n).sum::<u64>() >= UNDER_WAY
    }

    /// Keeps connections open and carries nothing, as a path whose packets are dropped.
    pub fn black_hole(&self, silent: bool) {
        self.shared.silent.send_replace(silent);
    }

    /// Closes new connections at once, as a port behind which nobody is.
    pub fn refuse(&self, refusing: bool) {
        self.shared.refusing.store(refusing, Ordering::SeqCst);
    }

    /// Bytes carried from the agent to the gateway so far.
    pub fn from_agent(&self) -> u64 {
        self.shared.from_agent.load(Ordering::SeqCst)
    }

    /// Bytes carried from the gateway to the agent so far.
    pub fn to_agent(&self) -> u64 {
        self.shared.to_agent.load(Ordering::SeqCst)
    }

    /// Connections that were opened so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
        self.shared.epoch.send_modify(|epoch| *epoch = (epoch.0 + 1, Cut::Reset));
    }
}

impl Shared {
    fn recent(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, u64)>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that came from the side that dialled.
    fn carried_forth(&self, bytes: u64) {
        match self.dialler {
            Dialler::Gateway => self.carried_to_agent(bytes),
            Dialler::Agent => self.carried_from_agent(bytes),
        }
    }

    /// Bytes that came from the side that was dialled.
    fn carried_back(&self, bytes: u64) {
        match self.dialler {
            Dialler::Gateway => self.carried_from_agent(bytes),
            Dialler::Agent => self.carried_to_agent(bytes),
        }
    }

    fn carried_from_agent(&self, bytes: u64) {
        self.from_agent.fetch_add(bytes, Ordering::SeqCst);
        let now = Instant::now();
        let mut recent = self.recent();
        while recent.front().is_some_and(|(at, _)| now.duration_since(*at) > RECENT) {
            recent.pop_front();
        }
        recent.push_back((now, bytes));
    }

    fn carried_to_agent(&self, bytes: u64) {
        self.to_agent.fetch_add(bytes, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: Tasks) {
    let stopping = tasks.stopping();
    while let Some(Ok((dialled, _))) = stopping.run_until_cancelled(listener.accept()).await {
        if shared.refusing.load(Ordering::SeqCst) {
            let _ = dialled.set_zero_linger();
            continue;
        }
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&shared);
        tasks.spawn("proxied connection", async move {
            // Whoever is down looks to the other side as it would without the proxy: reset at once.
            let Ok(target) = TcpStream::connect(shared.target).await else {
                let _ = dialled.set_zero_linger();
                return;
            };
            shared.open.fetch_add(1, Ordering::SeqCst);
            relay::carry(dialled, target, &shared).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::ports::Port;

    /// An "agent" that sends zeros for ever, and a proxy before it.
    async fn link() -> (Proxy, Port, Tasks) {
        let (agent, proxied, tasks) = (Port::reserve().unwrap(), Port::reserve().unwrap(), Tasks::new());
        let listener = TcpListener::bind(agent.address()).await.unwrap();
        tasks.spawn("agent", async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                while stream.write_all(&[0; 16 * 1024]).await.is_ok() {}
            }
        });
        (Proxy::start(proxied.address(), agent.address(), Dialler::Gateway).await.unwrap(), proxied, tasks)
    }

    #[tokio::test]
    async fn a_limited_link_carries_what_its_rate_allows() {
        let (proxy, port, _tasks) = link().await;
        proxy.limit(Some(4 << 20));
        let mut stream = TcpStream::connect(port.address()).await.unwrap();
        let began = Instant::now();
        stream.read_exact(&mut vec![0; 2 << 20]).await.unwrap();
        // At least half a second less the burst; how much longer depends on the machine.
        assert!(began.elapsed() > Duration::from_millis(400), "{:?}", began.elapsed());
        assert!(proxy.from_agent() >= 2 << 20 && proxy.in_transfer());
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_says_whether_it_hit_a_transfer() {
        let (proxy, port, _tasks) = link().await;
        assert_eq!(proxy.cut(Cut::Fin), Hit { connections: 0, in_transfer: false });
        for how in [Cut::Fin, Cut::Reset] {
            let mut stream = TcpStream::connect(port.address()).await.unwrap();
            stream.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
            assert_eq!(proxy.cut(how), Hit { connections: 1, in_transfer: true });
            let end = stream.read_to_end(&mut Vec::new()).await;
            assert_eq!(end.is_err(), how == Cut::Reset, "{how:?}: {end:?}");
            assert!(!proxy.in_transfer());
        }
        assert_eq!(proxy.accepted(), 2);
    }

    #[tokio::test]
    async fn a_black_hole_keeps_the_connection_and_carries_nothing() {
        let (proxy, port, _tasks) = link().await;
        let mut stream = TcpStream::connect(port.address()).await.unwrap();
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        proxy.black_hole(true);
        // What lay in the sockets' buffers still arrives.
        let silent = async {
            let mut some = vec![0; 64 * 1024];
            loop {
                let read = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut some)).await;
                if read.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), silent).await.expect("nothing comes any more");
        proxy.black_hole(false);
        stream.read_exact(&mut [0; 1024]).await.unwrap();
    }
}
