//! The bpf() system call.
#![expect(unsafe_code, reason = "bpf() takes addresses, and no safe wrapper of it exists")]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `BPF_MAP_CREATE`, `BPF_PROG_LOAD` and `BPF_PROG_TEST_RUN`.
const MAP_CREATE: libc::c_long = 0;
const PROG_LOAD: libc::c_long = 5;
/// `BPF_MAP_FREEZE`.
const MAP_FREEZE: libc::c_long = 22;
const PROG_TEST_RUN: libc::c_long = 10;
/// `BPF_PROG_TYPE_SYSCALL`.
const TYPE_SYSCALL: u32 = 31;
/// `BPF_F_SLEEPABLE`, without which a kernel does not load that type.
const SLEEPABLE: u32 = 1 << 4;

/// The part of `union bpf_attr` that a load reads.
#[repr(C)]
#[derive(Debug, Default)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// The part of `union bpf_attr` that a test run reads and writes.
#[repr(C)]
#[derive(Debug, Default)]
struct RunAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    padding: u32,
}

/// Loads instructions as a `syscall` program; the verifier's words go to `log` when it is not
/// empty.
pub(super) fn load(insns: &[[u8; 8]], log: &mut [u8]) -> io::Result<OwnedFd> {
    let license = c"GPL";
    let mut attr = LoadAttr {
        prog_type: TYPE_SYSCALL,
        insn_cnt: u32::try_from(insns.len()).unwrap_or(u32::MAX),
        insns: insns.as_ptr() as u64,
        license: license.as_ptr() as u64,
        prog_flags: SLEEPABLE,
        ..LoadAttr::default()
    };
    if !log.is_empty() {
        attr.log_level = 1;
        attr.log_size = u32::try_from(log.len()).unwrap_or(u32::MAX);
        attr.log_buf = log.as_mut_ptr() as u64;
    }
    // SAFETY: the attribute and the three regions it names (insn_cnt instructions of 8 bytes, a C
    // string, log_size bytes that are borrowed for writing) live until the call returns, and the
    // kernel keeps no address of them.
    let fd =
        unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw mut attr, size_of::<LoadAttr>()) };
    match i32::try_from(fd) {
        // SAFETY: a non-negative answer of a load is a new descriptor that nobody else owns.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes the contents of a map constant, as libbpf does with `.rodata`.
pub(super) fn freeze(map: &OwnedFd) -> io::Result<()> {
    let mut attr = [map.as_raw_fd()];
    // SAFETY: the attribute is the first 4 bytes of `union bpf_attr`, it lives until the call
    // returns, and it holds no addresses.
    let code =
        unsafe { libc::syscall(libc::SYS_bpf, MAP_FREEZE, attr.as_mut_ptr(), size_of_val(&attr)) };
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes a map of this type, key size, value size, number of entries and flags.
pub(super) fn create_map(mut attr: [u32; 5]) -> io::Result<OwnedFd> {
    // SAFETY: the attribute is the first 20 bytes of `union bpf_attr`, it lives until the call
    // returns, and it holds no addresses.
    let fd =
        unsafe { libc::syscall(libc::SYS_bpf, MAP_CREATE, attr.as_mut_ptr(), size_of_val(&attr)) };
    match i32::try_from(fd) {
        // SAFETY: a non-negative answer is a new descriptor that nobody else owns.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs a loaded program on bytes, which it changes in place, and gives 32 bits of r0.
pub(super) fn run(program: &OwnedFd, context: &mut [u8]) -> io::Result<u32> {
    let mut attr = RunAttr {
        prog_fd: u32::try_from(program.as_raw_fd()).unwrap_or(u32::MAX),
        ctx_size_in: u32::try_from(context.len()).unwrap_or(u32::MAX),
        ctx_in: context.as_mut_ptr() as u64,
        ..RunAttr::default()
    };
    // SAFETY: the attribute and the ctx_size_in bytes, borrowed for writing, live until the call
    // returns; the kernel copies them in and out and keeps no address.
    let code =
        unsafe { libc::syscall(libc::SYS_bpf, PROG_TEST_RUN, &raw mut attr, size_of::<RunAttr>()) };
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(attr.retval) }
}

#[cfg(test)]
mod tests {
    use super::{LoadAttr, RunAttr};

    #[test]
    fn attributes_are_laid_out_as_the_kernel_reads_them() {
        assert_eq!((size_of::<LoadAttr>(), core::mem::offset_of!(LoadAttr, log_buf)), (48, 32));
        assert_eq!((size_of::<RunAttr>(), core::mem::offset_of!(RunAttr, ctx_in)), (80, 48));
    }
}
