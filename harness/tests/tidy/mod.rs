//! The rules of the tidy test, one file per subject, and the runner over all of them.
//!
//! A rule is a function from the files of the tree to findings. It reads no file itself, so that
//! its own test can plant a violation in a string. Exceptions are constants beside their rule,
//! each with its reason; there is no way to switch a rule off from the file it complains about.

mod corridor;
mod finding;
mod fuzz;
mod heads;
mod layout;
mod manifest;
mod mask;
mod readme;
mod rim;
mod rim_table;
mod run;
mod scripts;
mod size;
mod source;
mod text;
mod toml_text;
mod walk;
mod words;
mod workplace;
