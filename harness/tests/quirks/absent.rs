//! Quirks that no row shows: not modelled, or shown by another test. The reason is the row.

pub(crate) const LIST: &[(&str, &str)] = &[
    ("NEW-5", "refuted: the fallback ends in the BUG of N2, which has a row"),
    ("GATTR-1", "needs a lower getattr that fails: `tests/pipeline.rs`, with a failing lower"),
    ("STATFS-2", "needs a lower statfs that fails: `tests/pipeline.rs`, with a failing lower"),
    ("GLINK-2", "not reachable: revalidation leaves RCU mode for every pipeline dentry"),
    ("REN-1", "not reachable: the VFS refuses the ancestor rename before the pipeline"),
    ("ENT-2", "the contents of uninitialised kernel memory; the reply overwrites all that counts"),
    ("KF-3", "which programs may call a kfunc is decided at load, not in the pipeline"),
    ("VER-2", "a store past a struct is accepted at load; native arguments end where they end"),
    ("VER-3", "which loads a program may make is decided at load, not in the pipeline"),
    ("N9", "which helpers a program may call is decided at load, not in the pipeline"),
    ("N19", "the life of the loading process is not modelled; names end with the world"),
    ("N21", "a report of lock debugging about the order of two lower freeze protections"),
    ("AND-2", "android: `filters/tests/engine/android.rs`, with programs that leave an argument"),
    ("GRP-1", "v3-grouped: a property of its prototypes, which `abi show v3-grouped` prints"),
    ("GRP-3", "v3-grouped: `filters/tests/engine/grouped.rs`, with a program that narrows a view"),
];
