//! What every kernel's BTF has and a filter's source needs: integers, typedefs, a few enumerations
//! and structs of `linux/bpf.h`. Names and numbers are those of the kernel's user interface.

/// Integers: name, bytes, encoding (1 signed, 2 char, 4 bool).
pub(super) const INTS: &[(&str, u8, u8)] = &[
    ("char", 1, 1),
    ("signed char", 1, 1),
    ("unsigned char", 1, 0),
    ("short", 2, 1),
    ("unsigned short", 2, 0),
    ("int", 4, 1),
    ("unsigned int", 4, 0),
    ("long", 8, 1),
    ("unsigned long", 8, 0),
    ("long long", 8, 1),
    ("unsigned long long", 8, 0),
    ("_Bool", 1, 4),
];

/// Typedefs, each after what it names.
pub(super) const TYPEDEFS: &[(&str, &str)] = &[
    ("__u8", "unsigned char"),
    ("__s8", "signed char"),
    ("__u16", "unsigned short"),
    ("__s16", "short"),
    ("__u32", "unsigned int"),
    ("__s32", "int"),
    ("__u64", "unsigned long long"),
    ("__s64", "long long"),
    ("u8", "__u8"),
    ("s8", "__s8"),
    ("u16", "__u16"),
    ("s16", "__s16"),
    ("u32", "__u32"),
    ("s32", "__s32"),
    ("u64", "__u64"),
    ("s64", "__s64"),
    ("uint8_t", "u8"),
    ("uint16_t", "u16"),
    ("uint32_t", "u32"),
    ("uint64_t", "u64"),
    ("int8_t", "s8"),
    ("int16_t", "s16"),
    ("int32_t", "s32"),
    ("int64_t", "s64"),
    ("__be16", "__u16"),
    ("__be32", "__u32"),
    ("__be64", "__u64"),
    ("__wsum", "__u32"),
    ("size_t", "unsigned long"),
    ("ssize_t", "long"),
    ("loff_t", "long long"),
    ("bool", "_Bool"),
];

/// Name, type and offset of each member.
type Members = &'static [(&'static str, &'static str, u32)];

/// Structs: name, bytes, and members with type and offset.
pub(super) const STRUCTS: &[(&str, u32, Members)] = &[
    ("bpf_dynptr", 16, &[("__opaque", "__u64[2]", 0)]),
    ("bpf_dynptr_kern", 16, &[("data", "void *", 0), ("size", "u32", 8), ("offset", "u32", 12)]),
    ("bpf_iter_num", 8, &[("__opaque", "__u64[1]", 0)]),
];

/// Enumerations: the name, empty when it has none, and the values.
pub(super) const ENUMS: &[(&str, &[(&str, u64)])] = &[
    (
        "bpf_map_type",
        &[
            ("BPF_MAP_TYPE_UNSPEC", 0),
            ("BPF_MAP_TYPE_HASH", 1),
            ("BPF_MAP_TYPE_ARRAY", 2),
            ("BPF_MAP_TYPE_PROG_ARRAY", 3),
            ("BPF_MAP_TYPE_PERF_EVENT_ARRAY", 4),
            ("BPF_MAP_TYPE_PERCPU_HASH", 5),
            ("BPF_MAP_TYPE_PERCPU_ARRAY", 6),
            ("BPF_MAP_TYPE_STACK_TRACE", 7),
            ("BPF_MAP_TYPE_CGROUP_ARRAY", 8),
            ("BPF_MAP_TYPE_LRU_HASH", 9),
            ("BPF_MAP_TYPE_LRU_PERCPU_HASH", 10),
            ("BPF_MAP_TYPE_LPM_TRIE", 11),
            ("BPF_MAP_TYPE_ARRAY_OF_MAPS", 12),
            ("BPF_MAP_TYPE_HASH_OF_MAPS", 13),
            ("BPF_MAP_TYPE_QUEUE", 22),
            ("BPF_MAP_TYPE_STACK", 23),
            ("BPF_MAP_TYPE_STRUCT_OPS", 26),
            ("BPF_MAP_TYPE_RINGBUF", 27),
            ("BPF_MAP_TYPE_BLOOM_FILTER", 30),
            ("BPF_MAP_TYPE_USER_RINGBUF", 31),
        ],
    ),
    // The words of C for a kernel that has no stdbool.h.
    ("", &[("false", 0), ("true", 1)]),
    ("", &[("BPF_ANY", 0), ("BPF_NOEXIST", 1), ("BPF_EXIST", 2), ("BPF_F_LOCK", 4)]),
    (
        "",
        &[
            ("BPF_F_NO_PREALLOC", 1),
            ("BPF_F_NO_COMMON_LRU", 2),
            ("BPF_F_NUMA_NODE", 4),
            ("BPF_F_RDONLY", 8),
            ("BPF_F_WRONLY", 16),
            ("BPF_F_ZERO_SEED", 64),
            ("BPF_F_RDONLY_PROG", 128),
            ("BPF_F_WRONLY_PROG", 256),
            ("BPF_F_MMAPABLE", 1024),
            ("BPF_F_INNER_MAP", 4096),
        ],
    ),
    ("", &[("BPF_F_INDEX_MASK", 0xffff_ffff), ("BPF_F_CURRENT_CPU", 0xffff_ffff)]),
    ("", &[("BPF_RB_NO_WAKEUP", 1), ("BPF_RB_FORCE_WAKEUP", 2)]),
    (
        "",
        &[
            ("BPF_RB_AVAIL_DATA", 0),
            ("BPF_RB_RING_SIZE", 1),
            ("BPF_RB_CONS_POS", 2),
            ("BPF_RB_PROD_POS", 3),
        ],
    ),
];
