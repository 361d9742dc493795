//! A FUSE request as bytes on the wire and as a value.
//!
//! The body is not interpreted. A request that a filter asked for carries a phase bit in its
//! opcode, and after a postfilter an extension with `error_in` (SEMANTICS 2.6, 2.7). A reader
//! would get wrong that the extension is found from the end: `len - total_extlen * 8`.

use zerocopy::{FromBytes, IntoBytes};

use crate::{Abi, FUSE_ERROR_IN, FuseExtHeader, FuseInHeader, Gid, NodeId, Opcode, Phase, Pid};
use crate::{Uid, Unique};

/// Length of the extension that carries `error_in`: its header, the value, and padding.
const ERROR_IN_EXT: usize = 16;
/// Where Android's header has `error_in`: `total_extlen` and padding of the others.
const ERROR_IN_AT: usize = 36;
const HEADER: usize = size_of::<FuseInHeader>();

/// A request to the daemon.
///
/// ```
/// use fuserig_abi::{Gid, NodeId, Opcode, Pid, Request, Uid, Unique};
/// let request = Request {
///     unique: Unique(2),
///     nodeid: NodeId::ROOT,
///     opcode: Opcode::LOOKUP,
///     uid: Uid(1000),
///     gid: Gid(1000),
///     pid: Pid(7),
///     body: b"name\0".to_vec(),
///     error_in: None,
/// };
/// let bytes = request.encode();
/// assert_eq!(bytes.len(), 45);
/// assert_eq!(Request::decode(&bytes)?, request);
/// # Ok::<(), fuserig_abi::WireError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Identity, echoed by the reply.
    pub unique: Unique,
    /// The node.
    pub nodeid: NodeId,
    /// The opcode, with a phase bit for filter requests.
    pub opcode: Opcode,
    /// User of the caller.
    pub uid: Uid,
    /// Group of the caller.
    pub gid: Gid,
    /// Process of the caller.
    pub pid: Pid,
    /// Everything between header and extension.
    pub body: Vec<u8>,
    /// `error_in` of a POSTFILTER request; other requests have no extension.
    pub error_in: Option<u32>,
}

/// Why bytes are no request or reply. Lengths are in bytes.
///
/// ```
/// use fuserig_abi::{Request, WireError};
/// let error = Request::decode(&[0; 39]).unwrap_err();
/// assert_eq!(error, WireError::Short { found: 39, needed: 40 });
/// assert_eq!(error.to_string(), "decode message: 39 bytes are too few (the header needs 40)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not even a header.
    #[error("decode message: {found} bytes are too few (the header needs {needed})")]
    Short {
        /// Bytes there are.
        found: usize,
        /// Bytes a header has.
        needed: usize,
    },
    /// The header names another length.
    #[error("decode message: header says {declared} bytes at offset 0, found {found}")]
    Length {
        /// What the header says.
        declared: u32,
        /// Bytes there are.
        found: usize,
    },
    /// The extensions do not fit between header and end.
    #[error("decode message: {declared} bytes of extensions at offset 36 leave no room")]
    Extension {
        /// What the header says, in bytes.
        declared: usize,
    },
    /// An extension that this build does not know.
    #[error("decode message: extension of type {kind} and {size} bytes at offset {offset}")]
    UnknownExtension {
        /// Its type.
        kind: u32,
        /// Its length.
        size: u32,
        /// Where it begins.
        offset: usize,
    },
    /// A reply error that the kernel refuses.
    #[error("decode message: error {error} at offset 4 is outside -511..=0")]
    ErrorRange {
        /// The error.
        error: i32,
    },
    /// A reply with an error and a body.
    #[error("decode message: error {error} with a body of {body} bytes at offset 16")]
    BodyWithError {
        /// The error.
        error: i32,
        /// Length of the body.
        body: usize,
    },
}

