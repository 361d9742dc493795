//! The first argument of every callback.

use crate::BpfFuseMetaInfo;

/// The live `struct bpf_fuse_meta_info`. Filters of the observed kernels can write to it (N23).
///
/// ```
/// use fuserig_abi::{MetaInfo, WireStruct};
/// let meta = MetaInfo { nodeid: 1, opcode: 0x1_0001, error_in: 0, error_out: 0 };
/// assert_eq!(MetaInfo::from_wire(&meta.to_wire()), meta);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MetaInfo {
    /// Node of the operation; 0 is common (SEMANTICS 7.6).
    pub nodeid: u64,
    /// FUSE opcode, with the phase bit during a call.
    pub opcode: u32,
    /// Negative errno of the lower step in two's complement, or 0 (SEMANTICS 2.5).
    pub error_in: u32,
    /// Without effect anywhere.
    pub error_out: u32,
}

impl MetaInfo {
    /// The 24 bytes a program sees.
    pub fn to_wire(&self) -> BpfFuseMetaInfo {
        BpfFuseMetaInfo {
            nodeid: self.nodeid,
            opcode: self.opcode,
            error_in: self.error_in,
            error_out: self.error_out,
            ..BpfFuseMetaInfo::default()
        }
    }

    /// The inverse of [`MetaInfo::to_wire`].
    pub fn from_wire(wire: &BpfFuseMetaInfo) -> MetaInfo {
        MetaInfo {
            nodeid: wire.nodeid,
            opcode: wire.opcode,
            error_in: wire.error_in,
            error_out: wire.error_out,
        }
    }
}
