//! Workloads as strategies of proptest, for tests that are written with it.
//!
//! [`cases`] draws whole cases as [`crate::sim::Simulation`] does: total operations with symbolic
//! arguments, swarm configuration, guided by a model of the tree, with nasty names and sizes, and a
//! few forced switches between the clients. [`programs`] draws the clients alone, and [`action`] a
//! single system call. Proptest shrinks them by the axes of [`crate::shrink`]: operations, clients,
//! switches, arguments and lines of the tree. It refuses to judge: the property does, with
//! [`crate::sim::Campaign::violation`], which does not shrink a second time.
//!
//! What a reader would get wrong: what is drawn descends from proptest's own generator, so its
//! seeds and its persistence of failures work as they do everywhere.

mod cases;

pub use cases::{CaseTree, Cases, action, cases, programs};
