//! A daemon that uses its own mount, and who waits for whom because of it.
//!
//! While a request waits for the daemon, the daemon may make a system call on the mount that it
//! serves. It is a client like the others then, except that it moves whenever the client moves for
//! whom it works, and that nobody else is served meanwhile. What a reader would get wrong: such a
//! call need not be a mistake. It ends when it needs neither the daemon nor a lock that the waiting
//! client holds, which is what filters make possible.

use fuserig_abi::{Credentials, Op, Pid};

use super::state::{Serving, State};
use super::system::Vfs;
use super::task::Yield;
use crate::pipeline::DAEMON;

impl State {
    /// Whose locks and turns decide whether a client moves: its own, or the daemon's while that
    /// works for it.
    fn mover(&self, pid: Pid) -> Pid {
        match &self.serving {
            Some(serving) if serving.client == pid => DAEMON,
            _ => pid,
        }
    }

    pub(super) fn is_blocked(&self, pid: Pid) -> bool {
        self.locks.blocked(self.mover(pid), &self.kept_locks, self.serving.is_some())
    }
}

impl Vfs {
    /// Waits for a turn with the daemon, and lets it use its own mount first if it wants to.
    pub(super) async fn wait_for_daemon(&self, pid: Pid, op: Op) {
        if self.state().world.connection.refuses {
            return;
        }
        self.state().turns += 1;
        while self.state().serving.is_some() {
            self.state().locks.wait_for_daemon(pid, op);
            Yield::waiting(self).await;
            let mut state = self.state();
            state.locks.stop_waiting(pid);
            state.turns += 1;
        }
        let action = {
            let mut guard = self.state();
            let caller = guard.caller(pid);
            guard.world.daemon.uses_mount(op, &caller)
        };
        let Some(action) = action else { return };
        if !self.has_client(DAEMON) {
            self.add_client(DAEMON, Credentials::root(), 0o022);
        }
        self.state().serving = Some(Serving { client: pid, op, call: action.to_string() });
        // The result is the daemon's own business.
        let _ = Box::pin(self.perform_call(DAEMON, &action.call(&[]))).await;
        self.state().serving = None;
    }

    /// Whom the daemon works for while it uses its own mount, and how often its turn was asked for.
    pub(crate) fn turns_with_daemon(&self) -> (Option<u32>, u64) {
        let state = self.state();
        (state.serving.as_ref().map(|serving| serving.client.0), state.turns)
    }

    /// Why a client cannot go on: what it waits for, and who has that. `None` when it can.
    pub fn why_blocked(&self, pid: Pid) -> Option<String> {
        if !self.is_blocked(pid) {
            return None;
        }
        let serving = self.state().serving.clone();
        let asked = |pid: Pid| self.state().locks.daemon_request(pid);
        let lock = |pid: Pid| self.waiting(pid).map(|waiting| waiting.to_string());
        let Some(Serving { client, op, call }) = serving else { return lock(pid) };
        if client != pid {
            let turn =
                |op: Op| format!("the daemon to answer {op}, which works for client {client}");
            return asked(pid).map(turn).or_else(|| lock(pid));
        }
        let then = match asked(DAEMON) {
            Some(inner) => Some(format!("itself to answer {inner}")),
            None => lock(DAEMON),
        }?;
        Some(format!(
            "the daemon to answer {op}, but the daemon uses its own mount: in `{call}` it waits \
             for {then}"
        ))
    }
}
