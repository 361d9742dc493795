//! Filters by specification.

use fuserig_filters::{FilterName, UnknownFilter, builtin, builtins};

fn check(spec: &str, expected: &str) {
    let outcome = match builtin(spec) {
        Ok(filter) => filter.name().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(outcome, expected, "{spec:?}");
}

#[test]
fn a_specification_names_a_filter_or_says_what_is_wrong() {
    check("hide:a", "hide");
    check("hide:a,b*,*c", "hide");
    check("readonly", "readonly");
    check("redact:*", "redact");
    check("audit", "audit");
    check("quota:1M", "quota");
    check("quota:1M,5", "quota");
    check("", "no built-in filter is called ``");
    check("Hide:a", "no built-in filter is called `Hide`");
    check("hide", "hide needs parameters; write `hide:PATTERN[,PATTERN...]`");
    check("readonly:", "readonly takes no parameters; write `readonly`");
    check("audit:x", "audit takes no parameters; write `audit`");
    check(
        "hide:",
        "hide: read pattern at byte 0: no name; write an exact name, PREFIX* or *SUFFIX",
    );
    check(
        "redact:a,b/c",
        "redact: read pattern at byte 3: \
         a name has neither `/` nor NUL; patterns match single names, not paths",
    );
    check(
        "quota:lots",
        "quota: read limit at byte 0: \
         no number below 2^64; write BYTES[K|M|G] or BYTES,FILES",
    );
    check("hide:a:b", "hide");
    check(
        "deny_uid:4294967296",
        "deny_uid: `4294967296` is no number in range; write `deny_uid:UID` in digits",
    );
}

#[test]
fn the_list_is_complete_and_ready_for_a_help_text() {
    let names: Vec<&str> = builtins().iter().map(|filter| filter.name).collect();
    assert_eq!(names[..5], ["hide", "readonly", "redact", "audit", "quota"]);
    let worked = "the worked filters, the twins of those in C, then those of the selftests";
    assert_eq!(names.len(), 5 + 8 + 8, "{worked}");
    for filter in builtins() {
        FilterName::parse(filter.name).expect("a kernel registers it");
        assert!(filter.about.len() < 80 && !filter.about.contains('\n'), "{}", filter.name);
        let spec = match filter.parameters {
            "" => filter.name.to_owned(),
            _ => format!("{}:1", filter.name),
        };
        assert_eq!(builtin(&spec).expect("minimal parameters").name(), filter.name);
    }
}

#[test]
fn the_source_of_an_error_is_kept() {
    let error = builtin("hide:a,,").unwrap_err();
    assert!(matches!(&error, UnknownFilter::Pattern { source, .. } if source.position == 2));
    assert!(core::error::Error::source(&error).is_some());
}
