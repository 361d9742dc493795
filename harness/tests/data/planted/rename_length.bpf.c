// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nothing is renamed to .secret or away from it; both names have a length. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define GUARDED ".secret"
#define LENGTH (sizeof(GUARDED) - 1)

static bool is_guarded(struct fuse_buffer *name, u32 length)
{
	char text[LENGTH] = {};
	struct bpf_dynptr dynptr;

	if (length != LENGTH)
		return false;
	bpf_fuse_get_ro_dynptr(name, &dynptr);
	return !bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0) &&
	       !__builtin_memcmp(text, GUARDED, LENGTH);
}

static u32 length_of(struct fuse_buffer *name)
{
	struct bpf_dynptr dynptr;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	/* Without the NUL at its end. */
	return bpf_dynptr_size(&dynptr) - 1;
}

SEC("struct_ops/rename2")
uint32_t BPF_PROG(rename2, const struct bpf_fuse_meta_info *meta, struct fuse_rename2_in *in,
		  struct fuse_buffer *old_name, struct fuse_buffer *new_name)
{
	u32 length = length_of(old_name);

	/* The mistake: the new name is compared at the length of the old one. */
	if (is_guarded(old_name, length) || is_guarded(new_name, length))
		return -EPERM;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.rename2_prefilter = (void *)rename2,
	.name = "planted",
};
