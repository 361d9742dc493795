// SPDX-License-Identifier: MIT OR Apache-2.0
/* Keeps one user out, for v3-grouped: two programs in the place of four. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

const volatile u32 denied_uid = 1000;

static __always_inline u32 verdict(void)
{
	return current_uid() == denied_uid ? -EACCES : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/file_op")
uint32_t BPF_PROG(deny_file, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *out)
{
	switch ((u32)op) {
	case FUSE_BPF_OP_OPEN | FUSE_PREFILTER:
	case FUSE_BPF_OP_OPENDIR | FUSE_PREFILTER:
	case FUSE_BPF_OP_ACCESS | FUSE_PREFILTER:
		return verdict();
	default:
		return BPF_FUSE_CONTINUE;
	}
}

SEC("struct_ops/entry_op")
uint32_t BPF_PROG(deny_entry, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *name, struct fuse_buffer *entry,
		  struct fuse_buffer *extra)
{
	return (u32)op == (FUSE_BPF_OP_CREATE_OPEN | FUSE_PREFILTER) ? verdict() :
								     BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_grouped_ops deny_uid = {
	.file_op = (void *)deny_file,
	.entry_op = (void *)deny_entry,
	.name = "deny_uid",
};
