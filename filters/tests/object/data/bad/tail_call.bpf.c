#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* A tail call. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	bpf_tail_call(ctx, &jumps, 0);
	return BPF_FUSE_CONTINUE;
}
