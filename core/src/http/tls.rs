//! Trust roots and TLS configuration.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorKind, Result};

/// TLS for connections to the service. Without `https` no root is trusted; `ca_file` is read all the same, so that an
/// invalid one is reported.
pub(crate) fn client_config(https: bool, ca_file: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = if https { system_and_bundled_roots() } else { RootCertStore::empty() };
    if let Some(file) = ca_file {
        let invalid = |why: &str| Error::config("ca_file", format!("`ca_file`: {} {why}.", file.display()));
        let pem = fs::read(file).map_err(|e| invalid(&format!("cannot be read: {e}")))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect();
        if certificates.is_empty() {
            return Err(invalid("contains no PEM certificate"));
        }
        for certificate in certificates {
            let certificate = certificate.map_err(|_| invalid("is not valid PEM"))?;
            roots.add(certificate).map_err(|_| invalid("contains an invalid certificate"))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Config, format!("TLS cannot be set up: {e}.")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// The operating system's roots and the bundled ones together, so that slim containers and corporate networks both work.
fn system_and_bundled_roots() -> RootCertStore {
    /// Reading the roots takes milliseconds. The lock is never waited for: after a fork it may belong to a thread that
    /// does not exist in the child.
    static ROOTS: Mutex<Option<RootCertStore>> = Mutex::new(None);
    if let Ok(cached) = ROOTS.try_lock()
        && let Some(roots) = &*cached
    {
        return roots.clone();
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Ok(mut cached) = ROOTS.try_lock() {
        *cached = Some(roots.clone());
    }
    roots
}
