//! Answers kept under their Idempotency-Key (ours; the spec does not know the header).

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use hyper::HeaderMap;

use crate::answer::Refusal;
use crate::caller::Digest;

/// The Idempotency-Key of a request, if it has one: 1 to 255 visible ASCII characters or spaces, given once.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(Refusal::invalid("the Idempotency-Key header must be 1 to 255 visible ASCII characters, given once")),
    }
}

/// The stored answers. At most 10,000 of them and 64 MiB of bodies; past either, the oldest is forgotten.
#[derive(Default)]
pub(crate) struct Answers {
    stored: HashMap<Digest, Stored>,
    /// The same answers, oldest first.
    order: VecDeque<Digest>,
    bytes: usize,
}

struct Stored {
    request: Digest,
    answer: Bytes,
}

/// What is known of a key and a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: the call runs.
    New,
    /// This request ran: its answer.
    Answered(Bytes),
    /// The key was used with another request.
    Reused,
}

const MOST_ANSWERS: usize = 10_000;
const MOST_BYTES: usize = 64 << 20;

impl Answers {
    /// Looks up. `key` is the digest of API key and Idempotency-Key, `request` that of the body.
    pub(crate) fn get(&self, key: &Digest, request: &Digest) -> Known {
        match self.stored.get(key) {
            None => Known::New,
            Some(stored) if stored.request == *request => Known::Answered(stored.answer.clone()),
            Some(_) => Known::Reused,
        }
    }

    /// Keeps the answer of a key that was [`Known::New`].
    pub(crate) fn put(&mut self, key: Digest, request: Digest, answer: Bytes) {
        self.bytes = self.bytes.saturating_add(answer.len());
        self.stored.insert(key, Stored { request, answer });
        self.order.push_back(key);
        while self.order.len() > MOST_ANSWERS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let freed = self.stored.remove(&oldest).map_or(0, |stored| stored.answer.len());
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
    fn answers_are_found_by_key_and_request() {
        let mut answers = Answers::default();
        assert_eq!(answers.get(&digest(1), &digest(7)), Known::New);
        answers.put(digest(1), digest(7), Bytes::from_static(b"a"));
        assert_eq!(answers.get(&digest(1), &digest(7)), Known::Answered(Bytes::from_static(b"a")));
        assert_eq!(answers.get(&digest(1), &digest(8)), Known::Reused);
        assert_eq!(answers.get(&digest(2), &digest(7)), Known::New);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        for (count, size, kept) in [(MOST_ANSWERS + 5, 1, MOST_ANSWERS), (100, 1 << 20, 64), (3, MOST_BYTES + 1, 0)] {
            let mut answers = Answers::default();
            let body = Bytes::from(vec![b'x'; size]);
            for n in 0..count {
                answers.put(digest(n), digest(n), body.clone());
            }
            assert_eq!((answers.stored.len(), answers.order.len(), answers.bytes), (kept, kept, kept * size));
            assert_eq!(answers.get(&digest(0), &digest(0)), Known::New);
            if let Some(last) = kept.checked_sub(1).map(|_| count - 1) {
                assert_ne!(answers.get(&digest(last), &digest(last)), Known::New);
            }
        }
    }

    #[test]
    fn header() {
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
