//! A server that costs as little as it can: reads a request, answers the same bytes. `bench-server DELAY_MS SIZE [tls DIR]`
//!
//! Prints its port. With `tls` it makes a certificate for localhost and writes it to `DIR/ca.pem`.
#![expect(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a bench may fail")]
#![expect(clippy::print_stdout, reason = "how it tells its port")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap_or_default().parse::<usize>();
    let (delay, size) = (Duration::from_millis(u64::try_from(number()?)?), number()?);
    let tls = match (arguments.next(), arguments.next()) {
        (Some(_), Some(folder)) => Some(acceptor(&folder)?),
        _ => None,
    };
    let text =
        if size == 0 { "- Point one...\\n- Point two...\\n- Point three...".to_owned() } else { "a".repeat(size) };
    let body = format!(
        r#"{{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{{"text":"{text}"}},"usage":{{"input_tokens":245,"output_tokens":87,"total_tokens":332}},"latency_ms":142}}"#
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: ";
    let answer: Arc<[u8]> = format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes().into();
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(16_384)?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let (answer, tls) = (Arc::clone(&answer), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(connection, &answer, delay).await,
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

fn acceptor(folder: &str) -> Result<tokio_rustls::TlsAcceptor, Failure> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(format!("{folder}/ca.pem"), made.cert.pem())?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config).into())
}
