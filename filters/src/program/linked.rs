//! The types of a linked object.

use std::collections::BTreeMap;

/// `lddw` with the index of a map.
pub const PSEUDO_MAP: u8 = 1;
/// `lddw` with the address of a byte in the only value of a map.
pub const PSEUDO_MAP_VALUE: u8 = 2;
/// `lddw` with a function, for helpers that call back.
pub const PSEUDO_FUNC: u8 = 4;
/// `call` of a function of the same program.
pub const PSEUDO_CALL: u8 = 1;
/// `call` of a kernel function.
pub const PSEUDO_KFUNC: u8 = 2;
/// `imm` of a call (with `src` 0) that stands for an instruction whose CO-RE relocation or weak
/// kernel function the ABI does not have. It is legal and must not be reached; libbpf writes the
/// same number.
pub const POISON_IMM: i32 = 0xbad_2310;

/// One instruction of 8 bytes (RFC 9669 3).
///
/// ```
/// use fuserig_filters::program::Insn;
/// let exit = Insn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };
/// assert_eq!(Insn::from_bytes(exit.to_bytes()), exit);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Opcode: class, operation, source, mode and size.
    pub code: u8,
    /// Destination register, 0 to 15 as it stands in the bytes.
    pub dst: u8,
    /// Source register or a pseudo value, 0 to 15 as it stands in the bytes.
    pub src: u8,
    /// Offset, or the sign and width field of the v4 forms.
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

impl Insn {
    /// Decodes the little-endian form.
    pub const fn from_bytes(bytes: [u8; 8]) -> Insn {
        let [code, registers, off0, off1, imm0, imm1, imm2, imm3] = bytes;
        Insn {
            code,
            dst: registers & 15,
            src: registers >> 4,
            off: i16::from_le_bytes([off0, off1]),
            imm: i32::from_le_bytes([imm0, imm1, imm2, imm3]),
        }
    }

    /// Encodes the little-endian form.
    pub const fn to_bytes(self) -> [u8; 8] {
        let [off0, off1] = self.off.to_le_bytes();
        let [imm0, imm1, imm2, imm3] = self.imm.to_le_bytes();
        [self.code, self.dst & 15 | self.src << 4, off0, off1, imm0, imm1, imm2, imm3]
    }
}

/// Where an instruction comes from, by `.BTF.ext` line_info.
///
/// ```
/// use fuserig_filters::program::SourceLine;
/// let line = SourceLine {
///     insn: 0,
///     file: "hide.bpf.c".into(),
///     line: 12,
///     column: 5,
///     text: "return 0;".into(),
/// };
/// assert_eq!((line.line, line.column), (12, 5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The first instruction that comes from it; it reaches to the next entry.
    pub insn: u32,
    /// File as the compiler named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// The text of the line, without its indentation; empty when unknown.
    pub text: String,
}

/// One function of a program: the main one or a subprogram.
///
/// ```
/// use fuserig_filters::program::FunctionSpan;
/// let main = FunctionSpan { name: "hide_lookup".into(), start: 0, len: 12 };
/// assert_eq!(main.start + main.len, 12);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSpan {
    /// Its symbol.
    pub name: String,
    /// Its first instruction.
    pub start: u32,
    /// How many instructions it has.
    pub len: u32,
}

/// What kind of program a section makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// `struct_ops` or `struct_ops.s`: a member of a struct_ops map.
    StructOps,
    /// `fuse/NAME`: the program type of Android.
    Android,
    /// `syscall`: runs on a context of the caller's.
    Syscall,
    /// Anything else; it can be listed and disassembled.
    Other,
}

/// One program with every subprogram it reaches, the main function first.
///
/// ```
/// use fuserig_filters::program::{Program, ProgramKind};
/// let program = Program {
///     name: "hide_lookup".into(),
///     section: "struct_ops/hide_lookup".into(),
///     kind: ProgramKind::StructOps,
///     insns: Vec::new(),
///     functions: Vec::new(),
///     lines: Vec::new(),
/// };
/// assert!(program.line_of(0).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Symbol of its main function.
    pub name: String,
    /// ELF section it stands in.
    pub section: String,
    /// By the section.
    pub kind: ProgramKind,
    /// Instructions of all functions, in the encoding of the module's table.
    pub insns: Vec<Insn>,
    /// The functions, in the order of `insns`; never empty in a loaded program.
    pub functions: Vec<FunctionSpan>,
    /// Source lines, ordered by instruction; empty without `.BTF.ext`.
    pub lines: Vec<SourceLine>,
}

impl Program {
    /// The source line that instruction `insn` comes from.
    pub fn line_of(&self, insn: u32) -> Option<&SourceLine> {
        let after = self.lines.partition_point(|line| line.insn <= insn);
        self.lines[..after].last()
    }

