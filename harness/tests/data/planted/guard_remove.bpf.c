// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: the attribute user.a cannot be changed or seen, but it can be removed. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static __always_inline bool is_guarded(const struct fuse_buffer *name)
{
	char text[7] = {};
	struct bpf_dynptr dynptr;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	return !bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0) && text[0] == 'u' &&
	       text[5] == 'a' && text[6] == 0;
}

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(set, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/getxattr")
uint32_t BPF_PROG(get, const struct bpf_fuse_meta_info *meta, struct fuse_getxattr_in *in,
		  struct fuse_buffer *name)
{
	return is_guarded(name) ? -ENODATA : BPF_FUSE_CONTINUE;
}

/* The mistake: removexattr is forgotten. */

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setxattr_prefilter = (void *)set,
	.getxattr_prefilter = (void *)get,
	.name = "planted",
};
