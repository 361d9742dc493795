//! Events: what each step of the pipeline saw and decided.
//!
//! The event is the central value: what is not an event did not happen. Events borrow from the
//! running operation; a [`Sink`] that keeps them converts them to types of its own.

use core::fmt;

use fuserig_abi::{CallArgs, Caller, Errno, NodeId, Op, Quirk, Slot};
use fuserig_filters::engine::Trap;

use super::Step;

/// Something that happened to one operation.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The number of the operation, counting from 1 in order of arrival.
    pub operation: u64,
    /// The step of the state machine.
    pub step: Step,
    /// What happened.
    pub what: What<'a>,
}

/// The kinds of event.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// The operation entered the pipeline; its in arguments are filled.
    Request {
        /// Which operation.
        op: Op,
        /// Who asks.
        caller: &'a Caller,
        /// The arguments.
        args: &'a CallArgs,
        /// Bytes that pass beside the arguments (write data).
        data: &'a [u8],
    },
    /// A member (or default_filter) is called with these arguments.
    Call {
        /// The member.
        slot: Slot,
        /// What it sees.
        args: &'a CallArgs,
    },
    /// The member returned.
    Return {
        /// The member.
        slot: Slot,
        /// The code as the kernel reads it.
        code: i32,
        /// The arguments as it left them.
        args: &'a CallArgs,
    },
    /// The filter left a line.
    Print {
        /// The line.
        line: &'a str,
    },
    /// The filter gave a record to the reader of a map.
    Output {
        /// The symbol of the map.
        map: &'a str,
        /// The record.
        bytes: &'a [u8],
    },
    /// An engine stopped the filter, whose call then answered -EFAULT. Always a finding.
    Trap {
        /// Where and why.
        trap: &'a Trap,
    },
    /// The lower step returned.
    Lower {
        /// Its return value: negative errno, 0, or a count.
        code: i64,
    },
    /// The daemon was asked. Without a daemon no [`What::DaemonReply`] follows.
    DaemonRequest {
        /// Opcode with phase bits; without one the request is an ordinary one.
        opcode: u32,
        /// The node.
        nodeid: NodeId,
        /// The body between header and extension.
        body: &'a [u8],
        /// The lengths of the arguments that make up the body of a filter request; an ordinary
        /// body is one piece.
        pieces: &'a [u32],
        /// `error_in` of a POSTFILTER request.
        error_in: Option<u32>,
    },
    /// The daemon wrote a reply.
    DaemonReply {
        /// Negative errno or 0, as in its header; a positive number is the code of a notification,
        /// which belongs to no request.
        error: i32,
        /// The body after the header.
        body: &'a [u8],
        /// Why the device refused it, when it did (2.6.1).
        refused: Option<Errno>,
    },
    /// The daemon was told that references on a node went (FORGET).
    Forget {
        /// The node.
        nodeid: NodeId,
        /// How many.
        nlookup: u64,
    },
    /// Finalize ran.
    Finalize {
        /// Its return value.
        code: i64,
    },
    /// Private buffers were freed, or leaked.
    Buffers {
        /// How many were freed.
        freed: u32,
        /// How many nobody can free any more (BUF-2).
        leaked: u32,
    },
    /// The operation stepped on something surprising.
    Quirk {
        /// Which.
        quirk: Quirk,
    },
    /// The modelled kernel would have crashed here.
    Crash {
        /// Why.
        quirk: Quirk,
    },
    /// The operation left the pipeline.
    Result {
        /// False when the ordinary path takes over.
        handled: bool,
        /// Negative errno, 0, or the value of the operation.
        value: i64,
        /// The arguments as they were at the end.
        args: &'a CallArgs,
        /// Bytes that pass beside the arguments (read data, records, link target).
        data: &'a [u8],
    },
}

/// Where events go.
pub trait Sink: fmt::Debug {
    /// Takes one event.
    fn event(&mut self, event: &Event<'_>);

    /// Whether events are looked at; when not, the pipeline does not make them.
    fn wants_events(&self) -> bool {
        true
    }
}

/// A sink that looks at nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn event(&mut self, _: &Event<'_>) {}

    fn wants_events(&self) -> bool {
        false
    }
}
