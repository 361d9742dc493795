use fuserig::prelude::*;

const CASE: &str = r##"{
  "filter": "",
  "abi": "v4",
  "fidelity": "faithful",
  "tree": "",
  "clients": [
    {
      "uid": 0,
      "actions": [
        {
          "mkdir": {
            "path": "a",
            "mode": 493
          }
        },
        {
          "mkdir": {
            "path": "b",
            "mode": 493
          }
        }
      ]
    }
  ],
  "schedule": [],
  "faults": [
    {
      "client": 0,
      "action": 0,
      "kind": {
        "lower": {
          "op": "mkdir",
          "errno": 28
        }
      }
    }
  ]
}
"##;

/// `mkdir b 755` gives EDQUOT this filter, and 0 its twin
#[test]
fn twins_agree_d902c8ac() {
    let case = Case::from_json(CASE).expect("stored by fuserig");
    // Put the filter under test here; twins_agree does not hold for it.
    let subject = Subject::boxed(case.abi, || Some(filter()));
    Simulation::of_case(case)
        .run(subject)
        .check(invariant::twins_agree(other_filter))
        .or_report();
}
