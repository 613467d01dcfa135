//! The sockets: listen, give each connection a task, stop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::calls::Service;
use crate::exchange::answer;

/// Serves until `stop` says how long calls in flight may still take, or is dropped. Tells `ready` the real address,
/// or why there is none.
pub(crate) fn run(
    address: SocketAddr,
    service: Arc<Service>,
    stop: oneshot::Receiver<Duration>,
    ready: &mpsc::SyncSender<io::Result<SocketAddr>>,
) {
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build().and_then(|runtime| {
        runtime.block_on(async {
            let listener = listen(address)?;
            // Who started us waits for this; if he is gone, `stop` is too.
            let _ = ready.send(listener.local_addr());
            serve(listener, service, stop).await;
            Ok(())
        })
    });
    if let Err(error) = served {
        let _ = ready.send(Err(error));
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)] // elsewhere this lets two programs share a port
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS)
}

async fn serve(listener: TcpListener, service: Arc<Service>, stop: oneshot::Receiver<Duration>) {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let grace = loop {
        let accepted = tokio::select! {
            grace = &mut stop => break grace.unwrap_or_default(),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => converse(stream, Arc::clone(&service), &connections),
            // Out of file descriptors, most likely: give the open connections time to end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    drop(listener);
    let _ = tokio::time::timeout(grace, connections.shutdown()).await;
}

/// One connection, on a task of its own.
fn converse(stream: TcpStream, service: Arc<Service>, connections: &GracefulShutdown) {
    // Answers are small and written whole; without it they may wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(answer(&service, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), answer);
    // An error here is the peer's: it went away, or it does not speak HTTP.
    let connection = connections.watch(connection);
    tokio::spawn(async move { drop(connection.await) });
}

/// How long a connection may be silent between requests, or be slow to send a head.
const IDLE: Duration = Duration::from_secs(75);
/// Connections that the system queues before they are accepted: load tests open thousands at once.
const WAITING_CONNECTIONS: u32 = 4_096;
