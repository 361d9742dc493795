//! What is not modelled: quirks that no table shows in both fidelities. The reason is the row.

pub(crate) const LIST: &[(&str, &str)] = &[
    ("NEW-5", "refuted: the fallback ends in the BUG of N2, which has a row"),
    ("GLINK-2", "not reachable: revalidation leaves RCU mode for every pipeline dentry"),
    ("REN-1", "not reachable: the VFS refuses the ancestor rename before the pipeline"),
    ("ENT-2", "the contents of uninitialised kernel memory; the reply overwrites all that counts"),
    ("KF-3", "which programs may call a kfunc is decided at load, not in the pipeline"),
    ("VER-2", "a store past a struct is accepted at load; native arguments end where they end"),
    ("VER-3", "which loads a program may make is decided at load, not in the pipeline"),
    ("N9", "which helpers a program may call is decided at load, not in the pipeline"),
    ("N19", "the life of the loading process is not modelled; names end with the world"),
    ("N21", "a report of lock debugging about the order of two lower freeze protections"),
    // `filters/tests/engine/android.rs` shows it with programs that leave an argument.
    ("AND-2", "shown for the kernel as it is; the window belongs to the type, which has no other"),
    // `abi show v3-grouped` prints the prototypes.
    ("GRP-1", "what the proposal is, and no behaviour: its prototypes have no typed structs"),
    // `filters/tests/engine/grouped.rs` shows it with a program that narrows a view.
    ("GRP-3", "shown for the proposal as it is, which names no other way to narrow a view"),
];
