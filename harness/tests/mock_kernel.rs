//! The mock kernel against an unmodified fuser filesystem, right and wrong.

#[path = "mock_kernel/cached.rs"]
mod cached;
#[path = "../examples/mock_kernel.rs"]
#[expect(dead_code, reason = "the example has a main of its own")]
mod example;
#[path = "kernel_stream/host.rs"]
mod host;
#[path = "mock_kernel/init.rs"]
mod init;
#[path = "mock_kernel/interrupt.rs"]
mod interrupt;
#[path = "mock_kernel/ioctls.rs"]
mod ioctls;
#[path = "mock_kernel/latches.rs"]
mod latches;
#[path = "mock_kernel/locks.rs"]
mod locks;
#[path = "mock_kernel/opcodes.rs"]
mod opcodes;
#[path = "mock_kernel/recorder.rs"]
mod recorder;
#[path = "mock_kernel/several.rs"]
mod several;
#[path = "mock_kernel/simulated.rs"]
mod simulated;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use example::NoteFs;
use fuserig::door::{MockError, MockKernel, MockOptions};
use fuserig::vfs::{Call, PathAt, Target};
use fuserig_abi::{Credentials, Errno, Opcode, Pid};
use fuserig_sim_fs::OpenFlags;

pub(crate) const CLIENT: Pid = Pid(7);

fn open(path: &str) -> Call {
    let flags = OpenFlags::RDWR | OpenFlags::CREAT;
    Call::Open { path: PathAt::cwd(path), flags, mode: 0o644, fd: None }
}

#[test]
fn requests_are_those_of_the_kernel_in_its_order() {
    let kernel = MockKernel::start(NoteFs::new(true), &MockOptions::default()).expect("starts");
    kernel.add_client(CLIENT, Credentials::root(), 0o022);
    assert_eq!(kernel.exchanged()[0].request.opcode, Opcode::INIT);
    let fd = kernel.call(CLIENT, &open("/n")).value.expect("made") as i32;
    kernel.call(CLIENT, &Call::Write { fd, data: b"hello".to_vec(), offset: None });
    kernel.call(CLIENT, &Call::Close { fd });
    kernel.call(CLIENT, &Call::Unlink { path: PathAt::cwd("/n") });
    let opcodes: Vec<Opcode> =
        kernel.exchanged().iter().map(|exchange| exchange.request.opcode).collect();
    let at = |opcode: Opcode| opcodes.iter().position(|found| *found == opcode);
    let order = [Opcode::LOOKUP, Opcode::CREATE, Opcode::WRITE, Opcode::FLUSH, Opcode::RELEASE];
    let places: Vec<_> = order.iter().map(|&opcode| at(opcode)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{opcodes:?}");
    assert_eq!(opcodes.last(), Some(&Opcode::FORGET), "the last name is gone: {opcodes:?}");
    kernel.end().expect("a clean end");
}

/// A filesystem that counts what happens to it.
struct Counting {
    destroyed: Arc<AtomicU64>,
    refuses: bool,
}

impl fuser::Filesystem for Counting {
    fn init(&mut self, _: &fuser::Request, _: &mut fuser::KernelConfig) -> std::io::Result<()> {
        if self.refuses { Err(std::io::Error::from_raw_os_error(13)) } else { Ok(()) }
    }

    fn destroy(&mut self) {
        self.destroyed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_session_begins_and_ends_as_with_a_kernel_on_any_number_of_threads() {
    for threads in [1, 4] {
        let destroyed = Arc::new(AtomicU64::new(0));
        let counting = Counting { destroyed: Arc::clone(&destroyed), refuses: false };
        let options = MockOptions { threads, ..MockOptions::default() };
        let kernel = MockKernel::start(counting, &options).expect("starts");
        kernel.add_client(CLIENT, Credentials::root(), 0o022);
        let stat = Call::Stat { target: Target::follow("/x"), flags: 0 };
        assert_eq!(kernel.call(CLIENT, &stat).value, Err(Errno::ENOSYS));
        kernel.end().expect("a clean end");
        assert_eq!(destroyed.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn a_filesystem_that_refuses_init_is_an_error_and_not_a_hang() {
    let destroyed = Arc::new(AtomicU64::new(0));
    let counting = Counting { destroyed, refuses: true };
    let started = MockKernel::start(counting, &MockOptions::default());
    assert!(matches!(started, Err(MockError::Refused)), "{started:?}");
}
