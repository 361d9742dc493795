// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: every user may make four directories; users share a counter by accident. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define MADE_MAX 4
#define COUNTERS 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} made SEC(".maps");

static __always_inline u64 *counter(void)
{
	/* The mistake: 0 and 1000 are the same modulo 8. */
	u32 place = current_uid() % COUNTERS;

	return bpf_map_lookup_elem(&made, &place);
}

SEC("struct_ops/mkdir_pre")
uint32_t BPF_PROG(mkdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	u64 *count = counter();

	if (!count || *count >= MADE_MAX)
		return -EDQUOT;
	*count += 1;
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/mkdir_post")
uint32_t BPF_PROG(mkdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_mkdir_in *in, const struct fuse_buffer *name)
{
	u64 *count = counter();

	if (count && meta->error_in)
		*count -= 1;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir_pre,
	.mkdir_postfilter = (void *)mkdir_post,
	.name = "planted",
};
