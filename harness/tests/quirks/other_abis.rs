//! Quirks of the ABIs that are not a struct of typed members.

use fuserig::kernel::{World, WorldConfig};
use fuserig::pipeline::{Event, NoDaemon, Sink, What};
use fuserig::vfs::{Call, PathAt, Vfs, VfsConfig};
use fuserig_abi::{Abi, Credentials, Errno, Fidelity, Pid, Quirk, Verdict};
use fuserig_filters::{Filter, FuseOps, present};
use fuserig_sim_fs::MemFs;
use std::cell::RefCell;
use std::rc::Rc;

/// The quirks that the tests of this file show.
pub(crate) const SHOWN: &[&str] = &["GRP-2"];

const CLIENT: Pid = Pid(1);

#[derive(Debug, Default)]
struct Hits(Rc<RefCell<Vec<Quirk>>>);

impl Sink for Hits {
    fn event(&mut self, event: &Event<'_>) {
        if let What::Quirk { quirk } = event.what {
            self.0.borrow_mut().push(quirk);
        }
    }
}

/// A client on a mount of that ABI, and the quirks that it hits.
fn stage(abi: Abi, fidelity: Fidelity, filter: Box<dyn Filter>) -> (Vfs, Rc<RefCell<Vec<Quirk>>>) {
    let lower = Box::new(MemFs::from_tree("/f 'text'\n/d/\n").expect("a good tree"));
    let config = WorldConfig { abi, fidelity, ..WorldConfig::default() };
    let sink = Hits::default();
    let hits = Rc::clone(&sink.0);
    let world = World::new(&config, lower, Some(filter), Box::new(NoDaemon), Box::new(sink))
        .expect("the root has attributes");
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    (vfs, hits)
}

fn hit(hits: &Rc<RefCell<Vec<Quirk>>>, id: &str) -> bool {
    hits.borrow().iter().any(|quirk| quirk.id() == id)
}

/// Refuses directories, says that every mkdir wants a postfilter otherwise.
fn no_directories() -> Box<dyn Filter> {
    Box::new(FuseOps::new("no_dirs").mkdir_prefilter(|_, _, name| match name.name() {
        b"no" => Verdict::Error(Errno::EPERM),
        _ => Verdict::Postfilter,
    }))
}

#[test]
fn a_member_of_v3_grouped_runs_for_the_whole_family() {
    let mkdir = |path: &str| Call::Mkdir { path: PathAt::cwd(path), mode: 0o755 };
    let unlink = Call::Unlink { path: PathAt::cwd("f") };
    for (abi, runs) in [(Abi::V3Grouped, true), (Abi::V3, false)] {
        let filter = present(no_directories(), Abi::V3, abi);
        let (vfs, hits) = stage(abi, Fidelity::Faithful, filter);
        assert_eq!(vfs.call(CLIENT, &mkdir("no")).value, Err(Errno::EPERM), "{abi}");
        assert!(!hit(&hits, "GRP-2"));
        assert!(vfs.call(CLIENT, &unlink).value.is_ok(), "{abi}");
        assert_eq!(hit(&hits, "GRP-2"), runs, "{abi}");
        // v3 tests the prefilter and calls the postfilter (DISP-2); a family has one dispatcher.
        let made = vfs.call(CLIENT, &mkdir("yes"));
        let crashed = vfs.world().crashed;
        assert_eq!(crashed, (!runs).then_some(Quirk::DISP_2), "{abi}: {made:?}");
    }
}
