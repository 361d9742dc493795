#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Another struct_ops than this kernel's. */
struct tcp_ops { void *init; char name[16]; };

SEC(".struct_ops")
struct tcp_ops ops = { .name = "reno" };
