//! What is kept of a payload instead of its bytes, cheap enough to be made while a request is
//! answered.

use core::fmt;

use twox_hash::{XxHash3_64, XxHash3_128};

use super::payload::{parse_digits, put_digits};

/// Digest of a payload whose bytes are not kept: XXH3 of 128 bits with seed 0, the most significant
/// byte first, so that `xxh128sum` shows the same digits. Minted by hashing, never dies.
///
/// It tells data apart that differ by accident. It is no name under which data could be stored: who
/// wants to can make two payloads of one digest. Names are [`PayloadId`](super::PayloadId)s.
///
/// ```
/// use fuserig_traces::record::PayloadDigest;
/// let digest = PayloadDigest::of(b"hello");
/// assert_eq!(digest.to_string(), "b5e9c1ad071b3e7fc779cfaa5e523818");
/// assert_eq!(PayloadDigest::parse("b5e9c1ad071b3e7fc779cfaa5e523818"), Some(digest));
/// // What `xxh128sum /dev/null` shows.
/// assert_eq!(PayloadDigest::of(b"").to_string(), "99aa06d3014798d86001c324468d497f");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadDigest(pub [u8; 16]);

impl PayloadDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> PayloadDigest {
        PayloadDigest(XxHash3_128::oneshot(bytes).to_be_bytes())
    }

    /// Reads 32 lower-case hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<PayloadDigest> {
        parse_digits(text).map(PayloadDigest)
    }
}

/// A number by which equal bytes are found, in this process and version only.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

impl fmt::Display for PayloadDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        put_digits(out, &self.0)
    }
}

impl fmt::Debug for PayloadDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PayloadDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::PayloadDigest;

    #[test]
    fn digests_are_those_of_the_reference() {
        // From `xxh128sum` of xxHash 0.8.1; the lengths take each of the algorithm's ways: up to 3,
        // 8, 16, 128 and 240 bytes, one block of stripes, and many.
        let check = |len: usize, digits: &str| {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
            assert_eq!(PayloadDigest::of(&bytes).to_string(), digits, "{len} bytes");
        };
        check(0, "99aa06d3014798d86001c324468d497f");
        check(3, "656e81c56e41fe02c3489259e968ad9e");
        check(8, "e4b9dd0b66ff3c50ebabbd0695002ff6");
        check(16, "ddf6c1254d70f76794eaa17b20756f46");
        check(100, "fc8da0d97205f51d6c45cd2f745cc3a7");
        check(200, "5451071ed36ad47079ad90815b45bbd9");
        check(1000, "5ed35fc6b4f0ef20d1eb8367bf3294e7");
        check(4096, "dec463517b2529a15d9027c84d5f33f7");
        check(70_000, "926d49ea21ab8fffa0013843c2d0ee14");
    }

    #[test]
    fn other_text_is_no_digest() {
        for text in ["", "b5e9", "B5E9C1AD071B3E7FC779CFAA5E523818", &"g".repeat(32)] {
            assert_eq!(PayloadDigest::parse(text), None, "{text}");
        }
    }
}
