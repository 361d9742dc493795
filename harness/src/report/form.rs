//! The forms a report can be written in, and how a user asks for one.

use core::fmt;
use core::str::FromStr;

use super::{Report, github, html, json, junit, markdown, sarif};

/// A form of a report.
///
/// ```
/// use fuserig::report::ReportForm;
/// assert_eq!(ReportForm::from_name("sarif"), Some(ReportForm::Sarif));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportForm {
    /// One JSON object.
    Json,
    /// JUnit XML, one test case a check.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands that GitHub turns into annotations.
    Github,
    /// A summary in Markdown.
    Markdown,
    /// One HTML file that needs nothing else.
    Html,
}

impl ReportForm {
    /// Every form.
    pub const ALL: [ReportForm; 6] = [
        ReportForm::Json,
        ReportForm::Junit,
        ReportForm::Sarif,
        ReportForm::Github,
        ReportForm::Markdown,
        ReportForm::Html,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            ReportForm::Json => "json",
            ReportForm::Junit => "junit",
            ReportForm::Sarif => "sarif",
            ReportForm::Github => "github",
            ReportForm::Markdown => "markdown",
            ReportForm::Html => "html",
        }
    }

    /// The form with that word.
    pub fn from_name(name: &str) -> Option<ReportForm> {
        ReportForm::ALL.into_iter().find(|form| form.name() == name)
    }
}

impl fmt::Display for ReportForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A form and the file it goes to: `--report FORM:FILE`, where `-` is standard output.
///
/// ```
/// use fuserig::report::{ReportForm, ReportTarget};
/// let target: ReportTarget = "junit:out/abi.xml".parse()?;
/// assert_eq!((target.form, target.file.as_str()), (ReportForm::Junit, "out/abi.xml"));
/// assert!("pdf:x".parse::<ReportTarget>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTarget {
    /// The form.
    pub form: ReportForm,
    /// The path, or `-`.
    pub file: String,
}

impl FromStr for ReportTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportTarget, String> {
        let (name, file) = text.split_once(':').unwrap_or((text, "-"));
        let Some(form) = ReportForm::from_name(name) else {
            let known: Vec<&str> = ReportForm::ALL.iter().map(|form| form.name()).collect();
            return Err(format!("unknown report form `{name}`: one of {}", known.join(", ")));
        };
        if file.is_empty() {
            return Err(format!("no file behind `{name}:`; write `{name}:FILE` or `{name}:-`"));
        }
        Ok(ReportTarget { form, file: file.to_owned() })
    }
}

impl Report {
    /// The whole report as text in a form. The same report gives the same bytes.
    pub fn write(&self, form: ReportForm) -> String {
        match form {
            ReportForm::Json => json::write(self),
            ReportForm::Junit => junit::write(self),
            ReportForm::Sarif => sarif::write(self),
            ReportForm::Github => github::write(self),
            ReportForm::Markdown => markdown::write(self),
            ReportForm::Html => html::write(self),
        }
    }
}
