//! What the programs `srt` and `srt-inspect` do alike.
//!
//! | module | job |
//! |---|---|
//! | `destination` | where an output may go: never over an input, decided before the work |
//! | `output` | an output on its way there |
//! | `lock` | one writer at a time for a file that is rewritten |
//! | `signals` | nothing temporary is left when the system ends the program |
//! | `bytes` | files, pipes and devices as bytes |
//! | `command_line` | arguments, or the exit code of help and mistakes |
//! | `print`, `text` | all that is said, and how names of others are shown |

mod bytes;
mod command_line;
mod destination;
mod lock;
mod output;
mod print;
mod signals;
mod text;

pub use bytes::{load_file, read_file};
pub use command_line::parse;
pub use destination::Destination;
pub use lock::{Contention, Lock};
pub use output::{OutputFile, is_reader_gone, within_input};
pub use print::{note, print_json, print_line, print_text, report_error, say, warning};
pub use signals::handle_signals;
pub use text::{hex, printable, printable_lines};
