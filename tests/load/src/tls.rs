//! Certificates for loopback, and a relay in front of a server, which adds TLS or makes connections go silent.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

/// A certificate for 127.0.0.1 and its key, as PEM files. It is its own authority, so it is also the `ca_file`.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, which the server presents and the client trusts.
    pub file: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Creates a certificate in `directory`.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(io::Error::other)?;
        let paths = Self { file: directory.join("certificate.pem"), key: directory.join("key.pem") };
        std::fs::write(&paths.file, made.cert.pem())?;
        std::fs::write(&paths.key, made.signing_key.serialize_pem())?;
        Ok(paths)
    }

    fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let certificate = CertificateDer::from_pem_file(&self.file).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Forwards connections to a server. It stops when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    dead: watch::Sender<u64>,
    _connections: JoinSet<()>,
}

impl Relay {
    /// Forwards bytes as they are. It needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn plain(to: SocketAddr) -> io::Result<Self> {
        Self::start(None, to).await
    }

    /// Terminates TLS: `https` for a server that has only `http`.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub async fn tls(certificate: &Certificate, to: SocketAddr) -> io::Result<Self> {
        Self::start(Some(certificate.acceptor()?), to).await
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes open connections go silent. They stay open; new ones work.
    pub fn silence(&self) {
        self.dead.send_modify(|count| *count = count.saturating_add(1));
    }

    async fn start(tls: Option<TlsAcceptor>, to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (dead, line) = watch::channel(0);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, mut line) = (tls.clone(), line.clone());
                line.mark_unchanged();
                open.spawn(async move {
                    match tls {
                        None => pass(stream, to, line).await,
                        // A failed handshake is a matter of its client.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                pass(stream, to, line).await;
                            }
                        }
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, dead, _connections: connections })
    }
}

async fn pass<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, to: SocketAddr, mut line: watch::Receiver<u64>) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut server) => {}
        // Both ends stay open, and no bytes are forwarded.
        Ok(()) = line.changed() => std::future::pending().await,
    }
}
