// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: attributes that begin with user. are not listed. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define HIDDEN "user."
#define LENGTH (sizeof(HIDDEN) - 1)
/* No list is longer. */
#define LIST_MAX 65536

SEC("struct_ops/listxattr_pre")
uint32_t BPF_PROG(list_pre, const struct bpf_fuse_meta_info *meta, struct fuse_getxattr_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/listxattr_post")
uint32_t BPF_PROG(list_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_getxattr_in *in, struct fuse_buffer *value,
		  struct fuse_getxattr_out *out)
{
	u32 len = bpf_fuse_return_len(value), to = 0;
	bool start = true, hidden = false;
	struct bpf_dynptr list, resized;
	int i;

	/* A length that was asked for is an upper bound, and may count what is hidden. */
	if (meta->error_in || in->size == 0)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(value, &list, len, true);
	bpf_for(i, 0, LIST_MAX) {
		char text[LENGTH], byte;

		if (bpf_dynptr_read(&byte, 1, &list, i, 0))
			break;
		if (start)
			hidden = !bpf_dynptr_read(text, sizeof(text), &list, i, 0) &&
				 !__builtin_memcmp(text, HIDDEN, LENGTH);
		start = false;
		if (hidden) {
			if (!byte)
				hidden = false;
			/* The mistake: that a name begins behind this one is not noted. */
			continue;
		}
		bpf_dynptr_write(&list, to, &byte, 1, 0);
		to += 1;
		start = !byte;
	}
	if (to < len)
		bpf_fuse_get_rw_dynptr(value, &resized, to, false);
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.listxattr_prefilter = (void *)list_pre,
	.listxattr_postfilter = (void *)list_post,
	.name = "planted",
};
