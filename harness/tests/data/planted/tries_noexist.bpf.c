// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: every user may make two directories; tries count. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define TRIES_MAX 2

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} tries SEC(".maps");

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u32 uid = current_uid();
	u64 *before = bpf_map_lookup_elem(&tries, &uid);
	u64 now = before ? *before + 1 : 1;

	if (now > TRIES_MAX)
		return -EDQUOT;
	/* The mistake: what is there already stays as it is. */
	bpf_map_update_elem(&tries, &uid, &now, BPF_NOEXIST);
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir,
	.name = "planted",
};
