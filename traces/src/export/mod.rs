//! Exporters: traces in the forms of other tools.
//!
//! Each writes one form and says in its documentation what the form cannot hold. JSONL and CSV are
//! lossless (`fuserig import` reads them back); Chrome trace JSON is for looking (Perfetto opens
//! it); pcapng is for Wireshark, with the dissector that [`lua_dissector`] prints; Parquet (feature
//! `parquet`) is for corpora that outgrew one machine. The module refuses to open files: it takes
//! records and gives bytes.

mod chrome;
#[cfg(feature = "parquet")]
mod columns;
mod error;
mod lua;
mod pcapng;
mod table;

pub use chrome::write_chrome;
#[cfg(feature = "parquet")]
pub use columns::write_parquet;
pub use error::ExportError;
pub use lua::lua_dissector;
pub use pcapng::write_pcapng;
pub use table::{write_csv, write_jsonl};
