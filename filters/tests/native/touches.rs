//! What a BPF filter says of the cells of its state that a call touches.

use fuserig_abi::{Abi, Op, Phase, Slot};
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{Filter, FilterEnv, Touch};

use crate::common::{args, user};

/// One mkdir by a user, watched: the code and what was touched.
fn mkdir(filter: &mut BpfFilter, uid: u32) -> (u32, Vec<Touch>) {
    let caller = user(uid);
    let mut env = FilterEnv::new(&caller);
    env.watch();
    let mut call = args(Op::Mkdir, &[], &[b"d"]);
    let code = filter.call(Slot::Member(Op::Mkdir, Phase::Pre), &mut call, &mut env);
    (code, env.touches().expect("a BPF filter says what it touches").to_vec())
}

/// Whether the order of two calls can matter.
fn meet(one: &[Touch], other: &[Touch]) -> bool {
    let clash = |a: &Touch, b: &Touch| a.cell == b.cell && (a.is_change || b.is_change);
    one.iter().any(|a| other.iter().any(|b| clash(a, b)))
}

#[test]
fn calls_meet_where_they_use_one_map_value_and_nowhere_else() {
    let object = include_bytes!("../../bpf/uid_quota.o");
    let load = || BpfFilter::load(object, None, Abi::V4, Limits::default()).expect("a filter");
    let mut filter = load();
    let (first, second, third) =
        (mkdir(&mut filter, 5), mkdir(&mut filter, 6), mkdir(&mut filter, 5));
    assert!(!meet(&first.1, &second.1), "two new keys: {first:?} {second:?}");
    assert!(meet(&first.1, &third.1), "one value: {first:?} {third:?}");
    assert!(!meet(&second.1, &third.1), "two values: {second:?} {third:?}");
    // Watching changes no answer, and the fast path is open again afterwards.
    let mut other = load();
    for uid in [5, 5, 6, 5, 5, 6, 5, 5, 5, 5, 5] {
        let caller = user(uid);
        let mut call = args(Op::Mkdir, &[], &[b"d"]);
        let slot = Slot::Member(Op::Mkdir, Phase::Pre);
        let code = other.call(slot, &mut call, &mut FilterEnv::new(&caller));
        let mut watched = load();
        core::mem::swap(&mut watched, &mut other);
        let (again, touches) = mkdir(&mut watched.clone(), uid);
        core::mem::swap(&mut watched, &mut other);
        assert!(!touches.is_empty());
        let over = -(fuserig_abi::Errno::EDQUOT.0) as u32;
        assert!(again == code || again == over, "{uid}: {code} then {again}");
    }
}

#[test]
fn nobody_pays_for_touches_without_asking() {
    let object = include_bytes!("../../bpf/uid_quota.o");
    let loaded = BpfFilter::load(object, None, Abi::V4, Limits::default());
    let mut filter = loaded.expect("a filter");
    let caller = user(5);
    let mut env = FilterEnv::new(&caller);
    let mut call = args(Op::Mkdir, &[], &[b"d"]);
    filter.call(Slot::Member(Op::Mkdir, Phase::Pre), &mut call, &mut env);
    assert_eq!(env.touches(), None);
}
