//! A server that uses little CPU: every response has the same bytes. `bench-server DELAY_MS TEXT_BYTES [tls|h2 DIRECTORY]`
//!
//! It prints its port. With `tls` or `h2`, it creates a certificate for localhost and writes it to `DIRECTORY/ca.pem`. With
//! `h2`, it speaks HTTP/2.
#![expect(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a benchmark may panic")]
#![expect(clippy::print_stdout, reason = "the port is the output")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap_or_default().parse::<usize>();
    let (delay, text_bytes) = (Duration::from_millis(u64::try_from(number()?)?), number()?);
    let (protocol, directory) = (arguments.next(), arguments.next());
    let http2 = protocol.as_deref() == Some("h2");
    let tls = directory.map(|directory| acceptor(&directory, http2)).transpose()?;
    let text = if text_bytes == 0 {
        "- Point one...\\n- Point two...\\n- Point three...".to_owned()
    } else {
        "a".repeat(text_bytes)
    };
    let body = format!(
        r#"{{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{{"text":"{text}"}},"usage":{{"input_tokens":245,"output_tokens":87,"total_tokens":332}},"latency_ms":142}}"#
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: ";
    let response: Arc<[u8]> = format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes().into();
    let body = Bytes::from(body);
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(16_384)?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let (response, body, tls) = (Arc::clone(&response), body.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(connection, &response, delay).await,
                Some(tls) if http2 => serve_http2(tls.accept(connection).await?, body, delay).await,
                Some(tls) => serve(tls.accept(connection).await?, &response, delay).await,
            }
        });
    }
}

async fn serve(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    response: &[u8],
    delay: Duration,
) -> Result<(), AnyError> {
    let mut request = BytesMut::with_capacity(4096);
    loop {
        let end = loop {
            if let Some(at) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if connection.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        };
        let head = std::str::from_utf8(&request[..end])?.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut left = end + length.unwrap_or("0").parse::<usize>()?;
        // A large body is discarded as it arrives.
        while left > request.len() {
            left -= request.len();
            request.clear();
            if connection.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        drop(request.split_to(left));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        connection.write_all(response).await?;
    }
}

async fn serve_http2(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    body: Bytes,
    delay: Duration,
) -> Result<(), AnyError> {
    let respond = service_fn(move |request: Request<Incoming>| {
        let body = body.clone();
        async move {
            request.into_body().collect().await?;
            tokio::time::sleep(delay).await;
            let mut response = Response::new(Full::new(body));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            response.headers_mut().insert("x-request-id", HeaderValue::from_static("req_1"));
            Ok::<_, hyper::Error>(response)
        }
    });
    let connection = TokioIo::new(connection);
    Ok(http2::Builder::new(TokioExecutor::new()).serve_connection(connection, respond).await?)
}

fn acceptor(directory: &str, http2: bool) -> Result<tokio_rustls::TlsAcceptor, AnyError> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(format!("{directory}/ca.pem"), certified.cert.pem())?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)?;
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(Arc::new(config).into())
}
