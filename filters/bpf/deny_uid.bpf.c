// SPDX-License-Identifier: MIT OR Apache-2.0
/* Keeps one user out: nothing can be opened, created or entered. Others see no difference. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

const volatile u32 denied_uid = 1000;

static __always_inline u32 verdict(void)
{
	return current_uid() == denied_uid ? -EACCES : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/open")
uint32_t BPF_PROG(deny_open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return verdict();
}

SEC("struct_ops/opendir")
uint32_t BPF_PROG(deny_opendir, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return verdict();
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(deny_create_open, const struct bpf_fuse_meta_info *meta,
		  struct fuse_create_in *in, struct fuse_buffer *name)
{
	return verdict();
}

SEC("struct_ops/access")
uint32_t BPF_PROG(deny_access, const struct bpf_fuse_meta_info *meta, struct fuse_access_in *in)
{
	return verdict();
}

SEC(".struct_ops.link")
struct fuse_ops deny_uid = {
	.open_prefilter = (void *)deny_open,
	.opendir_prefilter = (void *)deny_opendir,
	.create_open_prefilter = (void *)deny_create_open,
	.access_prefilter = (void *)deny_access,
	.name = "deny_uid",
};
