//! Cases from text.

use super::case::{Case, CaseError, Step};
use super::outcome::Expected;
use super::words::split;

/// The cases of this crate, by file.
const BUILTIN: [(&str, &str); 12] = [
    ("lookup", include_str!("cases/lookup.txt")),
    ("create", include_str!("cases/create.txt")),
    ("open", include_str!("cases/open.txt")),
    ("data", include_str!("cases/data.txt")),
    ("allocate", include_str!("cases/allocate.txt")),
    ("link", include_str!("cases/link.txt")),
    ("rename", include_str!("cases/rename.txt")),
    ("readdir", include_str!("cases/readdir.txt")),
    ("setattr", include_str!("cases/setattr.txt")),
    ("permission", include_str!("cases/permission.txt")),
    ("xattr", include_str!("cases/xattr.txt")),
    ("times", include_str!("cases/times.txt")),
];

/// The cases that come with this crate, with the name of their file.
///
/// ```
/// let files = fuserig_sim_fs::conformance::builtin();
/// assert!(files.iter().any(|(file, cases)| *file == "rename" && !cases.is_empty()));
/// ```
pub fn builtin() -> Vec<(&'static str, Vec<Case>)> {
    BUILTIN
        .into_iter()
        .map(|(file, text)| (file, parse(text).unwrap_or_else(|error| panic!("{file}: {error}"))))
        .collect()
}

/// Cases from text; the language is described at [the module](super).
///
/// # Errors
///
/// The first line that cannot be read.
///
/// ```
/// use fuserig_sim_fs::conformance::parse;
/// assert!(parse("# nothing\n")?.is_empty());
/// assert_eq!(parse("mkdir /d\n").expect_err("no case").line, 1);
/// # Ok::<(), fuserig_sim_fs::conformance::CaseError>(())
/// ```
pub fn parse(text: &str) -> Result<Vec<Case>, CaseError> {
    let mut cases = Vec::new();
    let mut started = 0;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("case ") {
            finished(cases.last(), started)?;
            started = number;
            cases.push(Case {
                name: name.trim().to_owned(),
                rule: String::new(),
                only: Vec::new(),
                skip: Vec::new(),
                steps: Vec::new(),
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            return Err(CaseError::new(number, "step outside a case (start with `case NAME`)"));
        };
        let read = match line.starts_with(' ') {
            true => step(case, number, content),
            false => header(case, line),
        };
        read.map_err(|problem| CaseError::new(number, problem))?;
    }
    finished(cases.last(), started)?;
    Ok(cases)
}

fn finished(case: Option<&Case>, line: usize) -> Result<(), CaseError> {
    let Some(case) = case else { return Ok(()) };
    if case.rule.is_empty() {
        return Err(CaseError::new(line, "case without a rule (quote the clause it pins)"));
    }
    if case.steps.is_empty() {
        return Err(CaseError::new(line, "case without steps (it can never fail)"));
    }
    Ok(())
}

fn header(case: &mut Case, line: &str) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "rule" => case.rule = rest.trim().to_owned(),
        "only" | "skip" => {
            let (arms, reason) = because(rest)?;
            for arm in arms.split(',') {
                match word {
                    "only" => case.only.push(arm.trim().to_owned()),
                    _ => case.skip.push((arm.trim().to_owned(), reason.to_owned())),
                }
            }
        }
        _ => return Err(format!("unknown header `{word}` (indent steps by two blanks)")),
    }
    Ok(())
}

fn because(text: &str) -> Result<(&str, &str), String> {
    text.split_once(" because ").ok_or_else(|| "difference without `because REASON`".to_owned())
}

fn step(case: &mut Case, line: usize, content: &str) -> Result<(), String> {
    if let Some(rest) = content.strip_prefix("except ") {
        let (rest, _reason) = because(rest)?;
        let (arms, outcome) = rest.split_once("->").ok_or("except without `->`")?;
        let expected = Expected::parse(&split(outcome)?)?;
        let step = case.steps.last_mut().ok_or("except before any step")?;
        for arm in arms.split(',') {
            step.except.push((arm.trim().to_owned(), expected.clone()));
        }
        return Ok(());
    }
    let mut words = split(content)?;
    let expected = match words.iter().position(|word| word == "->") {
        Some(at) => {
            let expected = Expected::parse(&words[at + 1..])?;
            words.truncate(at);
            expected
        }
        None => Expected::Ok,
    };
    let caller = match words.first().and_then(|word| word.strip_suffix(':')) {
        Some(caller) => {
            let caller = caller.to_owned();
            words.remove(0);
            caller
        }
        None => String::new(),
    };
    if words.is_empty() {
        return Err("step without a command".to_owned());
    }
    case.steps.push(Step { line, caller, words, expected, except: Vec::new() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{builtin, parse};
    use std::collections::BTreeSet;

    #[track_caller]
    fn check_error(text: &str, line: usize, part: &str) {
        let error = parse(text).expect_err("must be refused");
        assert_eq!(error.line, line, "{error}");
        assert!(error.problem.contains(part), "{error}");
    }

    #[test]
    fn bad_cases_are_refused_with_their_line() {
        check_error("  mkdir /a\n", 1, "outside a case");
        check_error("case a\n  mkdir /a\n", 1, "without a rule");
        check_error("case a\nrule r\n", 1, "without steps");
        check_error("case a\nrule r\nmkdir /a\n", 3, "unknown header");
        check_error("case a\nrule r\n  mkdir /a ->\n", 3, "nothing after");
        check_error("case a\nrule r\n  mkdir /a -> EWHAT\n", 3, "unknown errno");
        check_error("case a\nrule r\n  mkdir '/a\n", 3, "quote");
        check_error("case a\nrule r\n  mkdir /a\n    except tmpfs -> ok\n", 4, "because");
        check_error("case a\nrule r\nonly tmpfs\n  mkdir /a\n", 3, "because");
    }

    #[test]
    fn an_exception_belongs_to_the_step_before_it() {
        let text = "case a\nrule r\n  mkdir /a -> ok\n    except x,y -> EPERM because z\n";
        let cases = parse(text).expect("well formed");
        let step = &cases[0].steps[0];
        assert_eq!(step.expected_on("x").to_string(), "EPERM");
        assert_eq!(step.expected_on("y").to_string(), "EPERM");
        assert_eq!(step.expected_on("z").to_string(), "ok");
    }

    #[test]
    fn no_two_cases_have_one_name() {
        let mut seen = BTreeSet::new();
        for (file, cases) in builtin() {
            for case in cases {
                assert!(seen.insert(case.name.clone()), "{file}: `{}` is there twice", case.name);
            }
        }
    }
}
