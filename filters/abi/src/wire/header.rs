//! Heads of requests, replies and extensions, and what the kernel keeps beside the arguments.
//!
//! Nothing here checks a length; [`crate::Request`] and [`crate::Reply`] do. A reader would get
//! wrong that `total_extlen` counts units of 8 bytes.

use super::layout::wire_struct;

wire_struct! {
    /// Head of every request.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseInHeader = "fuse_in_header", 40 {
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
        /// Length of all extensions in units of 8 bytes.
        total_extlen: u16,
        /// Unused.
        padding: u16,
    }
}

wire_struct! {
    /// Head of every reply.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseOutHeader = "fuse_out_header", 16 {
        /// Length of the whole reply in bytes.
        len: u32,
        /// Zero or a negative errno.
        error: i32,
        /// Identity of the request.
        unique: u64,
    }
}

wire_struct! {
    /// Head of an extension behind a request.
    ///
    /// Source: FUSE protocol 7.38 and 7.40.
    FuseExtHeader = "fuse_ext_header", 8 {
        /// Length of the extension with this header, in bytes.
        size: u32,
        /// What the extension holds; 33 is `FUSE_ERROR_IN`.
        r#type: u32,
    }
}

wire_struct! {
    /// What every callback gets first.
    ///
    /// Source: kernel-internal, SEMANTICS 3.2.
    BpfFuseMetaInfo = "bpf_fuse_meta_info", 24 {
        /// Node identity.
        nodeid: u64,
        /// FUSE opcode, possibly with a phase bit.
        opcode: u32,
        /// Negative errno of the lower step in two's complement, or zero.
        error_in: u32,
        /// Neither read nor written by any kernel.
        error_out: u32,
        /// Padding, not part of the interface.
        pad0: [u8; 4],
    }
}

wire_struct! {
    /// The kernel's `fuse_buffer` as a program sees it.
    ///
    /// Source: kernel-internal, SEMANTICS 3.2.
    RawFuseBuffer = "fuse_buffer", 24 {
        /// Address of the bytes; zero is NULL.
        data: u64,
        /// Bytes in use.
        size: u32,
        /// Bytes that `data` may hold without a new allocation.
        alloc_size: u32,
        /// Largest size a variable buffer may get.
        max_size: u32,
        /// Sum of `BPF_FUSE_*` buffer flags.
        flags: i32,
    }
}

wire_struct! {
    /// One argument of the dispatcher.
    ///
    /// Source: kernel-internal, SEMANTICS 3.2.
    RawBpfFuseArg = "bpf_fuse_arg", 16 {
        /// Address of the struct or of the `fuse_buffer`.
        value_or_buffer: u64,
        /// Size in bytes.
        size: u32,
        /// Non-zero when the address is that of a `fuse_buffer`.
        is_buffer: u8,
        /// Padding, not part of the interface.
        pad0: [u8; 3],
    }
}

wire_struct! {
    /// All arguments of the dispatcher.
    ///
    /// Source: kernel-internal, SEMANTICS 3.2.
    RawBpfFuseArgs = "bpf_fuse_args", 120 {
        /// The meta information.
        info: BpfFuseMetaInfo,
        /// Number of in args.
        in_numargs: u32,
        /// Number of out args.
        out_numargs: u32,
        /// Flags of the operation.
        flags: u32,
        /// Count of bytes, or a negative errno in two's complement.
        ret: u32,
        /// The in args.
        in_args: [RawBpfFuseArg; 3],
        /// The out args.
        out_args: [RawBpfFuseArg; 2],
    }
}
