#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return BPF_FUSE_CONTINUE;
}

/* A licence that kernels refuse for struct_ops. */
char _license[] SEC("license") = "Apache-2.0";

SEC(".struct_ops")
struct fuse_ops ops = { .open_prefilter = (void *)open_pre, .name = "licensed" };
