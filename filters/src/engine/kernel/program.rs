//! Programs in the kernel.

use std::os::fd::OwnedFd;

use thiserror::Error;

use super::bpf;
use crate::program::Insn;

/// Bytes of the verifier's words that are kept.
const LOG_LEN: usize = 64 << 10;
/// Most bytes of a context.
const CONTEXT_MAX: usize = 65_535;

/// Why the kernel gave no answer.
///
/// ```
/// use fuserig_filters::engine::kernel::KernelError;
/// let error = KernelError::Refused("R1 !read_ok".into());
/// assert_eq!(error.to_string(), "the verifier refuses it: R1 !read_ok");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No bpf() here, or no privilege.
    #[error("bpf() cannot be used here: {0}")]
    Unavailable(String),
    /// The verifier's last words.
    #[error("the verifier refuses it: {0}")]
    Refused(String),
    /// The run failed.
    #[error("the run failed: {0}")]
    Run(String),
    /// More bytes than a context can have.
    #[error("a context of {0} bytes is longer than 65535")]
    Context(usize),
}

/// Whether bpf() works here, or why not.
///
/// # Errors
/// The reason, for people.
pub fn availability() -> Result<(), KernelError> {
    let exit = [
        Insn { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 },
        Insn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
    ];
    KernelProgram::load(&exit).and_then(|program| program.run(&mut [0; 8])).map(|_| ())
}

/// A program of type `syscall` in the kernel, gone when it is dropped.
///
/// ```
/// use fuserig_filters::engine::kernel::{KernelProgram, availability};
/// use fuserig_filters::engine::vectors::assemble;
/// if availability().is_ok() {
///     let insns = assemble("mov %r0, 7\nexit").expect("assembler");
///     let program = KernelProgram::load(&insns).expect("it is fine");
///     assert_eq!(program.run(&mut [0; 8]), Ok(7));
/// }
/// ```
#[derive(Debug)]
pub struct KernelProgram {
    fd: OwnedFd,
}

impl KernelProgram {
    /// Hands instructions to the verifier.
    ///
    /// # Errors
    /// Its last words, or that there is no bpf().
    pub fn load(insns: &[Insn]) -> Result<KernelProgram, KernelError> {
        let bytes: Vec<[u8; 8]> = insns.iter().map(|insn| insn.to_bytes()).collect();
        // Words cost time, so they are asked for only when the verdict is known to be a refusal.
        match bpf::load(&bytes, &mut []) {
            Ok(fd) => return Ok(KernelProgram { fd }),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINVAL | libc::EACCES | libc::E2BIG) => {}
                _ => return Err(KernelError::Unavailable(error.to_string())),
            },
        }
        let mut log = vec![0; LOG_LEN];
        match bpf::load(&bytes, &mut log) {
            Ok(fd) => Ok(KernelProgram { fd }),
            Err(error) => Err(KernelError::Refused(last_words(&log, &error))),
        }
    }

    /// Runs it on bytes, which it may change, and gives 32 bits of r0.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn run(&self, context: &mut [u8]) -> Result<u32, KernelError> {
        if context.len() > CONTEXT_MAX {
            return Err(KernelError::Context(context.len()));
        }
        bpf::run(&self.fd, context).map_err(|error| KernelError::Run(error.to_string()))
    }
}

/// The last line of a log that says something about the program.
pub(super) fn last_words(log: &[u8], error: &std::io::Error) -> String {
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    let text = String::from_utf8_lossy(&log[..end]);
    let told = text.lines().rev().find(|line| {
        !line.trim().is_empty()
            && !line.starts_with("processed")
            && !line.starts_with("verification")
    });
    told.map_or_else(|| error.to_string(), |line| line.trim().to_owned())
}
