//! What is under test: a filter, the filesystem below it, and the daemon beside it.
//!
//! A subject holds makers, not things: every run begins with a new filter over the same tree. It
//! refuses to run anything. What a reader would get wrong: the filter is given as the function
//! that makes it (`hide_dotfiles`, not `hide_dotfiles()`), because a failure is run many times
//! before it is reported.

use core::fmt;
use std::rc::Rc;

use fuserig_abi::{Abi, Errno, Fidelity};
use fuserig_filters::Filter;
use fuserig_sim_fs::Lower;

use crate::crash::CrashSearch;
use crate::fault::EchoDaemon;
use crate::pipeline::{Daemon, NoDaemon};

type MakeFilter = Rc<dyn Fn() -> Option<Box<dyn Filter>>>;
type MakeLower = Rc<dyn Fn(Box<dyn Lower>) -> Box<dyn Lower>>;
type MakeDaemon = Rc<dyn Fn() -> Box<dyn Daemon>>;

/// A filter over a tree.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::new(Abi::V4, readonly).over("/notes.txt 'hi'");
/// assert_eq!(subject.tree(), "/notes.txt 'hi'");
/// ```
#[derive(Clone)]
pub struct Subject {
    pub(crate) abi: Abi,
    pub(crate) fidelity: Fidelity,
    pub(crate) filter: MakeFilter,
    pub(crate) lower: MakeLower,
    pub(crate) daemon: MakeDaemon,
    pub(crate) has_daemon: bool,
    /// Whether the daemon stands in for one that nobody knows: it fails, and does nothing worse.
    pub(crate) stands_in: bool,
    /// Whether the daemon has the whole filesystem, and nothing is below.
    pub(crate) served: bool,
    /// Whether clients are those of an ordinary mount, whose server has the filter.
    pub(crate) mounted: bool,
    pub(crate) tree: String,
    pub(crate) spec: String,
    /// Where steps note what they touch, when somebody wants to know.
    pub(crate) footprint: Option<super::footprint::Footprint>,
    /// Where power is lost, when that is tried.
    pub(crate) crashes: Option<CrashSearch>,
}

