//! What clippy cannot see: imports, lengths, ASCII, strays, and that every gate is really run.
//!
//! One ordinary test named `tidy` reads the whole tree and reports every broken rule as
//! `file:line: rule: what is wrong; what to do`. It builds nothing and starts nothing, so it is
//! done in well under two seconds. The rules are in `tidy/`, one small function each, and each
//! has a test beside it that plants a violation and sees it caught: a rule that cannot fail is a
//! bug in the rule.
//!
//! A reader would get wrong that this is a style checker: most rules here keep the imports
//! pointing one way and keep outside crates at the rim, which is what the design stands on.

#[path = "tidy/mod.rs"]
mod rules;
