// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: four blocks are written at most. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define BLOCK 512
#define BLOCKS_MAX 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} written SEC(".maps");

SEC("struct_ops/write_iter")
uint32_t BPF_PROG(write, const struct bpf_fuse_meta_info *meta, struct fuse_write_in *in)
{
	u32 first = 0;
	u64 *blocks = bpf_map_lookup_elem(&written, &first);
	/* The mistake: a block that is begun is one as well. */
	u64 more = in->size / BLOCK;

	if (!blocks)
		return BPF_FUSE_CONTINUE;
	if (*blocks + more > BLOCKS_MAX)
		return -EDQUOT;
	*blocks += more;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.write_iter_prefilter = (void *)write,
	.name = "planted",
};
