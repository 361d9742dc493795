#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* A map from before BTF. */
struct bpf_map_def { u32 type, key_size, value_size, max_entries; };
struct bpf_map_def SEC("maps") old_map = { BPF_MAP_TYPE_ARRAY, 4, 4, 1 };
