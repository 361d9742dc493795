//! The kernel of this machine in front of the same server, recorded.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use fuserig::mount::{MountOptions, Mounted, RecordingOptions};
use fuserig::vfs::{Call, CallResult};
use fuserig::wire_replay::Exchange;
use fuserig_abi::{Pid, Timespec};
use fuserig_traces::record::Record;
use fuserig_traces::{Header, PayloadMode, Trace};

use super::lanes::Lanes;
use super::model;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whose call, as which user.
pub(crate) struct Act {
    pub(crate) pid: Pid,
    pub(crate) uid: u32,
    pub(crate) call: Call,
}

/// Performs the calls on a recording mount: their results, and every request.
pub(crate) fn record(
    tree: &'static str,
    valid: Timespec,
    open_flags: u32,
    acts: &[Act],
) -> (Vec<Option<CallResult>>, Vec<Exchange>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let options = MountOptions {
        threads: 1,
        allow_other: true,
        valid,
        ..MountOptions::new(directory.path())
    };
    let output = Shared::default();
    let recording = RecordingOptions {
        output: Box::new(output.clone()),
        payload: PayloadMode::Hash,
        queue: 1 << 16,
        tree: None,
        header: Header::default(),
    };
    let build = move || Ok(model::server(tree, valid, open_flags));
    let mounted = Mounted::start(&options, build, Some(recording)).expect("it mounts");
    let mut clients: BTreeMap<Pid, u32> = acts.iter().map(|act| (act.pid, act.uid)).collect();
    for act in acts {
        // A child is there once it is forked.
        if let Call::Fork { child, .. } = act.call
            && child != act.pid
        {
            clients.remove(&child);
        }
    }
    let mut lanes = Lanes::start(directory.path(), &clients);
    let results = acts.iter().map(|act| lanes.call(act.pid, &act.call)).collect();
    lanes.end();
    mounted.unmount().expect("it ends");
    let bytes = core::mem::take(&mut *output.0.lock().expect("nobody panics with it"));
    let trace = Trace::read(&bytes[..]).expect("it was just written");
    let exchanges = trace.records.iter().filter_map(|record| match record {
        Record::Op(op) => Some(Exchange::from_record(op, Timespec::ZERO, |_| None)),
        _ => None,
    });
    (results, exchanges.collect())
}
