// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: three creations in all; the count is checked before and taken after the creation. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define CREATIONS_MAX 3

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} created SEC(".maps");

SEC("struct_ops/mkdir_pre")
uint32_t BPF_PROG(mkdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&created, &zero);

	/* The mistake: between this and mkdir_post others pass, too. */
	return count && *count >= CREATIONS_MAX ? -EDQUOT : BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/mkdir_post")
uint32_t BPF_PROG(mkdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_mkdir_in *in, const struct fuse_buffer *name)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&created, &zero);

	if (count && !meta->error_in)
		*count += 1;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir_pre,
	.mkdir_postfilter = (void *)mkdir_post,
	.name = "planted",
};
