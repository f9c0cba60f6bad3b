//! Requests to answers.
//!
//! | path behind the token | gives |
//! |---|---|
//! | nothing, or a name of the page's files | that file |
//! | `api/files` | all files, their fields and frames |
//! | `api/frame?file=F&frame=N` | levels, bound, octree of a frame |
//! | `api/values?file=F&frame=N&level=L[&box=Z,Y,X,NZ,NY,NX][&what=error]` | numbers, little endian, of the type in the header `x-srt-type` |

use srt::Result;

use crate::describe::{self, FrameDetails};
use crate::page;
use crate::query::Query;
use crate::reply::Reply;
use crate::values::{Request, numbers};
use crate::viewer::Viewer;

/// The answer to a request for `path`, which has no token any more.
pub(crate) fn reply(viewer: &Viewer, path: &str, query: &str) -> Reply {
    let query = Query(query);
    let answer = match path {
        "api/files" => Ok(Reply::json(&describe::files(viewer))),
        "api/frame" => frame(viewer, query),
        "api/values" => values(viewer, query),
        name => {
            return page::find(name).map_or_else(
                || Reply::complaint(404, "there is no such page"),
                |(kind, text)| Reply::file(kind, text),
            );
        }
    };
    answer.unwrap_or_else(Reply::from)
}

fn frame(viewer: &Viewer, query: Query<'_>) -> Result<Reply> {
    let frame = viewer.frame(query.place()?)?;
    Ok(Reply::json(&FrameDetails::new(frame)?))
}

fn values(viewer: &Viewer, query: Query<'_>) -> Result<Reply> {
    let request = Request {
        place: query.place()?,
        level: query.level()?,
        region: query.region()?,
        quantity: query.quantity()?,
    };
    let numbers = numbers(viewer, request)?;
    Ok(Reply::numbers(numbers.dtype(), numbers.to_bytes()))
}
