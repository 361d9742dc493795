//! Functions that are known and not supported, with the feature they belong to.

/// Number, name, feature.
const HELPERS: &[(i32, &str, &str)] = &[
    (12, "bpf_tail_call", "tail calls"),
    (93, "bpf_spin_lock", "spin locks"),
    (94, "bpf_spin_unlock", "spin locks"),
    (87, "bpf_map_push_elem", "queue, stack and bloom maps"),
    (88, "bpf_map_pop_elem", "queue, stack and bloom maps"),
    (89, "bpf_map_peek_elem", "queue, stack and bloom maps"),
    (80, "bpf_get_current_cgroup_id", "control groups"),
    (123, "bpf_get_current_ancestor_cgroup_id", "control groups"),
    (112, "bpf_probe_read_user", "memory of the calling process"),
    (114, "bpf_probe_read_user_str", "memory of the calling process"),
    (147, "bpf_d_path", "paths of files"),
    (149, "bpf_snprintf_btf", "printing by type information"),
    (153, "bpf_per_cpu_ptr", "per-CPU variables of the kernel"),
    (154, "bpf_this_cpu_ptr", "per-CPU variables of the kernel"),
    (164, "bpf_for_each_map_elem", "iteration over maps by a callback"),
    (169, "bpf_timer_init", "timers"),
    (170, "bpf_timer_set_callback", "timers"),
    (171, "bpf_timer_start", "timers"),
    (172, "bpf_timer_cancel", "timers"),
    (175, "bpf_task_pt_regs", "registers of the calling process"),
    (194, "bpf_kptr_xchg", "kernel pointers in maps"),
    (197, "bpf_dynptr_from_mem", "dynptrs over map values"),
    (198, "bpf_ringbuf_reserve_dynptr", "dynptrs over ring buffers"),
    (199, "bpf_ringbuf_submit_dynptr", "dynptrs over ring buffers"),
    (200, "bpf_ringbuf_discard_dynptr", "dynptrs over ring buffers"),
    (209, "bpf_user_ringbuf_drain", "ring buffers written by user space"),
    (210, "bpf_cgrp_storage_get", "storage of control groups"),
    (211, "bpf_cgrp_storage_delete", "storage of control groups"),
];

/// Prefix of the name, name for messages, feature.
const KFUNCS: &[(&str, &str, &str)] = &[
    ("bpf_wq_", "bpf_wq_init", "work queues"),
    ("bpf_throw", "bpf_throw", "exceptions"),
    ("bpf_arena_", "bpf_arena_alloc_pages", "arenas"),
    ("bpf_obj_", "bpf_obj_new_impl", "allocated objects"),
    ("bpf_list_", "bpf_list_push_front_impl", "linked lists"),
    ("bpf_rbtree_", "bpf_rbtree_add_impl", "trees"),
    ("bpf_refcount_", "bpf_refcount_acquire_impl", "allocated objects"),
    ("bpf_task_", "bpf_task_acquire", "references to tasks"),
    ("bpf_cgroup_", "bpf_cgroup_acquire", "references to control groups"),
    ("bpf_cpumask_", "bpf_cpumask_create", "sets of CPUs"),
    ("bpf_iter_", "bpf_iter_bits_new", "iterators other than of numbers"),
];

/// What to use in the place of a function that a kernel does not offer.
const INSTEAD: &[(&str, &str)] = &[
    ("bpf_get_current_uid_gid", "read cred->fsuid of bpf_get_current_task_btf"),
    ("bpf_get_current_comm", "read comm of bpf_get_current_task_btf"),
    ("bpf_get_current_pid_tgid", "read tgid of bpf_get_current_task_btf"),
    ("bpf_dynptr_slice_rdwr", "use bpf_dynptr_data or bpf_dynptr_write (N9)"),
    ("bpf_dynptr_size", "use bpf_fuse_return_len; it came with Linux 6.5"),
    ("bpf_dynptr_adjust", "give an offset to the slice; it came with Linux 6.5"),
    ("bpf_dynptr_is_null", "test the result of a slice; it came with Linux 6.5"),
    ("bpf_dynptr_clone", "ask for another dynptr of the buffer; it came with Linux 6.5"),
    ("bpf_perf_event_output", "use a ring buffer"),
];

pub(super) fn helper(number: i32) -> Option<(&'static str, &'static str)> {
    let row = HELPERS.iter().find(|(known, ..)| *known == number)?;
    Some((row.1, row.2))
}

pub(super) fn kfunc(name: &str) -> Option<(&'static str, &'static str)> {
    let row = KFUNCS.iter().find(|(prefix, ..)| name.starts_with(prefix))?;
    Some((row.1, row.2))
}

pub(super) fn instead(name: &str) -> Option<&'static str> {
    INSTEAD.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}
