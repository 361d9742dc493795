//! Running out of descriptors is an errno and leaves nothing half done. Alone in its process,
//! because the limit belongs to the process.

use fuserig_abi::{Caller, Errno, Pid, Timespec};
use fuserig_sim_fs::{HostFs, Lower, LowerExt, OpenFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_creation_that_finds_no_descriptor_leaves_no_name() {
    let base = tempfile::tempdir().expect("temporary directory");
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (Caller::new(host.own_credentials(), Pid(1), Timespec::ZERO), host.root());
    let raised = getrlimit(Resource::Nofile);
    assert_eq!(raised.current, raised.maximum, "opening raises the limit");

    let open = std::fs::read_dir("/proc/self/fd").expect("procfs").count() as u64;
    let tight = Rlimit { current: Some(open + 20), maximum: raised.maximum };
    setrlimit(Resource::Nofile, tight).expect("lowering is always allowed");
    let mut made = Vec::new();
    let refused = loop {
        let name = format!("n{}", made.len());
        match host.mkdir(&caller, root, name.as_bytes(), 0o755) {
            Ok(stat) => made.push(stat.ino),
            Err(errno) => break errno,
        }
        assert!(made.len() < 100, "the limit must be reached");
    };
    assert_eq!(refused, Errno::EMFILE);
    let create_open = host.create_open(&caller, root, b"file", 0o600, OpenFlags::RDWR);
    assert_eq!(create_open.map(drop), Err(Errno::EMFILE));
    assert_eq!(host.create(&caller, root, b"file", 0o600), Err(Errno::EMFILE));

    // A forgotten node gives its descriptor back.
    let first = made[0];
    host.forget(&caller, first).expect("is held");
    assert_eq!(host.getattr(&caller, first), Err(Errno::ESTALE));
    host.create(&caller, root, b"last", 0o600).expect("there is room for one");

    setrlimit(Resource::Nofile, raised).expect("raising to the hard limit is always allowed");
    let names = std::fs::read_dir(base.path()).expect("is there").count();
    assert_eq!(names, made.len() + 1, "every refused creation is gone");
    assert_eq!(host.lookup(&caller, root, b"n0").map(|stat| stat.ino), Ok(first));
}
