//! The filesystem in memory together with its journal.

use fuserig_abi::{Caller, Errno, Ino};

use super::journal::Journal;
use super::policy::Durability;
use crate::mem::MemFs;
use crate::{Lower, LowerOp, LowerReply};

/// A filesystem whose power can fail.
///
/// ```
/// use fuserig_abi::{Caller, Credentials, Ino, Pid, Timespec};
/// use fuserig_sim_fs::{Durability, DurableFs, LowerExt, MemFs};
/// let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
/// let start = MemFs::from_tree("/a 'old'").expect("well-formed");
/// let mut fs = DurableFs::new(start, Durability::Ordered);
/// fs.unlink(&caller, Ino(1), b"a")?;
/// let journal = fs.journal();
/// let (states, _) = journal.states(10);
/// let found: Vec<String> = states.iter().map(|state| journal.recover(state).to_tree()).collect();
/// assert!(found[0].contains("/a") && !found[1].contains("/a"));
/// # Ok::<(), fuserig_abi::Errno>(())
/// ```
#[derive(Clone, Debug)]
pub struct DurableFs {
    fs: MemFs,
    journal: Journal,
}

impl DurableFs {
    /// A filesystem that is on disk as it is.
    pub fn new(fs: MemFs, durability: Durability) -> DurableFs {
        let journal = Journal::new(&fs, durability);
        DurableFs { fs, journal }
    }

    /// The filesystem as its users see it.
    pub fn fs(&self) -> &MemFs {
        &self.fs
    }

    /// What would survive.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }
}

impl Lower for DurableFs {
    fn root(&self) -> Ino {
        self.fs.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let before = self.fs.clone();
        let reply = self.fs.apply(caller, op)?;
        self.journal.note(&before, &self.fs, op, &reply);
        Ok(reply)
    }
}
