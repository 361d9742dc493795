use fuserig::prelude::*;

const CASE: &str = r##"{
  "filter": "hide:.secret",
  "abi": "v4",
  "fidelity": "faithful",
  "tree": "",
  "clients": [
    {
      "uid": 0,
      "actions": [
        {
          "mkdir": {
            "path": "m",
            "mode": 493
          }
        }
      ]
    }
  ],
  "schedule": [],
  "crash": {
    "step": 13,
    "durability": "loose",
    "lost": [
      0
    ]
  }
}
"##;

/// one is gone
#[test]
fn made_c4d1d4a6() {
    let case = Case::from_json(CASE).expect("stored by fuserig");
    let subject = Subject::boxed(case.abi, || Some(filter()));
    Simulation::of_case(case)
        .run(subject)
        .check(invariant::made())
        .or_report();
}

fn filter() -> Box<dyn Filter> {
    builtin("hide:.secret").expect("a filter of the library")
}
