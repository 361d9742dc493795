//! Callbacks and operations.

use std::collections::BTreeMap;

use super::record::records;
use super::{Fill, Quantity};

records! {
    /// One callback of a filter.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let ops = &AbiTable::of(Abi::V4).description().ops;
    /// assert_eq!(ops[0].member.as_deref(), Some("default_filter"));
    /// ```
    Callback {
        /// Position in declaration order.
        index: u64,
        /// Name of the member.
        member: Option<String>,
        /// Offset of the member in bytes.
        offset: Option<u64>,
        /// The operation.
        op: Option<String>,
        /// `pre`, `post`, `default` or `both`.
        phase: String,
        /// FUSE opcode by name.
        opcode: Option<String>,
        /// FUSE opcode as a number.
        opcode_value: Option<u64>,
        /// The opcode with its phase bit.
        meta_opcode: Option<u64>,
        /// C type it returns.
        ret: String,
        /// Whether a filter may leave it out.
        optional: bool,
        /// What a missing member means.
        if_missing: String,
        /// The arguments.
        args: Vec<CallbackArg>,
        /// v3-grouped: the operations it serves.
        #[serde(default)] handles: Vec<String>,
    }

    /// One argument of a callback.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let ops = &AbiTable::of(Abi::V3).description().ops;
    /// assert!(ops[1].args[1].r#const);
    /// ```
    CallbackArg {
        /// Position, where arguments are positional.
        #[serde(default)] index: Option<u64>,
        /// Android: place in the context.
        #[serde(default)] slot: Option<String>,
        /// The name.
        name: String,
        /// The type.
        r#type: String,
        /// `meta`, `struct`, `buffer`, `bytes` or `scalar`.
        kind: String,
        /// Whether it is declared const.
        r#const: bool,
        /// `in` or `out`; meta has none.
        #[serde(default)] dir: Option<String>,
        /// Android: the place it shares its bytes with.
        #[serde(default)] alias_of: Option<String>,
    }

    /// What one operation does.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let operations = &AbiTable::of(Abi::V3).description().operations;
    /// assert_eq!(operations[17].op, "lookup");
    /// ```
    Operation {
        /// The name.
        op: String,
        /// FUSE opcode by name.
        opcode: String,
        /// FUSE opcode as a number.
        opcode_value: u64,
        /// The inode that decides whether the pipeline runs.
        pipeline_inode: String,
        /// What `meta.nodeid` is.
        meta_nodeid: String,
        /// In args.
        in_args: Vec<OperationArg>,
        /// Out args.
        out_args: Vec<OperationArg>,
        /// Initial states of the arguments that are buffers.
        #[serde(default)] buffers: Vec<Buffer>,
        /// Flags for daemon filter requests by the step that sets them.
        request_flags: BTreeMap<String, Vec<String>>,
        /// The lower call.
        lower_call: String,
        /// Whether a failure of the lower call becomes the pipeline's error.
        lower_step_returns_lower_error: bool,
        /// Filtered values that the lower step uses.
        lower_uses_filtered: Vec<String>,
        /// Filtered values that the lower step ignores.
        lower_ignores_filtered: Vec<String>,
        /// What the lower step stores in out args.
        out_filled_by_lower: String,
        /// What finalize does.
        finalize: String,
        /// Type of the result.
        result_type: String,
        /// When `error_in` is set.
        error_in_rule: String,
        /// What a daemon prefilter request does.
        user_prefilter: String,
        /// What a daemon postfilter request does.
        user_postfilter: String,
        /// What leaving the pipeline does.
        #[serde(default)] user_fallthrough: Option<String>,
        /// Remarks.
        notes: Vec<String>,
        /// A remark about `meta.opcode`.
        #[serde(default)] meta_opcode_note: Option<String>,
        /// v3-grouped: the callback.
        #[serde(default)] callback: Option<String>,
        /// v3-grouped: arguments of the callback to those of the operation.
        #[serde(default)] slots: BTreeMap<String, Option<String>>,
    }

    /// One argument of an operation.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let operations = &AbiTable::of(Abi::V3).description().operations;
    /// assert_eq!(operations[0].in_args[0].name, "in");
    /// ```
    OperationArg {
        /// The name.
        name: String,
        /// `struct`, `buffer` or `bytes`.
        kind: String,
        /// The struct, or `fuse_buffer`.
        #[serde(default)] r#type: Option<String>,
        /// Length.
        #[serde(default)] size: Option<Quantity>,
        /// How it is filled.
        #[serde(default)] fill: Option<Fill>,
        /// A remark.
        #[serde(default)] note: Option<String>,
    }

    /// The initial state of a buffer.
    ///
    /// ```
    /// use fuserig_abi::{Abi, AbiTable};
    /// let operations = &AbiTable::of(Abi::V3).description().operations;
    /// assert_eq!(operations[17].buffers[1].arg, "entries");
    /// ```
    Buffer {
        /// The argument.
        arg: String,
        /// `in` or `out`.
        dir: String,
        /// Flags by name.
        initial_flags: Vec<String>,
        /// Flags as a number.
        initial_flags_value: u64,
        /// Bytes in use.
        size: Quantity,
        /// Bytes that fit without an allocation.
        alloc_size: Quantity,
        /// Largest size.
        max_size: Quantity,
        /// What the data are.
        data: String,
        /// When it exists, if not always.
        #[serde(default)] present_when: Option<String>,
        /// A remark.
        #[serde(default)] note: Option<String>,
    }
}
