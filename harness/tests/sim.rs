//! Simulation: the same everywhere, wrong filters found and shrunk, right ones left alone.

#[path = "sim/atomic.rs"]
mod atomic;
#[path = "sim/common.rs"]
mod common;
#[path = "sim/deadlock.rs"]
mod deadlock;
#[path = "sim/determinism.rs"]
mod determinism;
#[path = "sim/faults.rs"]
mod faults;
#[path = "sim/generated.rs"]
mod generated;
#[path = "sim/guided.rs"]
mod guided;
#[path = "sim/invariants.rs"]
mod invariants;
#[path = "sim/kept.rs"]
mod kept;
#[path = "sim/litmus.rs"]
mod litmus;
#[path = "sim/mounted.rs"]
mod mounted;
#[path = "sim/panics.rs"]
mod panics;
#[path = "sim/planted.rs"]
mod planted;
#[path = "sim/processes.rs"]
mod processes;
#[path = "sim/promises.rs"]
mod promises;
#[path = "sim/reach.rs"]
mod reach;
#[path = "sim/scenarios.rs"]
mod scenarios;
#[path = "sim/shrinking.rs"]
mod shrinking;
#[path = "sim/standing.rs"]
mod standing;
#[path = "sim/waits.rs"]
mod waits;
