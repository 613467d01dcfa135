//! The sockets: listen, serve each connection in a task, stop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::http::Http;

/// How long a connection may be silent between requests, or take to send a head.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Connections that the system queues before they are accepted. Load tests open thousands at once.
const LISTEN_BACKLOG: u32 = 4_096;
/// The pause after a failed accept, which is most likely caused by too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves until `stop` receives how long calls in flight may still take, or is dropped. Sends the real address to `ready`, or
/// why there is none.
pub(crate) fn run(
    address: SocketAddr,
    http: Http,
    stop: oneshot::Receiver<Duration>,
    ready: &mpsc::SyncSender<io::Result<SocketAddr>>,
) {
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build().and_then(|runtime| {
        runtime.block_on(async {
            let listener = listen(address)?;
            // The starting thread waits for this. If it is gone, `stop` was dropped too.
            let _ = ready.send(listener.local_addr());
            serve(listener, http, stop).await;
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
    socket.listen(LISTEN_BACKLOG)
}

/// `axum::serve` has no limit of time for a head and no deadline for a shutdown.
async fn serve(listener: TcpListener, http: Http, stop: oneshot::Receiver<Duration>) {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let grace = loop {
        let accepted = tokio::select! {
            grace = &mut stop => break grace.unwrap_or_default(),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => serve_connection(stream, http.clone(), &connections),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    };
    drop(listener);
    let _ = tokio::time::timeout(grace, connections.shutdown()).await;
}

fn serve_connection(stream: TcpStream, http: Http, connections: &GracefulShutdown) {
    // Responses are small and written at once. Without it they may wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service_fn(move |request| http.clone().handle(request)));
    let connection = connections.watch(connection);
    // An error belongs to the peer: it closed the connection, or does not speak HTTP.
    tokio::spawn(async move { drop(connection.await) });
}
