// SPDX-License-Identifier: MIT OR Apache-2.0
/* Reports what is opened, created and removed to a ring buffer, and changes nothing. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

struct audit_event {
	u64 nodeid;
	u32 opcode;
	u32 uid;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} audit_events SEC(".maps");

/* Events that found the ring full. */
u64 audit_lost;

static __noinline u32 report(u64 nodeid, u32 opcode)
{
	struct audit_event *event = bpf_ringbuf_reserve(&audit_events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&audit_lost, 1);
		return BPF_FUSE_CONTINUE;
	}
	event->nodeid = nodeid;
	event->opcode = opcode & FUSE_OPCODE_FILTER;
	event->uid = current_uid();
	bpf_ringbuf_submit(event, 0);
	return BPF_FUSE_CONTINUE;
}

#define AUDIT(op, ...) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(audit_##op, const struct bpf_fuse_meta_info *meta, ##__VA_ARGS__) \
	{ \
		return report(meta->nodeid, meta->opcode); \
	}

AUDIT(open, struct fuse_open_in *in)
AUDIT(create_open, struct fuse_create_in *in, struct fuse_buffer *name)
AUDIT(mkdir, struct fuse_mkdir_in *in, struct fuse_buffer *name)
AUDIT(unlink, struct fuse_buffer *name)
AUDIT(rmdir, struct fuse_buffer *name)

SEC(".struct_ops.link")
struct fuse_ops audit_ring = {
	.open_prefilter = (void *)audit_open,
	.create_open_prefilter = (void *)audit_create_open,
	.mkdir_prefilter = (void *)audit_mkdir,
	.unlink_prefilter = (void *)audit_unlink,
	.rmdir_prefilter = (void *)audit_rmdir,
	.name = "audit_ring",
};
