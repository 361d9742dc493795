// SPDX-License-Identifier: MIT OR Apache-2.0
/* Lets each user create so many files and directories; then creating fails with EDQUOT. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

const volatile u64 creations_max = 8;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} creations SEC(".maps");

static __noinline u32 charge(u32 uid)
{
	u64 *count = bpf_map_lookup_elem(&creations, &uid);
	u64 first = 1;

	if (!count) {
		if (creations_max == 0)
			return -EDQUOT;
		return bpf_map_update_elem(&creations, &uid, &first, BPF_NOEXIST) ?
			       -EDQUOT : BPF_FUSE_CONTINUE;
	}
	if (*count >= creations_max)
		return -EDQUOT;
	__sync_fetch_and_add(count, 1);
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(quota_create_open, const struct bpf_fuse_meta_info *meta,
		  struct fuse_create_in *in, struct fuse_buffer *name)
{
	return charge(current_uid());
}

SEC("struct_ops/mknod")
uint32_t BPF_PROG(quota_mknod, const struct bpf_fuse_meta_info *meta, struct fuse_mknod_in *in,
		  struct fuse_buffer *name)
{
	return charge(current_uid());
}

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(quota_mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	return charge(current_uid());
}

SEC(".struct_ops.link")
struct fuse_ops uid_quota = {
	.create_open_prefilter = (void *)quota_create_open,
	.mknod_prefilter = (void *)quota_mknod,
	.mkdir_prefilter = (void *)quota_mkdir,
	.name = "uid_quota",
};
