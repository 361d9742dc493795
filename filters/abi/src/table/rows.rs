//! The rows: one for each callback, one for each operation.

use crate::{
    BufferFlags, Dir, ErrorInRule, Op, RequestFlagRow, RequestFlags, ResultType, SizeRule, Slot,
};

/// What a missing member means.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, IfMissing, Op, Phase, Slot};
/// let slot = Slot::Member(Op::Open, Phase::Pre);
/// let row = AbiTable::of(Abi::V4).slot(slot).expect("a member of v4");
/// assert_eq!(row.if_missing, IfMissing::CallDefault);
/// assert_eq!(row.if_missing.code(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IfMissing {
    /// As if it had returned 0.
    Continue,
    /// As if it had returned 5.
    CallDefault,
}

impl IfMissing {
    pub(super) fn from_words(words: &str) -> Option<IfMissing> {
        match words {
            "CONTINUE" => Some(IfMissing::Continue),
            "CALL_DEFAULT" => Some(IfMissing::CallDefault),
            _ => None,
        }
    }

    /// The code that stands for the missing member.
    pub const fn code(self) -> u32 {
        match self {
            IfMissing::Continue => crate::BPF_FUSE_CONTINUE,
            IfMissing::CallDefault => crate::BPF_FUSE_CALL_DEFAULT,
        }
    }
}

/// What an argument of a callback is.
///
/// ```
/// use fuserig_abi::ArgKind;
/// assert_ne!(ArgKind::Struct, ArgKind::Buffer);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArgKind {
    /// `struct bpf_fuse_meta_info`, always the first.
    Meta,
    /// A fixed struct.
    Struct,
    /// A `struct fuse_buffer`.
    Buffer,
    /// A number: the operation that a member of v3-grouped is called for.
    Scalar,
}

impl ArgKind {
    pub(super) fn from_words(words: &str) -> Option<ArgKind> {
        match words {
            "meta" => Some(ArgKind::Meta),
            "struct" => Some(ArgKind::Struct),
            "buffer" => Some(ArgKind::Buffer),
            "scalar" => Some(ArgKind::Scalar),
            _ => None,
        }
    }
}

/// One argument of a callback.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Dir, Op, Phase, Slot};
/// let slot = Slot::Member(Op::Getxattr, Phase::Post);
/// let row = AbiTable::of(Abi::V3).slot(slot).expect("a member of v3");
/// let out = &row.args[4];
/// assert_eq!((out.name.as_str(), out.dir, out.position), ("out", Some(Dir::Out), 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgRow {
    /// The name.
    pub name: String,
    /// The struct it points to; `fuse_buffer` for buffers.
    pub type_name: String,
    /// What it is.
    pub kind: ArgKind,
    /// Whether it is declared const. No verifier of the modelled kernels enforces it.
    pub is_const: bool,
    /// The direction; meta has none.
    pub dir: Option<Dir>,
    /// The position among the arguments of its direction; 0 for meta.
    pub position: usize,
    /// Length of the struct it points to, in bytes.
    pub size: u32,
}

/// One callback.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Op, Phase, Slot};
/// let slot = Slot::Member(Op::Open, Phase::Post);
/// let row = AbiTable::of(Abi::V4).slot(slot).expect("a member of v4");
/// assert_eq!((row.member.as_str(), row.offset, row.index), ("open_postfilter", 16, 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// Which callback.
    pub slot: Slot,
    /// Name of the member.
    pub member: String,
    /// Offset in `struct fuse_ops` in bytes.
    pub offset: u32,
    /// Position in declaration order; the number of the member in kernel type information.
    pub index: u32,
    /// All arguments, meta first.
    pub args: Vec<ArgRow>,
    /// What it means when the member is NULL.
    pub if_missing: IfMissing,
}

/// How a member of v3-grouped sees one operation of its family (SEMANTICS 9.2).
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Dir, Op};
/// let row = AbiTable::of(Abi::V3Grouped).family(Op::Getxattr).expect("a family");
/// assert_eq!(row.member, "data_op");
/// let sources: Vec<_> = row.slots.iter().map(|slot| (slot.dir, slot.source)).collect();
/// let (ins, outs) = ([Some(0), Some(1)], [Some(1), Some(0)]);
/// assert_eq!(sources, [
///     (Dir::In, ins[0]), (Dir::In, ins[1]), (Dir::Out, outs[0]), (Dir::Out, outs[1]),
/// ]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyRow {
    /// The member that is called.
    pub member: String,
    /// Its buffers in the order of the callback, those in before those out.
    pub slots: Vec<FamilySlot>,
}

/// One buffer of such a member.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Op};
/// let row = AbiTable::of(Abi::V3Grouped).family(Op::Release).expect("a family");
/// assert_eq!((row.slots[1].name.as_str(), row.slots[1].source), ("out", None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilySlot {
    /// Its name.
    pub name: String,
    /// Its direction.
    pub dir: Dir,
    /// Which argument of the operation in that direction it shows; none when the operation has no
    /// such argument.
    pub source: Option<usize>,
}

/// One argument of an operation.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, ArgKind, Op};
/// let arg = &AbiTable::of(Abi::V3).operation(Op::Lookup).out_args[1];
/// assert_eq!((arg.name.as_str(), arg.kind), ("entries", ArgKind::Buffer));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationArgRow {
    /// The name.
    pub name: String,
    /// Struct or buffer.
    pub kind: ArgKind,
    /// The struct; `fuse_buffer` for buffers.
    pub type_name: String,
    /// Length of a fixed struct in bytes; 0 for buffers.
    pub size: u32,
}

