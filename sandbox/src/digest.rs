//! SHA-256 digests of what the sandbox must tell apart but not keep.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
pub(crate) type Digest = [u8; 32];

/// The digest of `parts`, each preceded by its length, so that no two lists of parts give the same bytes.
pub(crate) fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The plain digest of a text.
pub(crate) fn digest_of(text: &str) -> Digest {
    Sha256::digest(text).into()
}
