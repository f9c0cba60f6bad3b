//! What `srt view` shows: a page for a browser, and the server on this machine that decodes for it.
//!
//! | module | job |
//! |---|---|
//! | `viewer` | the files that are shown, and what is asked of them |
//! | `describe` | files and frames as JSON |
//! | `values` | boxes of levels as numbers: decoded, or their errors beside the original |
//! | `cache` | decoded boxes, of bounded memory, each decoded once however many ask |
//! | `place` | frames and boxes by numbers |
//! | `query` | what a request asks for |
//! | `guard` | whose requests are answered |
//! | `page` | the page's own files, which are part of the program |
//! | `routes`, `reply` | requests to answers |
//! | `server` | the socket |

mod cache;
mod describe;
mod guard;
mod page;
mod place;
mod query;
mod reply;
mod routes;
mod server;
mod values;
mod viewer;

pub use server::Server;
pub use viewer::{ShownFile, Viewer};
