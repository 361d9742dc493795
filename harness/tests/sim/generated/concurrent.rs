use fuserig::prelude::*;

const CASE: &str = r##"{
  "filter": "",
  "abi": "v4",
  "fidelity": "faithful",
  "tree": "/d/",
  "clients": [
    {
      "uid": 0,
      "actions": [
        {
          "mkdir": {
            "path": "d/a",
            "mode": 493
          }
        }
      ]
    },
    {
      "uid": 0,
      "actions": [
        {
          "mkdir": {
            "path": "b",
            "mode": 493
          }
        }
      ]
    }
  ],
  "schedule": [
    {
      "client": 0,
      "action": 0,
      "step": 17,
      "to": 1
    }
  ]
}
"##;

/// 2 directories were made
#[test]
fn one_8e3ce3fa() {
    let case = Case::from_json(CASE).expect("stored by fuserig");
    // Put the filter under test here; one does not hold for it.
    let subject = Subject::boxed(case.abi, || Some(filter()));
    Simulation::of_case(case)
        .run(subject)
        .check(invariant::one())
        .or_report();
}
