// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: two directories may be made; tries count. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define TRIES_MAX 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} tries SEC(".maps");

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u32 first = 0;
	u64 *count = bpf_map_lookup_elem(&tries, &first);

	if (!count)
		return BPF_FUSE_CONTINUE;
	/* The mistake: what this gives is the count without this one. */
	return __sync_fetch_and_add(count, 1) > TRIES_MAX ? -EDQUOT : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir,
	.name = "planted",
};
