//! The plaintext port: liveness always, readiness by condition, metrics as text.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tributary_transport::admin::Admin;
use tributary_transport::listen::listen;
use tributary_transport::readiness::Readiness;
use tributary_transport::telemetry::Metrics;

use crate::world::PATIENCE;

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn a_process_is_alive_while_it_is_not_ready() {
    let readiness = Readiness::new();
    let store = readiness.require("store");
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let admin = Admin::new(listener, readiness, Metrics::new()).run(stop.clone());
    let asks = async {
        assert_eq!(get(address, "/livez").await, (200, "ok\n".to_owned()));
        assert_eq!(get(address, "/readyz").await, (503, "[-] store\nnot ready\n".to_owned()));
        store.set(true);
        assert_eq!(get(address, "/readyz").await, (200, "[+] store\nready\n".to_owned()));
        assert_eq!(get(address, "/metrics").await.0, 200);
        assert_eq!(get(address, "/else").await.0, 404);
        // A connection that is kept open does not delay the stop.
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /livez HTTP/1.1\r\nhost: admin\r\n\r\n").await.unwrap();
        idle.read_u8().await.unwrap();
        stop.cancel();
        idle
    };
    let ((), _idle) = tokio::time::timeout(PATIENCE, async { tokio::join!(admin, asks) }).await.unwrap();
}

#[tokio::test]
async fn what_should_be_seen_is_said_a_line_each_and_the_process_stays_ready() {
    let readiness = Readiness::new();
    readiness.require("serving").set(true);
    readiness.remark(|| vec!["a system is away:\r\n[-] injected".to_owned()]);
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let admin = Admin::new(listener, readiness, Metrics::new()).run(stop.clone());
    let ask = async {
        let said = get(address, "/readyz").await;
        stop.cancel();
        said
    };
    let ((), said) = tokio::time::timeout(PATIENCE, async { tokio::join!(admin, ask) }).await.unwrap();
    assert_eq!(said, (200, "[+] serving\n[!] a system is away:  [-] injected\nready\n".to_owned()));
}
