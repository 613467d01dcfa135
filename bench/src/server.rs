//! A server that costs as little as it can: reads a request, answers the same bytes. `bench-server DELAY_MS SIZE [tls|h2 DIR]`
//!
//! Prints its port. With `tls` or `h2` it makes a certificate for localhost and writes it to `DIR/ca.pem`; with `h2` it
//! speaks HTTP/2.
#![expect(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a bench may fail")]
#![expect(clippy::print_stdout, reason = "how it tells its port")]

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

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap_or_default().parse::<usize>();
    let (delay, size) = (Duration::from_millis(u64::try_from(number()?)?), number()?);
    let (protocol, folder) = (arguments.next(), arguments.next());
    let http2 = protocol.as_deref() == Some("h2");
    let tls = folder.map(|folder| acceptor(&folder, http2)).transpose()?;
    let text =
        if size == 0 { "- Point one...\\n- Point two...\\n- Point three...".to_owned() } else { "a".repeat(size) };
    let body = format!(
        r#"{{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{{"text":"{text}"}},"usage":{{"input_tokens":245,"output_tokens":87,"total_tokens":332}},"latency_ms":142}}"#
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: ";
    let answer: Arc<[u8]> = format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes().into();
    let body = Bytes::from(body);
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(16_384)?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let (answer, body, tls) = (Arc::clone(&answer), body.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(connection, &answer, delay).await,
                Some(tls) if http2 => serve_http2(tls.accept(connection).await?, body, delay).await,
                Some(tls) => serve(tls.accept(connection).await?, &answer, delay).await,
            }
        });
    }
}

async fn serve(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
    delay: Duration,
) -> Result<(), Failure> {
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
        // Of a large body only the length matters.
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
        connection.write_all(answer).await?;
    }
}

async fn serve_http2(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    answer: Bytes,
    delay: Duration,
) -> Result<(), Failure> {
    let respond = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            request.into_body().collect().await?;
            tokio::time::sleep(delay).await;
            let mut answer = Response::new(Full::new(answer));
            answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            answer.headers_mut().insert("x-request-id", HeaderValue::from_static("req_1"));
            Ok::<_, hyper::Error>(answer)
        }
    });
    let connection = TokioIo::new(connection);
    Ok(http2::Builder::new(TokioExecutor::new()).serve_connection(connection, respond).await?)
}

fn acceptor(folder: &str, http2: bool) -> Result<tokio_rustls::TlsAcceptor, Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(format!("{folder}/ca.pem"), made.cert.pem())?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    if http2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(Arc::new(config).into())
}
