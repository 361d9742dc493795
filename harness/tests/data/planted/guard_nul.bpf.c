// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: attributes whose names begin with `user.a` are neither set nor removed. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define GUARDED "user.a"

const char guarded[] = GUARDED;

static bool is_guarded(struct fuse_buffer *name)
{
	/* The mistake: the size of the text is that with its NUL. */
	char text[sizeof(GUARDED)];
	struct bpf_dynptr dynptr;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	return !bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0) &&
	       !bpf_strncmp(text, sizeof(text), guarded);
}

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(setxattr, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/removexattr")
uint32_t BPF_PROG(removexattr, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setxattr_prefilter = (void *)setxattr,
	.removexattr_prefilter = (void *)removexattr,
	.name = "planted",
};
