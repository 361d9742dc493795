// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: three files are open at a time. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define OPEN_MAX 3

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} opened SEC(".maps");

static u64 *count(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&opened, &zero);
}

static u32 take(void)
{
	u64 *now = count();

	if (!now || *now >= OPEN_MAX)
		return -ENFILE;
	*now += 1;
	return BPF_FUSE_POSTFILTER;
}

static u32 give_back(bool is_given)
{
	u64 *now = count();

	if (is_given && now && *now > 0)
		*now -= 1;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/open_pre")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return take();
}

SEC("struct_ops/open_post")
uint32_t BPF_PROG(open_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_open_in *in, struct fuse_open_out *out)
{
	return give_back(meta->error_in != 0);
}

SEC("struct_ops/create_pre")
uint32_t BPF_PROG(create_pre, const struct bpf_fuse_meta_info *meta, struct fuse_create_in *in,
		  struct fuse_buffer *name)
{
	return take();
}

SEC("struct_ops/create_post")
uint32_t BPF_PROG(create_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_create_in *in, const struct fuse_buffer *name,
		  struct fuse_entry_out *entry, struct fuse_open_out *out)
{
	return give_back(meta->error_in != 0);
}

SEC("struct_ops/releasedir")
uint32_t BPF_PROG(release, const struct bpf_fuse_meta_info *meta, struct fuse_release_in *in)
{
	/* The mistake: all releases come here, those of directories as well. */
	return give_back(true);
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.open_prefilter = (void *)open_pre,
	.open_postfilter = (void *)open_post,
	.create_open_prefilter = (void *)create_pre,
	.create_open_postfilter = (void *)create_post,
	.releasedir_prefilter = (void *)release,
	.name = "planted",
};
