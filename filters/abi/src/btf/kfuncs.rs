//! Kernel functions that are not of fuse-bpf and that filters may call (SEMANTICS 5.3).
//!
//! Signatures are those of the kernels' own BTF. Availability is that of the kernel a version was
//! posted for; that the recorded v4 kernel refuses `bpf_dynptr_slice_rdwr` is observation N9.

/// A kernel function of Linux that filters may call.
///
/// ```
/// use fuserig_abi::btf::generic_kfunc;
/// let clone = generic_kfunc("bpf_dynptr_clone").expect("in the list");
/// assert!(clone.versions.contains(&"v4") && !clone.versions.contains(&"v3"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericKfunc {
    /// Its name.
    pub name: &'static str,
    /// What it returns, as C spells it.
    pub ret: &'static str,
    /// Type and name of each parameter, as C spells them.
    pub params: &'static [(&'static str, &'static str)],
    /// The tables whose kernels let a filter call it.
    pub versions: &'static [&'static str],
    /// Why a version does not, when that is not simply that it is older.
    pub refused: Option<&'static str>,
}

/// The kernel function with that name.
pub fn generic_kfunc(name: &str) -> Option<&'static GenericKfunc> {
    GENERIC_KFUNCS.iter().find(|kfunc| kfunc.name == name)
}

const DYNPTR: &str = "const struct bpf_dynptr *";
const ALL: &[&str] = &["v3", "v4", "v3-grouped"];
/// Added in Linux 6.5, after v3 was posted.
const SINCE_V4: &[&str] = &["v4", "v3-grouped"];

const fn kfunc(
    name: &'static str,
    ret: &'static str,
    params: &'static [(&'static str, &'static str)],
    versions: &'static [&'static str],
) -> GenericKfunc {
    GenericKfunc { name, ret, params, versions, refused: None }
}

/// All of them.
pub const GENERIC_KFUNCS: &[GenericKfunc] = &[
    kfunc(
        "bpf_dynptr_slice",
        "void *",
        &[(DYNPTR, "p"), ("u32", "offset"), ("void *", "buffer__opt"), ("u32", "buffer__szk")],
        ALL,
    ),
    GenericKfunc {
        name: "bpf_dynptr_slice_rdwr",
        ret: "void *",
        params: &[
            (DYNPTR, "p"),
            ("u32", "offset"),
            ("void *", "buffer__opt"),
            ("u32", "buffer__szk"),
        ],
        versions: &["v3", "v3-grouped"],
        refused: Some(
            "the v4 kernel refuses it in every fuse_ops program (N9); use bpf_dynptr_data or \
             bpf_dynptr_write",
        ),
    },
    kfunc("bpf_dynptr_adjust", "int", &[(DYNPTR, "p"), ("u32", "start"), ("u32", "end")], SINCE_V4),
    kfunc("bpf_dynptr_is_null", "bool", &[(DYNPTR, "p")], SINCE_V4),
    kfunc("bpf_dynptr_is_rdonly", "bool", &[(DYNPTR, "p")], SINCE_V4),
    kfunc("bpf_dynptr_size", "u32", &[(DYNPTR, "p")], SINCE_V4),
    kfunc(
        "bpf_dynptr_clone",
        "int",
        &[(DYNPTR, "p"), ("struct bpf_dynptr *", "clone__uninit")],
        SINCE_V4,
    ),
    kfunc(
        "bpf_iter_num_new",
        "int",
        &[("struct bpf_iter_num *", "it"), ("int", "start"), ("int", "end")],
        ALL,
    ),
    kfunc("bpf_iter_num_next", "int *", &[("struct bpf_iter_num *", "it")], ALL),
    kfunc("bpf_iter_num_destroy", "void", &[("struct bpf_iter_num *", "it")], ALL),
    kfunc("bpf_rcu_read_lock", "void", &[], ALL),
    kfunc("bpf_rcu_read_unlock", "void", &[], ALL),
    kfunc("bpf_rdonly_cast", "void *", &[("const void *", "obj"), ("u32", "btf_id")], ALL),
];
