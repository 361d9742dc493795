// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: new files lose setuid and setgid, but chmod can still set them. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/create_open")
uint32_t BPF_PROG(create, const struct bpf_fuse_meta_info *meta, struct fuse_create_in *in,
		  struct fuse_buffer *name)
{
	in->mode &= ~(S_ISUID | S_ISGID);
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	/* The mistake: the wrong bit of valid says that there is a mode. */
	if (in->valid & FATTR_SIZE)
		in->mode &= ~(S_ISUID | S_ISGID);
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.create_open_prefilter = (void *)create,
	.setattr_prefilter = (void *)setattr,
	.name = "planted",
};
