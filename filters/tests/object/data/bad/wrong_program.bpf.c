#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return BPF_FUSE_CONTINUE;
}

/* A program in a section of another program type. */
SEC("tracepoint/open")
int traced(void *context)
{
	return 0;
}

SEC(".struct_ops")
struct fuse_ops ops = { .open_prefilter = (void *)traced, .name = "traced" };
