//! [`ApiKey`]: the key of the Authorization header, which is never stored or shown whole.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::digest::{Digest, digest_of};
use crate::plan::Plan;
use crate::response::ApiError;

/// An accepted API key.
#[derive(Clone, Copy)]
pub(crate) struct ApiKey {
    /// The SHA-256 digest of the key.
    pub(crate) id: Digest,
    /// The plan that the prefix of the key names.
    pub(crate) plan: Plan,
    prefix: &'static str,
}

impl ApiKey {
    /// Reads the key: `Authorization: Bearer bak_…`, with the scheme in upper or lower case. Anything else is a 401.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(ApiError::invalid_key("one Authorization header is required: `Authorization: Bearer bak_…`"));
        };
        let key = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim_matches(' '))
            .ok_or_else(|| ApiError::invalid_key("the Authorization header must be `Bearer bak_…`"))?;
        Self::with_key(key)
    }

    fn with_key(key: &str) -> Result<Self, ApiError> {
        let well_formed =
            key.len() > "bak_".len() && key.starts_with("bak_") && key.bytes().all(|b| b.is_ascii_graphic());
        if !well_formed {
            return Err(ApiError::invalid_key("the API key must start with bak_ and have no spaces"));
        }
        if key.starts_with("bak_revoked") {
            return Err(ApiError::invalid_key(
                "This API key was revoked. (The sandbox treats every bak_revoked… key as revoked.)",
            ));
        }
        let (prefix, plan) = PREFIXES.into_iter().find(|(prefix, _)| key.starts_with(prefix)).unwrap_or(UNLIMITED);
        Ok(Self { id: digest_of(key), plan, prefix })
    }

    /// A name that identifies the key without revealing it: its prefix and the first 8 hexadecimal digits of its SHA-256.
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
    use axum::http::HeaderValue;

    fn read(values: &[&[u8]]) -> Option<(Plan, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        ApiKey::from_headers(&headers).ok().map(|key| (key.plan, key.redacted()))
    }

    #[test]
    fn valid_keys_have_the_plan_of_their_prefix() {
        let table: [(&[u8], Plan, &str); 5] = [
            (b"Bearer bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"bearer bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"BEARER   bak_your_key", Plan::Enterprise, "bak_…db1957d0"),
            (b"Bearer bak_maker_1", Plan::Maker, "bak_maker_…"),
            (b"Bearer bak_builder_1", Plan::Builder, "bak_builder_…"),
        ];
        for (value, plan, name) in table {
            let (got, redacted) = read(&[value]).unwrap();
            assert_eq!(got, plan);
            assert!(redacted.starts_with(name), "{redacted}");
        }
    }

    #[test]
    fn invalid_keys_are_rejected() {
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
            assert!(read(values).is_none(), "{values:?}");
        }
    }
}
