//! A FUSE reply as bytes on the wire and as a value.
//!
//! Only what every reply must satisfy is checked (SEMANTICS 2.6.1, the first rows); whether the
//! body fits its request is for the pipeline, which knows the request. A reader would get wrong
//! that a positive or very negative error is refused at the device, not turned into an errno.

use zerocopy::{FromBytes, IntoBytes};

use crate::{FuseOutHeader, Unique, WireError};

const HEADER: usize = size_of::<FuseOutHeader>();

/// A reply of the daemon.
///
/// ```
/// use fuserig_abi::{Errno, Reply, Unique};
/// let reply = Reply::error(Unique(2), Errno::ENOENT);
/// assert_eq!(Reply::decode(&reply.encode())?, reply);
/// # Ok::<(), fuserig_abi::WireError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// Which request it answers.
    pub unique: Unique,
    /// Zero or a negative errno.
    pub error: i32,
    /// Everything behind the header.
    pub body: Vec<u8>,
}

impl Reply {
    /// A success with a body.
    pub fn success(unique: Unique, body: Vec<u8>) -> Reply {
        Reply { unique, error: 0, body }
    }

    /// A failure.
    pub fn error(unique: Unique, errno: crate::Errno) -> Reply {
        Reply { unique, error: errno.negative(), body: Vec::new() }
    }

    /// The bytes on the wire. Nothing is checked: daemons send wrong replies too.
    ///
    /// # Panics
    /// When the body is 4 GiB or longer.
    pub fn encode(&self) -> Vec<u8> {
        let len = u32::try_from(HEADER + self.body.len()).expect("replies are far below 4 GiB");
        let header = FuseOutHeader { len, error: self.error, unique: self.unique.0 };
        let mut bytes = Vec::with_capacity(len as usize);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads a reply as the device write does.
    ///
    /// # Errors
    /// In the kernel's order: too short, a length that differs, an error outside -511..=0, an
    /// error with a body. The first three leave the request pending, the last one fails it.
    pub fn decode(bytes: &[u8]) -> Result<Reply, WireError> {
        let (header, body) = FuseOutHeader::read_from_prefix(bytes)
            .or(Err(WireError::Short { found: bytes.len(), needed: HEADER }))?;
        if header.len as usize != bytes.len() {
            return Err(WireError::Length { declared: header.len, found: bytes.len() });
        }
        let error = header.error;
        if !(-511..=0).contains(&error) {
            return Err(WireError::ErrorRange { error });
        }
        if error != 0 && !body.is_empty() {
            return Err(WireError::BodyWithError { error, body: body.len() });
        }
        Ok(Reply { unique: Unique(header.unique), error, body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use crate::{Unique, WireError};

    fn check(error: i32, body: &[u8], expected: Result<(), WireError>) {
        let reply = Reply { unique: Unique(9), error, body: body.to_vec() };
        let decoded = Reply::decode(&reply.encode());
        assert_eq!(decoded, expected.map(|()| reply));
    }

    #[test]
    fn the_device_checks_the_error_before_the_body() {
        check(0, b"", Ok(()));
        check(0, b"body", Ok(()));
        check(-511, b"", Ok(()));
        check(-512, b"", Err(WireError::ErrorRange { error: -512 }));
        check(1, b"", Err(WireError::ErrorRange { error: 1 }));
        check(1, b"body", Err(WireError::ErrorRange { error: 1 }));
        check(-5, b"body", Err(WireError::BodyWithError { error: -5, body: 4 }));
    }

    #[test]
    fn a_length_that_differs_is_refused_first() {
        let mut bytes = Reply { unique: Unique(9), error: 1, body: Vec::new() }.encode();
        bytes[0] = 17;
        assert_eq!(Reply::decode(&bytes), Err(WireError::Length { declared: 17, found: 16 }));
        assert_eq!(Reply::decode(&bytes[..15]), Err(WireError::Short { found: 15, needed: 16 }));
    }
}
