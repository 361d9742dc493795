// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: every user may make two directories; tries count. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define TRIES_MAX 2
/* The mistake: this is where ordinary users begin. */
#define USERS_MAX 1000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, USERS_MAX);
	__type(key, u32);
	__type(value, u64);
} tries SEC(".maps");

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u32 uid = current_uid();
	u64 *count = bpf_map_lookup_elem(&tries, &uid);

	if (!count)
		return BPF_FUSE_CONTINUE;
	if (*count >= TRIES_MAX)
		return -EDQUOT;
	*count += 1;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir,
	.name = "planted",
};
