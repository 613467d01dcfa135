//! Whom the SDK trusts, and which TLS it speaks.

use std::error::Error as StdError;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};

/// TLS for connections to the service. Without `https` nobody is trusted, and `ca_file` is still read, so that a bad
/// one is told.
pub(crate) fn config(https: bool, ca_file: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = if https { system_and_bundled_roots() } else { RootCertStore::empty() };
    if let Some(file) = ca_file {
        let bad = |why: &str| Error::config(format!("ca_file: {} {why}", file.display()));
        let pem = fs::read(file).map_err(|e| bad(&format!("cannot be read: {e}")))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect();
        if certificates.is_empty() {
            return Err(bad("holds no certificate in PEM form"));
        }
        for certificate in certificates {
            let certificate = certificate.map_err(|_| bad("is not valid PEM"))?;
            roots.add(certificate).map_err(|_| bad("holds a certificate that cannot be read"))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::config(format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Whether TLS itself refused, and the line did not just break: it would again.
pub(crate) fn is_refusal(error: &(dyn StdError + 'static)) -> bool {
    error.is::<rustls::Error>()
}

/// The operating system's roots and the bundled ones together, so that slim containers and company networks both work.
fn system_and_bundled_roots() -> RootCertStore {
    /// Reading them takes milliseconds. Never waited for: after a fork, another thread's lock would never open.
    static READ: Mutex<Option<RootCertStore>> = Mutex::new(None);
    if let Ok(read) = READ.try_lock()
        && let Some(roots) = &*read
    {
        return roots.clone();
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Ok(mut read) = READ.try_lock() {
        *read = Some(roots.clone());
    }
    roots
}
