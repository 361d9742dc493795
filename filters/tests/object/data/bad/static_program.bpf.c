#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* A program that the kernel cannot see. */
SEC("struct_ops/open")
__attribute__((used)) static uint32_t hidden(unsigned long long *ctx)
{
	return BPF_FUSE_CONTINUE;
}