    /// The function that instruction `insn` belongs to.
    pub fn function_of(&self, insn: u32) -> Option<&FunctionSpan> {
        let after = self.functions.partition_point(|function| function.start <= insn);
        self.functions[..after].last()
    }
}

/// Types of maps that an object may ask for, by the kernel's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `BPF_MAP_TYPE_HASH`.
    Hash,
    /// `BPF_MAP_TYPE_ARRAY`.
    Array,
    /// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
    PerfEventArray,
    /// `BPF_MAP_TYPE_PERCPU_HASH`.
    PercpuHash,
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`.
    PercpuArray,
    /// `BPF_MAP_TYPE_LRU_HASH`.
    LruHash,
    /// `BPF_MAP_TYPE_LRU_PERCPU_HASH`.
    LruPercpuHash,
    /// `BPF_MAP_TYPE_ARRAY_OF_MAPS`.
    ArrayOfMaps,
    /// `BPF_MAP_TYPE_HASH_OF_MAPS`.
    HashOfMaps,
    /// `BPF_MAP_TYPE_QUEUE`.
    Queue,
    /// `BPF_MAP_TYPE_STACK`.
    Stack,
    /// `BPF_MAP_TYPE_RINGBUF`.
    Ringbuf,
    /// `BPF_MAP_TYPE_BLOOM_FILTER`.
    BloomFilter,
}

impl MapKind {
    /// The number of the type in the kernel (`enum bpf_map_type`).
    pub const fn number(self) -> u32 {
        match self {
            MapKind::Hash => 1,
            MapKind::Array => 2,
            MapKind::PerfEventArray => 4,
            MapKind::PercpuHash => 5,
            MapKind::PercpuArray => 6,
            MapKind::LruHash => 9,
            MapKind::LruPercpuHash => 10,
            MapKind::ArrayOfMaps => 12,
            MapKind::HashOfMaps => 13,
            MapKind::Queue => 22,
            MapKind::Stack => 23,
            MapKind::Ringbuf => 27,
            MapKind::BloomFilter => 30,
        }
    }
}

/// Whether a map is a section of the object in disguise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// A map that the source defined.
    Map,
    /// `.data*` or `.bss*`: one writable value.
    Writable,
    /// `.rodata*` or strings: one value that programs only read.
    ReadOnly,
}

/// A map to be made before the program runs.
///
/// ```
/// use fuserig_filters::program::{DataKind, MapDef, MapKind};
/// let counts = MapDef::new("counts", MapKind::Hash, 4, 8, 1024);
/// assert_eq!(counts.key_size, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapDef {
    /// Its symbol, or the section's name.
    pub name: String,
    /// Its type.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most entries, or bytes of a ring buffer.
    pub max_entries: u32,
    /// `map_flags`.
    pub flags: u32,
    /// Map or data section.
    pub data: DataKind,
    /// First content of a data section, as long as the value; empty for maps.
    pub initial: Vec<u8>,
    /// Definition of the maps within, for maps of maps.
    pub inner: Option<Box<MapDef>>,
}

impl MapDef {
    /// A map without flags, of no data section and with no maps within.
    pub fn new(
        name: impl Into<String>,
        kind: MapKind,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    ) -> MapDef {
        MapDef {
            name: name.into(),
            kind,
            key_size,
            value_size,
            max_entries,
            flags: 0,
            data: DataKind::Map,
            initial: Vec::new(),
            inner: None,
        }
    }
}

/// One variable in `.struct_ops` or `.struct_ops.link`: a filter of the object.
///
/// ```
/// use fuserig_filters::program::StructOpsMap;
/// let filter = StructOpsMap {
///     symbol: "hide_ops".into(),
///     type_name: "fuse_ops".into(),
///     section: ".struct_ops.link".into(),
///     name: "hide".into(),
///     bytes: Vec::new(),
///     members: Default::default(),
/// };
/// assert!(filter.members.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructOpsMap {
    /// The variable.
    pub symbol: String,
    /// The struct's name in the object, without a `___suffix`.
    pub type_name: String,
    /// The section it stands in; `.link` attaches through a link.
    pub section: String,
    /// The name it is registered under, checked by the kernel's rules.
    pub name: String,
    /// The literal bytes of the variable, pointer slots zero.
    pub bytes: Vec<u8>,
    /// Member name to index into [`Linked::programs`], for members that are set.
    pub members: BTreeMap<String, usize>,
}

/// An object with everything resolved against one ABI.
///
/// ```
/// let empty = fuserig_filters::program::Linked::default();
/// assert!(empty.programs.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// Programs in the order of their sections.
    pub programs: Vec<Program>,
    /// Maps and data sections, addressed by the instructions.
    pub maps: Vec<MapDef>,
    /// Kernel functions by name, addressed by the instructions.
    pub kfuncs: Vec<String>,
    /// The filters of the object.
    pub struct_ops: Vec<StructOpsMap>,
    /// The text of the `license` section, without its NUL; empty when there is none.
    pub license: String,
}
