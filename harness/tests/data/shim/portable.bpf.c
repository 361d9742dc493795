// SPDX-License-Identifier: MIT OR Apache-2.0
/* One source for every ABI with a struct of callbacks. */
#include "vmlinux.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static __always_inline u32 on_lookup(const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	struct bpf_dynptr text;
	char start = 0;

	bpf_fuse_get_ro_dynptr(name, &text);
	bpf_dynptr_read(&start, 1, &text, 0, 0);
	return start == '.' ? -ENOENT : BPF_FUSE_POSTFILTER;
}

static __always_inline u32 after_lookup(const struct bpf_fuse_meta_info *meta,
					const struct fuse_buffer *name, struct fuse_entry_out *out,
					struct fuse_buffer *entries)
{
	out->entry_valid = bpf_fuse_return_len((struct fuse_buffer *)name);
	return BPF_FUSE_CONTINUE;
}

static __always_inline u32 on_open(const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	if (in->flags & 3)
		return -EROFS;
	return BPF_FUSE_POSTFILTER;
}

static __always_inline u32 after_open(const struct bpf_fuse_meta_info *meta,
				      const struct fuse_open_in *in, struct fuse_open_out *out)
{
#ifdef FUSERIG_PUT_fuse_open_out_backing_id
	FUSERIG_PUT_fuse_open_out_backing_id(out, (int)in->flags);
#endif
	return BPF_FUSE_CONTINUE;
}

static __always_inline u32 on_mkdir(const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
				    struct fuse_buffer *name)
{
	struct bpf_dynptr text;

	bpf_fuse_get_rw_dynptr(name, &text, 8, true);
	bpf_dynptr_write(&text, 0, "renamed", 8, 0);
	in->mode &= 0700;
	return BPF_FUSE_CONTINUE;
}

#define MEMBERS(X) \
	X(lookup_prefilter, on_lookup) \
	X(lookup_postfilter, after_lookup) \
	X(open_prefilter, on_open) \
	X(open_postfilter, after_open) \
	X(mkdir_prefilter, on_mkdir)

FUSERIG_FILTER(portable, MEMBERS);
