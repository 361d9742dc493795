//! Acting as the caller: user, groups and capabilities of the calling thread, changed for one
//! operation and always changed back.
//!
//! Linux keeps credentials per thread, and rustix makes the raw system calls, so other threads
//! are not affected. The real and saved ids stay ours: that is what lets us come back. A thread
//! that cannot come back must not go on, so a failure to restore is an assertion.

use std::sync::Arc;

use fuserig_abi::{Caller, Capabilities, Credentials, Errno, Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use rustix::{process, thread};

use super::handle::errno;

/// Who an operation is performed as.
#[derive(Clone, Copy, Debug)]
pub(super) enum As<'a> {
    /// The caller, as it is.
    Caller(&'a Caller),
    /// The caller with one more capability, where the system call at hand makes a check that the
    /// VFS entry point we stand for does not make.
    CallerWith(&'a Caller, CapabilitySet),
    /// This process: for what the VFS does without asking.
    Ourselves,
}

/// What happens when the caller is somebody else and this process may not change identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Act as the caller or answer `EPERM`.
    AsCaller,
    /// Act as this process, whoever asks.
    AsProcess,
}

/// The identity of this process, and the way to others.
#[derive(Debug)]
pub(super) struct Identity {
    /// As a filesystem asks about us.
    ours: Credentials,
    capabilities: CapabilitySets,
    policy: Policy,
}

impl Identity {
    /// Where these are held, no check of a filesystem comes to the groups: neither for permission,
    /// nor for a change of the owning group, nor for setgid, nor for reserved space.
    const REGARDLESS_OF_GROUPS: Capabilities = Capabilities::CHOWN
        .union(Capabilities::DAC_OVERRIDE)
        .union(Capabilities::DAC_READ_SEARCH)
        .union(Capabilities::FOWNER)
        .union(Capabilities::FSETID);

    /// The identity of the calling thread.
    pub(super) fn current(policy: Policy) -> rustix::io::Result<Identity> {
        let groups = process::getgroups()?;
        Ok(Identity::new(
            (Uid(process::geteuid().as_raw()), Gid(process::getegid().as_raw())),
            groups.iter().map(|gid| Gid(gid.as_raw())).collect(),
            thread::capabilities(None)?,
            policy,
        ))
    }

    fn new(
        (uid, gid): (Uid, Gid),
        groups: Arc<[Gid]>,
        sets: CapabilitySets,
        policy: Policy,
    ) -> Identity {
        let capabilities = Capabilities::from_bits_truncate(sets.effective.bits());
        Identity {
            ours: Credentials { uid, gid, groups, capabilities },
            capabilities: sets,
            policy,
        }
    }

    /// The credentials with which callers are served even when this process is unprivileged.
    pub(super) fn credentials(&self) -> &Credentials {
        &self.ours
    }

    /// Whether this process can act as anybody.
    pub(super) fn can_switch(&self) -> bool {
        self.capabilities.effective.contains(CapabilitySet::SETUID | CapabilitySet::SETGID)
    }

    /// Runs `action` as `who`; `EPERM` when that is impossible.
    pub(super) fn run<T>(
        &self,
        who: As<'_>,
        action: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let (credentials, extra) = match who {
            As::Caller(caller) => (&caller.credentials, CapabilitySet::empty()),
            As::CallerWith(caller, extra) => (&caller.credentials, extra),
            As::Ourselves => return action(),
        };
        if self.policy == Policy::AsProcess || self.is_ours(credentials) {
            return action();
        }
        if !self.can_switch() {
            return Err(Errno::EPERM);
        }
        let _guard = self.switch(credentials, extra)?;
        action()
    }

    /// Whether the caller needs no change. Who may do everything gets what we may do, as
    /// [`Identity::switch`] gives it; where nobody asks for the groups, they are irrelevant.
    fn is_ours(&self, credentials: &Credentials) -> bool {
        let ours = self.credentials();
        let everything = credentials.capable(Capabilities::all());
        let groups_matter = !(everything && ours.capable(Identity::REGARDLESS_OF_GROUPS));
        credentials.uid == ours.uid
            && credentials.gid == ours.gid
            && (everything || credentials.capabilities == ours.capabilities)
            && (!groups_matter || same_groups(&credentials.groups, &ours.groups))
    }

    fn switch<'a>(
        &'a self,
        credentials: &Credentials,
        extra: CapabilitySet,
    ) -> Result<Restore<'a>, Errno> {
        let uid = host_uid(credentials.uid)?;
        let gid = host_gid(credentials.gid)?;
        let groups: Vec<_> =
            credentials.groups.iter().map(|gid| host_gid(*gid)).collect::<Result<_, _>>()?;
        let mut sets = self.capabilities;
        sets.effective = match credentials.capabilities {
            all if all == Capabilities::all() => self.capabilities.effective,
            some => CapabilitySet::from_bits_retain(some.bits()) | extra,
        };
        if !self.capabilities.permitted.contains(sets.effective) {
            return Err(Errno::EPERM);
        }
        let guard = Restore { identity: self };
        thread::set_thread_groups(&groups).map_err(errno)?;
        thread::set_thread_res_gid(None, gid, None).map_err(errno)?;
        thread::set_thread_res_uid(None, uid, None).map_err(errno)?;
        thread::set_capabilities(None, sets).map_err(errno)?;
        Ok(guard)
    }

    /// The way back. Capabilities come after the user (leaving a non-root user clears them) and
    /// before the groups (which need one).
    fn restore(&self) -> rustix::io::Result<()> {
        let raw = rustix::fs::Gid::from_raw_unchecked;
        thread::set_thread_res_uid(
            None,
            rustix::fs::Uid::from_raw_unchecked(self.ours.uid.0),
            None,
        )?;
        thread::set_capabilities(None, self.capabilities)?;
        thread::set_thread_res_gid(None, raw(self.ours.gid.0), None)?;
        let groups: Vec<_> = self.ours.groups.iter().map(|gid| raw(gid.0)).collect();
        thread::set_thread_groups(&groups)
    }
}

