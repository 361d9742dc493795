// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: a picture, which ends in .jpg, is called a picture for ever. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define ENDING ".jpg"

static bool is_picture(struct fuse_buffer *name)
{
	/* With the NUL. */
	char text[sizeof(ENDING)] = {};
	u32 size = bpf_fuse_return_len(name);
	struct bpf_dynptr dynptr;

	if (size < sizeof(text))
		return false;
	bpf_fuse_get_ro_dynptr(name, &dynptr);
	return !bpf_dynptr_read(text, sizeof(text), &dynptr, size - sizeof(text), 0) &&
	       !__builtin_memcmp(text, ENDING, sizeof(text));
}

SEC("struct_ops/rename")
uint32_t BPF_PROG(rename, const struct bpf_fuse_meta_info *meta, struct fuse_rename_in *in,
		  struct fuse_buffer *old_name, struct fuse_buffer *new_name)
{
	return is_picture(old_name) && !is_picture(new_name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/rename2")
uint32_t BPF_PROG(rename2, const struct bpf_fuse_meta_info *meta, struct fuse_rename2_in *in,
		  struct fuse_buffer *old_name, struct fuse_buffer *new_name)
{
	/* The mistake: in an exchange the new name is renamed as well. */
	return is_picture(old_name) && !is_picture(new_name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.rename_prefilter = (void *)rename,
	.rename2_prefilter = (void *)rename2,
	.name = "planted",
};
