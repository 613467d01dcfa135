//! [`IdempotencyStore`]: responses by their Idempotency-Key. The spec does not define the header.

use std::collections::{HashMap, VecDeque};

use axum::body::Bytes;
use axum::http::HeaderMap;

use crate::digest::Digest;
use crate::response::ApiError;

/// The Idempotency-Key of a request, if it has one: 1 to 255 visible ASCII characters or spaces, sent once.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(ApiError::invalid("the Idempotency-Key header must be 1 to 255 visible ASCII characters, sent once")),
    }
}

/// The stored responses: at most 10,000, and 64 MiB of bodies. Above either limit the oldest is dropped.
#[derive(Default)]
pub(crate) struct IdempotencyStore {
    stored: HashMap<Digest, Stored>,
    /// Their keys, oldest first.
    order: VecDeque<Digest>,
    bytes: usize,
}

struct Stored {
    request: Digest,
    response: Bytes,
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The key is new.
    Miss,
    /// The request ran: its response.
    Hit(Bytes),
    /// The key was used with another request.
    Conflict,
}

const MAX_RESPONSES: usize = 10_000;
const MAX_BYTES: usize = 64 << 20;

impl IdempotencyStore {
    /// Looks up a response. `key` is the digest of API key and Idempotency-Key, `request` that of the body.
    pub(crate) fn get(&self, key: &Digest, request: &Digest) -> Lookup {
        match self.stored.get(key) {
            None => Lookup::Miss,
            Some(stored) if stored.request == *request => Lookup::Hit(stored.response.clone()),
            Some(_) => Lookup::Conflict,
        }
    }

    /// Stores the response of a key that was a [`Lookup::Miss`].
    pub(crate) fn put(&mut self, key: Digest, request: Digest, response: Bytes) {
        self.bytes = self.bytes.saturating_add(response.len());
        self.stored.insert(key, Stored { request, response });
        self.order.push_back(key);
        while self.order.len() > MAX_RESPONSES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let freed = self.stored.remove(&oldest).map_or(0, |stored| stored.response.len());
            self.bytes = self.bytes.saturating_sub(freed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&n.to_be_bytes());
        digest
    }

    #[test]
    fn responses_are_found_by_key_and_request() {
        let mut store = IdempotencyStore::default();
        assert_eq!(store.get(&digest(1), &digest(7)), Lookup::Miss);
        store.put(digest(1), digest(7), Bytes::from_static(b"a"));
        assert_eq!(store.get(&digest(1), &digest(7)), Lookup::Hit(Bytes::from_static(b"a")));
        assert_eq!(store.get(&digest(1), &digest(8)), Lookup::Conflict);
        assert_eq!(store.get(&digest(2), &digest(7)), Lookup::Miss);
    }

    #[test]
    fn oldest_response_is_dropped() {
        for (count, size, kept) in [(MAX_RESPONSES + 5, 1, MAX_RESPONSES), (100, 1 << 20, 64), (3, MAX_BYTES + 1, 0)] {
            let mut store = IdempotencyStore::default();
            let body = Bytes::from(vec![b'x'; size]);
            for n in 0..count {
                store.put(digest(n), digest(n), body.clone());
            }
            assert_eq!((store.stored.len(), store.order.len(), store.bytes), (kept, kept, kept * size));
            assert_eq!(store.get(&digest(0), &digest(0)), Lookup::Miss);
            if let Some(last) = kept.checked_sub(1).map(|_| count - 1) {
                assert_ne!(store.get(&digest(last), &digest(last)), Lookup::Miss);
            }
        }
    }

    #[test]
    fn idempotency_key_header_is_validated() {
        let long = [b'k'; 255];
        let too_long = [b'k'; 256];
        type Row<'a> = (&'a [&'a [u8]], Result<Option<&'a str>, ()>);
        let table: [Row<'_>; 7] = [
            (&[], Ok(None)),
            (&[b"k"], Ok(Some("k"))),
            (&[&long], Ok(Some(std::str::from_utf8(&long).unwrap()))),
            (&[&too_long], Err(())),
            (&[b""], Err(())),
            (&[b"\xc3\xa9"], Err(())),
            (&[b"k", b"k"], Err(())),
        ];
        for (values, want) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("idempotency-key", hyper::header::HeaderValue::from_bytes(value).unwrap());
            }
            assert_eq!(key_of(&headers).map_err(|_| ()), want, "{values:?}");
        }
    }
}
