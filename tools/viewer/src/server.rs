//! The socket.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use srt::{Error, Result};

use crate::guard::Guard;
use crate::reply::Reply;
use crate::routes;
use crate::viewer::Viewer;

/// Requests that are worked on at once; others wait.
const AT_ONCE: usize = 8;
/// A client that has not said what it wants by then is let go.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The page loads nothing from elsewhere and is part of no other page.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A server on 127.0.0.1, which listens from the start.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    guard: Guard,
    viewer: Viewer,
}

impl Server {
    /// Listens on a port of this machine; 0 for one that is free.
    ///
    /// # Errors
    /// `Io` for a port that is taken.
    pub fn bind(viewer: Viewer, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = listener.map_err(|e| Error::from(e).within(format!("port {port}")))?;
        let guard = Guard::new(listener.local_addr()?.port())?;
        let shared = Arc::new(Shared { guard, viewer });
        Ok(Self { listener, shared })
    }

    /// Where the page is: who does not know this address gets no answer.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.guard.url()
    }

    /// Answers requests until the process ends.
    ///
    /// # Errors
    /// `Io` where the system gives no sockets.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(AT_ONCE)
            .build()?;
        runtime.block_on(self.accept())
    }

    async fn accept(self) -> Result<()> {
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, or a client that is gone already: others are not to suffer.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let shared = self.shared.clone();
            tokio::spawn(async move {
                let serve = service_fn(move |request| answer(shared.clone(), request));
                let mut connection = http1::Builder::new();
                connection.timer(TokioTimer::new());
                connection.header_read_timeout(HEADER_TIME);
                // A client that speaks no HTTP has been told so; one that went away needs no answer.
                let _ = connection
                    .serve_connection(TokioIo::new(stream), serve)
                    .await;
            });
        }
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let (head, _) = request.into_parts();
    let host = head.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_head = head.method == Method::HEAD;
    let reply = if !shared.guard.is_own_host(host) {
        Reply::complaint(403, "this server answers to its own address only")
    } else if shared.guard.open(head.uri.path()).is_none() {
        Reply::complaint(403, "open the address that srt view has printed")
    } else if head.method != Method::GET && !is_head {
        Reply::complaint(405, "GET and HEAD alone are known here")
    } else {
        let work = move || {
            let path = shared.guard.open(head.uri.path()).unwrap_or_default();
            routes::reply(&shared.viewer, path, head.uri.query().unwrap_or_default())
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Reply::complaint(500, "decoding ended early"))
    };
    Ok(response(reply))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    if let Ok(status) = hyper::StatusCode::from_u16(reply.status) {
        *response.status_mut() = status;
    }
    let fixed = [
        ("content-type", reply.content_type),
        ("cache-control", "no-store"),
        ("content-security-policy", POLICY),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    let numbers = reply.dtype.map(|dtype| ("x-srt-type", dtype));
    for (name, value) in fixed.into_iter().chain(numbers) {
        let value = header::HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
