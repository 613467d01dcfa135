//! Who calls: the key of the Authorization header, which is never kept or shown whole.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

use crate::answer::Refusal;
use crate::limits::Plan;

/// SHA-256 of something that we must tell apart but not keep.
pub(crate) type Digest = [u8; 32];

/// The SHA-256 of `parts`, each with its length before it, so that no two lists of parts give the same bytes.
pub(crate) fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A caller whose key is accepted.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    /// The SHA-256 of the key.
    pub(crate) id: Digest,
    /// The plan that the key's prefix names.
    pub(crate) plan: Plan,
    prefix: &'static str,
}

impl Caller {
    /// Reads the key: `Authorization: Bearer bak_…`, the scheme in any case. The rest is 401.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::invalid_key("one Authorization header is required: `Authorization: Bearer bak_…`"));
        };
        let key = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim_matches(' '))
            .ok_or_else(|| Refusal::invalid_key("the Authorization header must be `Bearer bak_…`"))?;
        Self::with_key(key)
    }

    fn with_key(key: &str) -> Result<Self, Refusal> {
        let well_formed =
            key.len() > "bak_".len() && key.starts_with("bak_") && key.bytes().all(|b| b.is_ascii_graphic());
        if !well_formed {
            return Err(Refusal::invalid_key("the API key must begin with bak_ and have no spaces"));
        }
        if key.starts_with("bak_revoked") {
            return Err(Refusal::invalid_key(
                "this API key was revoked (the sandbox says so of every bak_revoked… key)",
            ));
        }
        let (prefix, plan) = PREFIXES.into_iter().find(|(prefix, _)| key.starts_with(prefix)).unwrap_or(UNLIMITED);
        Ok(Self { id: Sha256::digest(key).into(), plan, prefix })
    }

    /// A name that tells keys apart and does not give them away: the prefix and the first 8 hexadecimal digits
    /// of the key's SHA-256.
    pub(crate) fn redacted(&self) -> String {
        let [a, b, c, d, ..] = self.id;
        format!("{}…{a:02x}{b:02x}{c:02x}{d:02x}", self.prefix)
    }
}

const PREFIXES: [(&str, Plan); 2] = [("bak_maker_", Plan::Maker), ("bak_builder_", Plan::Builder)];
const UNLIMITED: (&str, Plan) = ("bak_", Plan::Enterprise);

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn of(values: &[&[u8]]) -> Option<(Plan, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Caller::of(&headers).ok().map(|caller| (caller.plan, caller.redacted()))
    }

    #[test]
    fn accepted_keys() {
        let table: [(&[u8], Plan, &str); 5] = [
            (b"Bearer bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"bearer bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"BEARER   bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"Bearer bak_maker_1", Plan::Maker, "bak_maker_…"),
            (b"Bearer bak_builder_1", Plan::Builder, "bak_builder_…"),
        ];
        for (value, plan, name) in table {
            let (got, redacted) = of(&[value]).unwrap();
            assert_eq!(got, plan);
            assert!(redacted.starts_with(name), "{redacted}");
        }
    }

    #[test]
    fn refused_keys() {
        let table: [&[&[u8]]; 12] = [
            &[],
            &[b""],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Bearer bak_"],
            &[b"Bearer sk-other"],
            &[b"Bearer BAK_x"],
            &[b"Bearer bak_a b"],
            &[b"Bearer bak_\xc3\xa9"],
            &[b"Bearer bak_revoked"],
            &[b"Basic bak_x"],
            &[b"Bearer bak_a", b"Bearer bak_a"],
        ];
        for values in table {
            assert!(of(values).is_none(), "{values:?}");
        }
    }
}
