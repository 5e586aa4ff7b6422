//! Promises about a network that forgets connections: nothing is refused, nothing is cut, and nothing comes any more.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tributary_model::database::Address;
use tributary_transport::tasks::Tasks;

use super::*;
use crate::config::Postgres;

/// Longer than giving every connection up and making it anew takes, and shorter than waiting for one of them.
const SOON: Duration = Duration::from_secs(30);

/// Carries connections to a server, until it forgets those that it has.
struct Network {
    port: u16,
    forgotten: watch::Sender<u32>,
    _tasks: Tasks,
}

impl Network {
    async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (forgotten, tasks) = (watch::Sender::new(0), Tasks::new());
        let (epoch, each) = (forgotten.clone(), tasks.clone());
        tasks.spawn("network", async move {
            while let Ok((near, _)) = listener.accept().await {
                each.spawn("connection", carry(near, server, epoch.subscribe()));
            }
        });
        Self { port, forgotten, _tasks: tasks }
    }

    /// Carries nothing more on the connections that are open; new ones work.
    fn forgets(&self) {
        self.forgotten.send_modify(|epoch| *epoch += 1);
    }
}

async fn carry(mut near: TcpStream, server: u16, mut epoch: watch::Receiver<u32>) {
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        Ok(()) = epoch.changed() => {
            // Both ends stay open, and neither hears of the other again.
            let _ends = (near, far);
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_network_has_forgotten_are_given_up_and_made_anew() {
    let bench = Bench::new(Engine::Postgres).await;
    let case = bench.case(Waiting::ByDeliveryDate, &["be"]).await;
    let network = Network::before(bench.place.database().port).await;
    let settings = Postgres {
        address: Address::Tcp { host: "localhost".to_owned(), port: network.port },
        connect_timeout: Duration::from_secs(2),
        ..bench.place.settings(bench.place.database())
    };
    let tasks = Tasks::new();
    let store = Store::open_postgres(&settings, bench.place.kek(), &tasks).await.unwrap();
    // More than there are connections, so that all of both kinds are open.
    let checks = || join_all((0..12).map(|_| store.check()));
    for round in 0..3 {
        let checked = timeout(SOON, checks()).await.unwrap_or_else(|_| panic!("round {round}: it waits for ever"));
        assert!(checked.iter().all(Result::is_ok), "round {round}: {checked:?}");
        let claimed = store.case(case).await.unwrap().unwrap();
        assert_eq!(claimed.id, case);
        network.forgets();
    }
    drop(store);
    tasks.drain(CLOSE).await;
}
