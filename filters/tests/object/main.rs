//! The loader over objects that clang made: golden listings, errors, damage.

mod common;
mod damage;
mod errors;
mod golden;
mod library;
mod vet;
