use fuserig::prelude::*;

const CASE: &str = r##"{
  "filter": "",
  "abi": "v4",
  "fidelity": "faithful",
  "tree": "/.secret",
  "clients": [
    {
      "uid": 0,
      "actions": [
        {
          "stat": {
            "path": ".secret",
            "follow": false
          }
        }
      ]
    }
  ],
  "schedule": []
}
"##;

/// a call that names .secret succeeded
#[test]
fn never_visible_082d993a() {
    let case = Case::from_json(CASE).expect("stored by fuserig");
    // Put the filter under test here; never_visible does not hold for it.
    let subject = Subject::boxed(case.abi, || Some(filter()));
    Simulation::of_case(case)
        .run(subject)
        .check(invariant::never_visible(HIDDEN))
        .or_report();
}
