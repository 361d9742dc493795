//! What only the Android ABI has.
//!
//! Nothing here is used by v3 or v4. Addresses are kept as plain numbers.

use super::layout::wire_struct;

wire_struct! {
    /// An in arg of the Android context.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseBpfInArg = "fuse_bpf_in_arg", 24 {
        /// Size in bytes.
        size: u32,
        /// Padding, not part of the interface.
        pad0: [u8; 4],
        /// Address of the value.
        value: u64,
        /// Address just past the value.
        end_offset: u64,
    }
}

wire_struct! {
    /// An out arg of the Android context.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseBpfArg = "fuse_bpf_arg", 24 {
        /// Size in bytes.
        size: u32,
        /// Padding, not part of the interface.
        pad0: [u8; 4],
        /// Address of the value.
        value: u64,
        /// Address just past the value.
        end_offset: u64,
    }
}

wire_struct! {
    /// Context of an Android program.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseBpfArgs = "fuse_bpf_args", 224 {
        /// Node identity.
        nodeid: u64,
        /// FUSE opcode, possibly with a phase bit.
        opcode: u32,
        /// Negative errno of the lower step in two's complement, or zero.
        error_in: u32,
        /// Number of in args.
        in_numargs: u32,
        /// Number of out args.
        out_numargs: u32,
        /// Flags of the operation.
        flags: u32,
        /// Padding, not part of the interface.
        pad0: [u8; 4],
        /// The in args.
        in_args: [FuseBpfInArg; 5],
        /// The out args.
        out_args: [FuseBpfArg; 3],
    }
}

wire_struct! {
    /// Android's addition to a lookup reply.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseEntryBpfOut = "fuse_entry_bpf_out", 32 {
        /// `FUSE_ACTION_*` for the backing inode.
        backing_action: u64,
        /// Descriptor of the backing file.
        backing_fd: u64,
        /// `FUSE_ACTION_*` for the program.
        bpf_action: u64,
        /// Descriptor of the program.
        bpf_fd: u64,
    }
}

wire_struct! {
    /// Android's head of a postfilter request.
    ///
    /// Source: fuse-bpf, SEMANTICS 3.3.
    FuseInPostfilterHeader = "fuse_in_postfilter_header", 40 {
        /// Length of the whole request in bytes.
        len: u32,
        /// FUSE opcode, possibly with a phase bit.
        opcode: u32,
        /// Identity of the request.
        unique: u64,
        /// Node identity.
        nodeid: u64,
        /// User id of the caller.
        uid: u32,
        /// Group id of the caller.
        gid: u32,
        /// Process id of the caller.
        pid: u32,
        /// Negative errno of the lower step in two's complement, or zero.
        error_in: u32,
    }
}
