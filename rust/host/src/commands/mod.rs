//! What mtdb does, one command a file.

mod compact;
mod export;
mod import;
mod info;
mod query;
mod verify;

pub use compact::compact;
pub use export::export;
pub use import::import;
pub use info::info;
pub use query::query;
pub use verify::verify;
