//! The filesystem in memory, shared between the pipeline above it and whoever judges a run.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use fuserig_abi::{Caller, Errno, Ino};
use fuserig_sim_fs::{Lower, LowerOp, LowerReply, MemFs};

/// A lower filesystem that can be looked at from outside while it is in use.
///
/// ```
/// use fuserig::sim::SharedFs;
/// use fuserig_sim_fs::MemFs;
/// let shared = SharedFs::new(MemFs::from_tree("/a 'x'").expect("well-formed"));
/// let other = shared.clone();
/// assert_eq!(shared.look().digest(), other.look().digest());
/// ```
#[derive(Clone, Debug)]
pub struct SharedFs(Rc<RefCell<MemFs>>);

impl SharedFs {
    /// Shares a filesystem.
    pub fn new(fs: MemFs) -> SharedFs {
        SharedFs(Rc::new(RefCell::new(fs)))
    }

    /// The filesystem as it is now.
    pub fn look(&self) -> Ref<'_, MemFs> {
        self.0.borrow()
    }

    /// A snapshot.
    pub fn snapshot(&self) -> MemFs {
        self.0.borrow().clone()
    }
}

impl Lower for SharedFs {
    fn root(&self) -> Ino {
        self.0.borrow().root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        self.0.borrow_mut().apply(caller, op)
    }
}
