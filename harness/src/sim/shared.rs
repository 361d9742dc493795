//! The filesystem in memory, shared between the pipeline above it and whoever judges a run.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use fuserig_abi::{Caller, Errno, Ino};
use fuserig_sim_fs::{Durability, Journal, Lower, LowerOp, LowerReply, MemFs};

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
pub struct SharedFs {
    fs: Rc<RefCell<MemFs>>,
    /// What would survive a loss of power, when somebody wants to know.
    journal: Option<Rc<RefCell<Journal>>>,
}

impl SharedFs {
    /// Shares a filesystem.
    pub fn new(fs: MemFs) -> SharedFs {
        SharedFs { fs: Rc::new(RefCell::new(fs)), journal: None }
    }

    /// Shares a filesystem whose power can fail.
    pub fn durable(fs: MemFs, durability: Durability) -> SharedFs {
        let journal = Some(Rc::new(RefCell::new(Journal::new(&fs, durability))));
        SharedFs { fs: Rc::new(RefCell::new(fs)), journal }
    }

    /// What would survive a loss of power; none when nobody keeps a journal.
    pub fn journal(&self) -> Option<Ref<'_, Journal>> {
        self.journal.as_ref().map(|journal| journal.borrow())
    }

    /// The filesystem as it is now.
    pub fn look(&self) -> Ref<'_, MemFs> {
        self.fs.borrow()
    }

    /// A snapshot.
    pub fn snapshot(&self) -> MemFs {
        self.fs.borrow().clone()
    }
}

impl Lower for SharedFs {
    fn root(&self) -> Ino {
        self.fs.borrow().root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let Some(journal) = &self.journal else {
            return self.fs.borrow_mut().apply(caller, op);
        };
        let before = self.snapshot();
        let reply = self.fs.borrow_mut().apply(caller, op)?;
        journal.borrow_mut().note(&before, &self.fs.borrow(), op, &reply);
        Ok(reply)
    }
}
