#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return BPF_FUSE_CONTINUE;
}

/* One program cannot serve two members. */
SEC(".struct_ops")
struct fuse_ops ops = {
	.open_prefilter = (void *)open_pre,
	.opendir_prefilter = (void *)open_pre,
	.name = "greedy",
};
