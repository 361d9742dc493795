//! Code of Rust that panics is found like anything else, whoever's it is.

use fuserig::fault::EchoDaemon;
use fuserig::pipeline::{Daemon, Device};
use fuserig::prelude::*;
use fuserig::sim::Class;
use fuserig_abi::{NodeId, Opcode, Request};

use super::common::{over, simulation};

/// What is found in the subject; the same twice.
fn found(subject: impl Fn() -> Subject) -> Box<Finding> {
    let once = || {
        let campaign = simulation(13).runs(600).run(subject());
        campaign.check(invariant::balance()).result().expect_err("it panics")
    };
    let (finding, again) = (once(), once());
    assert_eq!((&finding.case, finding.run), (&again.case, again.run));
    assert_eq!(finding.violation.invariant, "no_panic", "{finding}");
    assert_eq!(finding.class, Class::Trap, "{finding}");
    assert!(finding.minimality.shown, "{finding}");
    finding
}

#[test]
fn a_filter_that_panics_is_found_and_made_small() {
    let unwraps = || {
        FuseOps::new("unwraps").lookup_prefilter(|_, name| {
            let text = std::str::from_utf8(name.bytes().unwrap_or_default());
            text.expect("names are text");
            Verdict::Continue
        })
    };
    let finding = found(move || over(unwraps));
    let message = &finding.violation.message;
    assert!(message.starts_with("names are text: Utf8Error"), "{message}");
    assert!(message.contains("panics.rs:"), "{message}");
    assert_eq!(finding.case.operations(), 1, "{finding}");
    assert!(finding.to_string().contains("names are text"), "{finding}");
}

#[test]
fn a_daemon_that_panics_is_found() {
    #[derive(Debug, Default)]
    struct Panics(EchoDaemon);
    impl Daemon for Panics {
        fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
            assert!(request.opcode != Opcode::UNLINK, "nobody removes");
            self.0.serve(request, device);
        }
        fn forget(&mut self, nodeid: NodeId, nlookup: u64) {
            self.0.forget(nodeid, nlookup);
        }
    }
    let asks = || FuseOps::new("asks").unlink_prefilter(|_, _| Verdict::User);
    let finding = found(move || over(asks).daemon(Panics::default));
    assert!(finding.violation.message.contains("nobody removes"), "{finding}");
}

#[test]
fn an_invariant_that_asserts_is_found_at_its_call() {
    #[derive(Debug)]
    struct Asserts;
    impl Invariant for Asserts {
        fn name(&self) -> &str {
            "asserts"
        }
        fn call(&mut self, seen: &Seen<'_>) -> Result<(), String> {
            assert!(!matches!(seen.action, Action::Rmdir { .. }), "a directory went");
            Ok(())
        }
    }
    let subject = Subject::without_filter(Abi::V4).over("/d/");
    let campaign = simulation(14).run(subject).check(Asserts);
    let finding = campaign.result().expect_err("directories are removed");
    assert!(finding.violation.message.starts_with("a directory went at "), "{finding}");
    assert!(finding.violation.at.is_some(), "{finding}");
}