/// Restores on every way out, also while a panic unwinds.
struct Restore<'a> {
    identity: &'a Identity,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.identity.restore().expect("the real and saved ids were left alone for this");
    }
}

fn same_groups(left: &[Gid], right: &[Gid]) -> bool {
    left.iter().all(|gid| right.contains(gid)) && right.iter().all(|gid| left.contains(gid))
}

/// A user id for a system call; the value that means "leave it alone" is no user.
pub(super) fn host_uid(uid: Uid) -> Result<rustix::fs::Uid, Errno> {
    if uid.0 == u32::MAX {
        return Err(Errno::EINVAL);
    }
    Ok(rustix::fs::Uid::from_raw_unchecked(uid.0))
}

/// A group id for a system call.
pub(super) fn host_gid(gid: Gid) -> Result<rustix::fs::Gid, Errno> {
    if gid.0 == u32::MAX {
        return Err(Errno::EINVAL);
    }
    Ok(rustix::fs::Gid::from_raw_unchecked(gid.0))
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Caller, Capabilities, Credentials, Errno, Gid, Pid, Timespec, Uid};
    use rustix::thread::{CapabilitySet, CapabilitySets};

    use super::{As, Identity, Policy};

    fn unprivileged(policy: Policy) -> Identity {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        Identity::new((Uid(1000), Gid(100)), [Gid(5), Gid(6)].into(), sets, policy)
    }

    fn outcome(identity: &Identity, credentials: Credentials) -> Result<(), Errno> {
        let caller = Caller::new(credentials, Pid(1), Timespec::ZERO);
        identity.run(As::Caller(&caller), || Ok(()))
    }

    #[test]
    fn an_ordinary_process_serves_only_itself() {
        let identity = unprivileged(Policy::AsCaller);
        let ours = identity.credentials().clone();
        assert_eq!(outcome(&identity, ours.clone()), Ok(()));
        let reordered = Credentials { groups: [Gid(6), Gid(5)].into(), ..ours.clone() };
        assert_eq!(outcome(&identity, reordered), Ok(()));
        for other in [
            Credentials::root(),
            Credentials { uid: Uid(1001), ..ours.clone() },
            Credentials { gid: Gid(101), ..ours.clone() },
            Credentials { groups: [].into(), ..ours.clone() },
            Credentials { groups: [Gid(5), Gid(6), Gid(7)].into(), ..ours.clone() },
            Credentials { capabilities: Capabilities::FOWNER, ..ours.clone() },
        ] {
            assert_eq!(outcome(&identity, other.clone()), Err(Errno::EPERM), "{other:?}");
        }
    }

    #[test]
    fn a_super_user_with_a_few_capabilities_less_serves_a_whole_one_as_it_is() {
        let identity = |missing: CapabilitySet| {
            let most = CapabilitySet::all() - missing;
            let sets = CapabilitySets { effective: most, permitted: most, inheritable: most };
            Identity::new((Uid(0), Gid(0)), [Gid(0)].into(), sets, Policy::AsCaller)
        };
        let root = Credentials::root();
        assert!(identity(CapabilitySet::empty()).is_ours(&root));
        assert!(identity(CapabilitySet::SYS_RESOURCE).is_ours(&root));
        assert!(!identity(CapabilitySet::FSETID).is_ours(&root), "the group decides about setgid");
        let less = Credentials { capabilities: Capabilities::FOWNER, ..root };
        assert!(!identity(CapabilitySet::SYS_RESOURCE).is_ours(&less));
    }

    #[test]
    fn a_process_that_acts_as_itself_serves_everybody() {
        let identity = unprivileged(Policy::AsProcess);
        assert_eq!(outcome(&identity, Credentials::root()), Ok(()));
    }

    #[test]
    fn the_identity_comes_back_after_a_panic() {
        let identity = Identity::current(Policy::AsCaller).expect("always answers");
        if !identity.can_switch() {
            return; // An ordinary process has nothing to come back from.
        }
        let caller = Caller::new(Credentials::user(Uid(1001), Gid(1001)), Pid(1), Timespec::ZERO);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            identity.run(As::Caller(&caller), || -> Result<(), Errno> {
                assert_eq!(rustix::process::geteuid().as_raw(), 1001);
                panic!("on purpose")
            })
        }));
        assert!(caught.is_err());
        let after = Identity::current(Policy::AsCaller).expect("always answers");
        assert_eq!(after.credentials(), identity.credentials());
    }

    #[test]
    fn the_id_that_means_nobody_cannot_be_acted_as() {
        let identity = Identity::current(Policy::AsCaller).expect("always answers");
        if identity.can_switch() {
            let nobody = Credentials::user(Uid(u32::MAX), Gid(0));
            assert_eq!(outcome(&identity, nobody), Err(Errno::EINVAL));
        }
    }
}
