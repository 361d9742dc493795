// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: six directories in all; what failed should be given back. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define MADE_MAX 6

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} taken SEC(".maps");

SEC("struct_ops/mkdir_pre")
uint32_t BPF_PROG(mkdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&taken, &zero);

	if (!count || *count >= MADE_MAX)
		return -EDQUOT;
	*count += 1;
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/mkdir_post")
uint32_t BPF_PROG(mkdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_mkdir_in *in, const struct fuse_buffer *name)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&taken, &zero);

	/* The mistake: what failed is negative here. */
	if (count && (int)meta->error_in > 0)
		*count -= 1;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir_pre,
	.mkdir_postfilter = (void *)mkdir_post,
	.name = "planted",
};
