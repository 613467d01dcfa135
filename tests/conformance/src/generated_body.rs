//! Response bodies that are too large for memory: described, then written part by part.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;

/// A body as parts, each with the number of times that it is written.
pub(crate) struct GeneratedBody(Vec<(Vec<u8>, u64)>);

const HEAD: &[u8] = br#"{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":""#;
const TAIL: &[u8] = br#""},"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2},"latency_ms":3}"#;
const BLOCK: usize = 64 * 1024;

impl GeneratedBody {
    /// A run of exactly `bytes` bytes of JSON with a long output text. If `bytes` is less than the shortest run, only `a`s.
    pub(crate) fn run(bytes: u64) -> Self {
        let frame = length(HEAD) + length(TAIL);
        let (head, tail) = if bytes >= frame { (HEAD, TAIL) } else { (&[][..], &[][..]) };
        let text = bytes - length(head) - length(tail);
        let (blocks, rest) = (text / BLOCK as u64, usize::try_from(text % BLOCK as u64).unwrap_or_default());
        Self(vec![(head.to_vec(), 1), (vec![b'a'; BLOCK], blocks), (vec![b'a'; rest], 1), (tail.to_vec(), 1)])
    }

    /// One gzip member that inflates to `bytes` bytes of `a` and takes about a thousandth of that on the wire. One block
    /// is deflated and repeated: as the first of its stream, it refers to no earlier data.
    pub(crate) fn gzip(bytes: u64) -> io::Result<Self> {
        const PLAIN: usize = 1024 * 1024;
        let (blocks, rest) = (bytes / PLAIN as u64, usize::try_from(bytes % PLAIN as u64).unwrap_or_default());
        let (plain, remainder) = (vec![b'a'; PLAIN], vec![b'a'; rest]);
        let (mut block, mut sum) = (Crc::new(), Crc::new());
        block.update(&plain);
        for _ in 0..blocks {
            sum.combine(&block);
        }
        let mut last = Crc::new();
        last.update(&remainder);
        sum.combine(&last);
        let mut end = vec![0x03, 0x00]; // an empty final block
        end.extend_from_slice(&sum.sum().to_le_bytes());
        end.extend_from_slice(&u32::try_from(bytes % (1 << 32)).unwrap_or_default().to_le_bytes());
        let head = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        Ok(Self(vec![(head, 1), (deflate(&plain)?, blocks), (deflate(&remainder)?, 1), (end, 1)]))
    }

    /// Total number of bytes.
    pub(crate) fn length(&self) -> u64 {
        self.0.iter().map(|(part, times)| length(part) * times).sum()
    }

    /// The parts in order, each as often as it is written. Empty parts are left out.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let not_empty = self.0.iter().filter(|(part, _)| !part.is_empty());
        not_empty.flat_map(|(part, times)| (0..*times).map(move |_| part.as_slice()))
    }
}

/// Deflates up to a byte boundary, without a final block.
fn deflate(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(encoder.get_ref().clone())
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn run_has_requested_size() {
        for bytes in [0, 1, 151, 200, 65_536, 1_000_000] {
            let body = GeneratedBody::run(bytes);
            let bytes_written: Vec<u8> = body.parts().flatten().copied().collect();
            assert_eq!((bytes_written.len() as u64, body.length()), (bytes, bytes));
            assert!(bytes < 160 || serde_json::from_slice::<serde_json::Value>(&bytes_written).is_ok(), "{bytes}");
        }
        assert_eq!(GeneratedBody::run(10_000_000_000).length(), 10_000_000_000);
    }

    #[test]
    fn gzip_bomb_inflates_to_requested_size() {
        for bytes in [0, 1, 1_048_576, 5_000_000] {
            let body = GeneratedBody::gzip(bytes).unwrap();
            let packed: Vec<u8> = body.parts().flatten().copied().collect();
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).unwrap();
            assert_eq!((plain.len() as u64, packed.len() as u64), (bytes, body.length()));
            assert!(packed.len() < 200 + plain.len() / 100);
        }
    }
}
