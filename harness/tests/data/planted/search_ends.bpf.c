// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: neither notes.txt nor .secret is unlinked. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define NAMES 2
#define LENGTH_MAX 16

static const char guarded[NAMES][LENGTH_MAX] = { "notes.txt", ".secret" };
static const u32 sizes[NAMES] = { sizeof("notes.txt"), sizeof(".secret") };

static bool is_same(struct bpf_dynptr *name, const char *other, u32 size)
{
	u32 i;

	for (i = 0; i < LENGTH_MAX && i < size; i++) {
		char letter;

		if (bpf_dynptr_read(&letter, 1, name, i, 0) || letter != other[i])
			return false;
	}
	return true;
}

SEC("struct_ops/unlink")
uint32_t BPF_PROG(unlink, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	struct bpf_dynptr dynptr;
	int i;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	for (i = 0; i < NAMES; i++) {
		/* The mistake: behind a name of another length there may be the right one. */
		if (bpf_dynptr_size(&dynptr) != sizes[i])
			break;
		if (is_same(&dynptr, guarded[i], sizes[i]))
			return -EPERM;
	}
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.unlink_prefilter = (void *)unlink,
	.name = "planted",
};