impl Request {
    /// The bytes on the wire.
    ///
    /// # Panics
    /// When the body is 4 GiB or longer: no kernel sends that.
    pub fn encode(&self) -> Vec<u8> {
        let extension = if self.error_in.is_some() { ERROR_IN_EXT } else { 0 };
        let len = HEADER + self.body.len() + extension;
        let header = FuseInHeader {
            len: u32::try_from(len).expect("requests are far below 4 GiB"),
            opcode: self.opcode.0,
            unique: self.unique.0,
            nodeid: self.nodeid.0,
            uid: self.uid.0,
            gid: self.gid.0,
            pid: self.pid.0,
            total_extlen: (extension / 8) as u16,
            padding: 0,
        };
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&self.body);
        if let Some(error_in) = self.error_in {
            let head = FuseExtHeader { size: ERROR_IN_EXT as u32, r#type: FUSE_ERROR_IN };
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(&error_in.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
        }
        bytes
    }

    /// The bytes on the wire of an ABI. Android has no extension: `error_in` is the last word of
    /// the header (`fuse_in_postfilter_header`, SEMANTICS 2.11).
    ///
    /// ```
    /// use fuserig_abi::{Abi, Gid, NodeId, Opcode, Phase, Pid, Request, Uid, Unique};
    /// let request = Request {
    ///     unique: Unique(1),
    ///     nodeid: NodeId(1),
    ///     opcode: Opcode::STATFS.with_phase(Phase::Post),
    ///     uid: Uid(0),
    ///     gid: Gid(0),
    ///     pid: Pid(1),
    ///     body: vec![0; 8],
    ///     error_in: Some(0xffff_fffe),
    /// };
    /// let bytes = request.encode_for(Abi::Android);
    /// assert_eq!((bytes.len(), &bytes[36..40]), (48, &[0xfe, 0xff, 0xff, 0xff][..]));
    /// assert_eq!(Request::decode_for(Abi::Android, &bytes)?, request);
    /// assert_eq!(request.encode_for(Abi::V4).len(), 64);
    /// # Ok::<(), fuserig_abi::WireError>(())
    /// ```
    ///
    /// # Panics
    /// When the body is 4 GiB or longer: no kernel sends that.
    pub fn encode_for(&self, abi: Abi) -> Vec<u8> {
        let Some(error_in) = self.error_in.filter(|_| abi == Abi::Android) else {
            return self.encode();
        };
        let mut bytes = Request { error_in: None, ..self.clone() }.encode();
        bytes[ERROR_IN_AT..HEADER].copy_from_slice(&error_in.to_le_bytes());
        bytes
    }

    /// Reads a request of an ABI, as [`Request::encode_for`] writes it.
    ///
    /// # Errors
    /// As [`Request::decode`].
    pub fn decode_for(abi: Abi, bytes: &[u8]) -> Result<Request, WireError> {
        let opcode = bytes.get(4..8).and_then(|word| u32::read_from_bytes(word).ok());
        let post = opcode.is_some_and(|code| Opcode(code).phase() == Some(Phase::Post));
        if abi != Abi::Android || !post {
            return Request::decode(bytes);
        }
        let Some(head) = bytes.get(..HEADER) else {
            return Err(WireError::Short { found: bytes.len(), needed: HEADER });
        };
        let word = &head[ERROR_IN_AT..];
        let error_in = u32::from_le_bytes(word.try_into().expect("a header ends with a word"));
        let mut plain = bytes.to_vec();
        plain[ERROR_IN_AT..HEADER].fill(0);
        Ok(Request { error_in: Some(error_in), ..Request::decode(&plain)? })
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Lengths that contradict each other, or an extension other than the one of 2.7.
    pub fn decode(bytes: &[u8]) -> Result<Request, WireError> {
        let (header, rest) = FuseInHeader::read_from_prefix(bytes)
            .or(Err(WireError::Short { found: bytes.len(), needed: HEADER }))?;
        if header.len as usize != bytes.len() {
            return Err(WireError::Length { declared: header.len, found: bytes.len() });
        }
        let extension = usize::from(header.total_extlen) * 8;
        let Some(body_len) = rest.len().checked_sub(extension) else {
            return Err(WireError::Extension { declared: extension });
        };
        let (body, extension) = rest.split_at(body_len);
        Ok(Request {
            unique: Unique(header.unique),
            nodeid: NodeId(header.nodeid),
            opcode: Opcode(header.opcode),
            uid: Uid(header.uid),
            gid: Gid(header.gid),
            pid: Pid(header.pid),
            body: body.to_vec(),
            error_in: error_in(extension, HEADER + body_len)?,
        })
    }
}

fn error_in(extension: &[u8], offset: usize) -> Result<Option<u32>, WireError> {
    if extension.is_empty() {
        return Ok(None);
    }
    let (head, rest) = FuseExtHeader::read_from_prefix(extension)
        .or(Err(WireError::Extension { declared: extension.len() }))?;
    if head.r#type != FUSE_ERROR_IN
        || head.size as usize != ERROR_IN_EXT
        || extension.len() != ERROR_IN_EXT
    {
        return Err(WireError::UnknownExtension { kind: head.r#type, size: head.size, offset });
    }
    let (value, _) =
        u32::read_from_prefix(rest).or(Err(WireError::Extension { declared: extension.len() }))?;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Request, WireError};
    use crate::{Abi, Gid, NodeId, Opcode, Phase, Pid, Uid, Unique};

    fn sample(body: &[u8], error_in: Option<u32>) -> Request {
        Request {
            unique: Unique(0x1122),
            nodeid: NodeId(3),
            opcode: Opcode::OPEN.with_phase(Phase::Post),
            uid: Uid(1),
            gid: Gid(2),
            pid: Pid(4),
            body: body.to_vec(),
            error_in,
        }
    }

    #[test]
    fn android_has_the_error_in_the_header() {
        let post = sample(b"12345678", Some(0xffff_fff2));
        let bytes = post.encode_for(Abi::Android);
        assert_eq!(bytes[..8], [48, 0, 0, 0, 14, 0, 2, 0]);
        assert_eq!(bytes[36..], *b"\xf2\xff\xff\xff12345678");
        assert_eq!(Request::decode_for(Abi::Android, &bytes), Ok(post));
        // Without a phase the word is what it is elsewhere.
        let plain = Request { opcode: Opcode::OPEN, ..sample(b"", None) };
        assert_eq!(plain.encode_for(Abi::Android), plain.encode());
        assert_eq!(Request::decode_for(Abi::Android, &plain.encode()), Ok(plain));
        let short = Request::decode_for(Abi::Android, &bytes[..39]);
        assert_eq!(short, Err(WireError::Short { found: 39, needed: 40 }));
    }

    #[test]
    fn a_postfilter_request_ends_with_its_extension() {
        let bytes = sample(b"12345678", Some(0xffff_fffe)).encode();
        assert_eq!(bytes[..8], [64, 0, 0, 0, 14, 0, 2, 0]);
        assert_eq!(bytes[36..40], [2, 0, 0, 0]);
        assert_eq!(bytes[48..], [16, 0, 0, 0, 33, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    }

    #[test]
    fn lengths_that_contradict_each_other_are_refused() {
        let good = sample(b"12345678", Some(1)).encode();
        let check = |at: usize, value: u8, expected: WireError| {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(Request::decode(&bytes), Err(expected));
        };
        check(0, 63, WireError::Length { declared: 63, found: 64 });
        check(36, 4, WireError::Extension { declared: 32 });
        check(
            36,
            3,
            WireError::UnknownExtension { kind: 0x3837_3635, size: 0x3433_3231, offset: 40 },
        );
        check(36, 1, WireError::UnknownExtension { kind: 0, size: 1, offset: 56 });
        check(52, 34, WireError::UnknownExtension { kind: 34, size: 16, offset: 48 });
        check(48, 8, WireError::UnknownExtension { kind: 33, size: 8, offset: 48 });
        let short = Request::decode(&good[..39]);
        assert_eq!(short, Err(WireError::Short { found: 39, needed: 40 }));
    }

    proptest! {
        #[test]
        fn requests_survive_the_wire(
            body in proptest::collection::vec(any::<u8>(), 0..64),
            error_in in any::<Option<u32>>(),
        ) {
            let request = sample(&body, error_in);
            prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        }

        #[test]
        fn any_bytes_are_a_request_or_an_error(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..96),
            honest in any::<bool>(),
            extension in 0_u8..8,
        ) {
            if honest && bytes.len() >= 40 {
                bytes[0] = bytes.len() as u8;
                bytes[1..4].fill(0);
                bytes[36] = extension;
                bytes[37] = 0;
            }
            if let Ok(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode().len(), bytes.len());
            }
        }
    }
}