/// The initial state of a buffer (SEMANTICS 4.2).
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, BufferFlags, Op, SizeRule};
/// let row = &AbiTable::of(Abi::V3).operation(Op::Readdir).buffers[0];
/// assert_eq!((row.max_size, row.initial_flags), (
///     SizeRule::Bytes(4096),
///     BufferFlags::VARIABLE_SIZE,
/// ));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferRow {
    /// The argument.
    pub arg: String,
    /// Its direction.
    pub dir: Dir,
    /// Its position in that direction.
    pub position: usize,
    /// The flags.
    pub initial_flags: BufferFlags,
    /// Bytes in use.
    pub size: SizeRule,
    /// Bytes that fit without an allocation.
    pub alloc_size: SizeRule,
    /// Largest size.
    pub max_size: SizeRule,
    /// What the data are, in words.
    pub data: String,
    /// Whether it exists only when the size argument is above 0.
    pub needs_size: bool,
}

/// What one operation is, for both of its callbacks.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Dir, Op};
/// let row = AbiTable::of(Abi::V3).operation(Op::Getxattr);
/// assert_eq!(row.arg_position("value"), Some((Dir::Out, 0)));
/// assert!(row.lower_uses("name"));
/// assert!(!row.lower_step_returns_lower_error);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Which operation.
    pub op: Op,
    /// In args.
    pub in_args: Vec<OperationArgRow>,
    /// Out args, those included that are not on the wire.
    pub out_args: Vec<OperationArgRow>,
    /// Initial states of the buffers among them.
    pub buffers: Vec<BufferRow>,
    /// Request flags that initialize_in sets.
    pub request_flags_in: Vec<RequestFlagRow>,
    /// Request flags that initialize_out sets.
    pub request_flags_out: Vec<RequestFlagRow>,
    /// Whether a failure of the lower call becomes the pipeline's error.
    pub lower_step_returns_lower_error: bool,
    /// When `error_in` is set.
    pub error_in_rule: ErrorInRule,
    /// Filtered values that the lower step uses, by field path.
    pub lower_uses_filtered: Vec<String>,
    /// Filtered values that the lower step ignores, by field path.
    pub lower_ignores_filtered: Vec<String>,
    /// Type of the result.
    pub result_type: ResultType,
    /// The inode that decides whether the pipeline runs, in words.
    pub pipeline_inode: String,
    /// What `meta.nodeid` is, in words.
    pub meta_nodeid: String,
    /// The lower call, in words.
    pub lower_call: String,
    /// What the lower step stores in out args, in words.
    pub out_filled_by_lower: String,
    /// What finalize does, in words.
    pub finalize: String,
    /// What a daemon prefilter request does, in words.
    pub user_prefilter: String,
    /// What a daemon postfilter request does, in words.
    pub user_postfilter: String,
    /// What leaving the pipeline does where it is not obvious, in words.
    pub user_fallthrough: Option<String>,
    /// Remarks.
    pub notes: Vec<String>,
}

impl OperationRow {
    /// The arguments of one direction.
    pub fn args(&self, dir: Dir) -> &[OperationArgRow] {
        match dir {
            Dir::In => &self.in_args,
            Dir::Out => &self.out_args,
        }
    }

    /// Direction and position of the argument with that name.
    pub fn arg_position(&self, name: &str) -> Option<(Dir, usize)> {
        [Dir::In, Dir::Out].into_iter().find_map(|dir| {
            let position = self.args(dir).iter().position(|arg| arg.name == name)?;
            Some((dir, position))
        })
    }

    /// The initial state of the buffer with that name.
    pub fn buffer(&self, name: &str) -> Option<&BufferRow> {
        self.buffers.iter().find(|buffer| buffer.arg == name)
    }

    /// Whether the lower step uses a filtered value: an argument or a field by its path.
    pub fn lower_uses(&self, path: &str) -> bool {
        self.lower_uses_filtered.iter().any(|entry| covers(entry, path))
    }

    /// Whether the lower step is known to ignore a filtered value.
    pub fn lower_ignores(&self, path: &str) -> bool {
        self.lower_ignores_filtered.iter().any(|entry| covers(entry, path))
    }

    /// The request flags after both initialize steps.
    pub fn request_flags(&self, size_argument: u32) -> RequestFlags {
        let rows = self.request_flags_in.iter().chain(&self.request_flags_out);
        rows.map(|row| row.flags(size_argument)).collect()
    }
}

/// Whether an entry of the two lists speaks of a path. An entry may have a remark behind a space,
/// may end with `*`, and speaks of all fields when it is an argument.
fn covers(entry: &str, path: &str) -> bool {
    let entry = entry.split(' ').next().unwrap_or(entry);
    if let Some(prefix) = entry.strip_suffix('*') {
        return path.starts_with(prefix);
    }
    match path.strip_prefix(entry) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn an_entry_covers_its_argument_its_field_or_its_family() {
        for (entry, path, expected) in [
            ("in.flags", "in.flags", true),
            ("in.flags", "in.flags2", false),
            ("in", "in.flags", true),
            ("in", "into.flags", false),
            ("in.atime*", "in.atimensec", true),
            ("in.atime*", "in.mtime", false),
            ("in.whence (only when asked)", "in.whence", true),
            ("in.fsync_flags bit 0", "in.fsync_flags", true),
            ("name", "in.name", false),
        ] {
            assert_eq!(covers(entry, path), expected, "{entry} over {path}");
        }
    }
}
