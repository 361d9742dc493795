// SPDX-License-Identifier: MIT OR Apache-2.0
/* Guards the attributes `user.guard.*`: they cannot be set or removed, and seem not to exist. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define GUARDED "user.guard."

const char guarded[] = GUARDED;

static __always_inline bool is_guarded(const struct fuse_buffer *name)
{
	char text[sizeof(GUARDED) - 1];
	struct bpf_dynptr dynptr;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	return !bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0) &&
	       !bpf_strncmp(text, sizeof(text), guarded);
}

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(guard_setxattr, const struct bpf_fuse_meta_info *meta,
		  struct fuse_setxattr_in *in, struct fuse_buffer *name, struct fuse_buffer *value)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/removexattr")
uint32_t BPF_PROG(guard_removexattr, const struct bpf_fuse_meta_info *meta,
		  struct fuse_buffer *name)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/getxattr")
uint32_t BPF_PROG(guard_getxattr, const struct bpf_fuse_meta_info *meta,
		  struct fuse_getxattr_in *in, struct fuse_buffer *name)
{
	return is_guarded(name) ? -ENODATA : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops xattr_guard = {
	.setxattr_prefilter = (void *)guard_setxattr,
	.removexattr_prefilter = (void *)guard_removexattr,
	.getxattr_prefilter = (void *)guard_getxattr,
	.name = "xattr_guard",
};