impl Subject {
    /// The filter that `make` makes, over an empty tree, in a kernel of that version.
    pub fn new<F: Filter + 'static>(abi: Abi, make: impl Fn() -> F + 'static) -> Subject {
        Subject::boxed(abi, move || Some(Box::new(make())))
    }

    /// No filter at all.
    pub fn without_filter(abi: Abi) -> Subject {
        Subject::boxed(abi, || None)
    }

    /// As [`Subject::new`], for filters whose type is not known.
    pub fn boxed(abi: Abi, make: impl Fn() -> Option<Box<dyn Filter>> + 'static) -> Subject {
        Subject {
            abi,
            fidelity: Fidelity::Faithful,
            filter: Rc::new(make),
            lower: Rc::new(|lower| lower),
            daemon: Rc::new(|| Box::new(NoDaemon)),
            has_daemon: false,
            stands_in: false,
            served: false,
            mounted: false,
            tree: String::new(),
            spec: String::new(),
            footprint: None,
            crashes: None,
        }
    }

    /// The lower tree at the start, as tree text (see `MemFs::from_tree`).
    #[must_use]
    pub fn over(mut self, tree: &str) -> Subject {
        tree.clone_into(&mut self.tree);
        self
    }

    /// Puts a layer of the user's own between the pipeline and the filesystem in memory.
    #[must_use]
    pub fn lower(mut self, wrap: impl Fn(Box<dyn Lower>) -> Box<dyn Lower> + 'static) -> Subject {
        self.lower = Rc::new(wrap);
        self
    }

    /// The userspace server; without one every request to it fails.
    #[must_use]
    pub fn daemon<D: Daemon + 'static>(mut self, make: impl Fn() -> D + 'static) -> Subject {
        self.daemon = Rc::new(move || Box::new(make()));
        (self.has_daemon, self.stands_in, self.served) = (true, false, false);
        self
    }

    /// The userspace server has the whole filesystem: nothing is below, and every operation is an
    /// ordinary request to it, as on a mount without fuse-bpf. [`Subject::over`] says what the
    /// server has at the start, so that programs can be about it.
    ///
    /// Invariants that look at the filesystem below see an empty one, or the tree that `over` said,
    /// which never changes: of those, `posix`, `no_data_lost`, `durable` and `atomic_changes` mean
    /// nothing here. [`agrees_with`](crate::invariant::agrees_with) compares what calls return,
    /// `linearizable` explains it, and `errno_envelope` and `balance` judge as ever.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// use fuserig::fault::EchoDaemon;
    /// // A server that knows nothing but how to refuse.
    /// let subject = Subject::without_filter(Abi::V4).served_by(EchoDaemon::default);
    /// let summary = Simulation::new(Seed(1)).operations(20).run(subject)
    ///     .check(invariant::balance())
    ///     .or_report();
    /// assert!(summary.operations > 0);
    /// ```
    #[must_use]
    pub fn served_by<D: Daemon + 'static>(self, make: impl Fn() -> D + 'static) -> Subject {
        Subject { served: true, ..self.daemon(make) }
    }

    /// The filter as `fuserig mount` has it: clients call an ordinary kernel, which sends FUSE
    /// requests to the server of a mount ([`serve::Server`](crate::serve::Server)), and that has
    /// the filter and the filesystem below. Names, attributes and pages are kept by the kernel in
    /// front, and every request and reply is encoded on its way.
    ///
    /// Invariants mean what they mean without it: what is below is what the server has below, and
    /// [`Subject::daemon`] is who the filter asks. Not for [`Subject::served_by`], where there is
    /// nothing below to be served.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let subject = Subject::new(Abi::V4, readonly).over("/notes.txt 'hi'");
    /// let summary = Simulation::new(Seed(1)).operations(40).runs(4)
    ///     .run(subject.mounted())
    ///     .check(invariant::read_only())
    ///     .check(invariant::balance())
    ///     .or_report();
    /// assert!(summary.coverage.filter_calls > 0);
    /// ```
    #[must_use]
    pub fn mounted(self) -> Subject {
        Subject { mounted: true, ..self }
    }

    /// A server that stands in for the real one, which is not known: it agrees with whatever it is
    /// asked before and after the lower operation, and fails what it is to do alone with EIO.
    /// Faults make it fail and take its time; that it hangs, dies or answers wrongly would be no
    /// mistake of what is under test. The command line judges filters beside it.
    ///
    /// ```
    /// use fuserig::prelude::*;
    /// let subject = Subject::new(Abi::V4, fuserig_filters::media_view).over("/a 'x'");
    /// Simulation::new(Seed(1)).operations(20)
    ///     .run(subject.agreeing_daemon())
    ///     .check(invariant::errno_envelope())
    ///     .or_report();
    /// ```
    #[must_use]
    pub fn agreeing_daemon(self) -> Subject {
        let abi = self.abi;
        let subject = self.daemon(move || EchoDaemon::new(abi).refusing(Errno::EIO));
        Subject { stands_in: true, ..subject }
    }

    /// What the kernel's author evidently meant, instead of what the kernel does.
    #[must_use]
    pub fn fidelity(mut self, fidelity: Fidelity) -> Subject {
        self.fidelity = fidelity;
        self
    }

    /// Loses power on the way, as the search says.
    #[must_use]
    pub fn crashing(mut self, search: CrashSearch) -> Subject {
        self.crashes = Some(search);
        self
    }

    /// How the command line names the filter, for the command that reproduces a finding.
    #[must_use]
    pub fn named(mut self, spec: &str) -> Subject {
        spec.clone_into(&mut self.spec);
        self
    }

    /// The same without the filter.
    #[must_use]
    pub fn unfiltered(&self) -> Subject {
        Subject { filter: Rc::new(|| None), ..self.clone() }
    }

    /// The same with another filter.
    #[must_use]
    pub fn with_filter(&self, make: impl Fn() -> Option<Box<dyn Filter>> + 'static) -> Subject {
        Subject { filter: Rc::new(make), ..self.clone() }
    }

    /// The lower tree at the start.
    pub fn tree(&self) -> &str {
        &self.tree
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("abi", &self.abi)
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}
