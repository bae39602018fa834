//! An HTTP client of one connection, as plain as can be: it fails when anything fails.
//!
//! Deliberately absent: retries. Whether something may be sent again is for its caller to know.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server.
pub struct Client {
    requests: SendRequest<Full<Bytes>>,
    host: String,
}

/// An answer, whole.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer. What was sent may have happened.
type Error = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// Connect to `address`.
    ///
    /// # Errors
    /// What the system says.
    pub async fn connect(address: SocketAddr) -> Result<Client, Error> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // Its error reaches whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Client { requests, host: address.to_string() })
    }

    /// Ask for `path`.
    ///
    /// # Errors
    /// Whatever comes between this and the end of the answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Error> {
        let request = Request::builder().method(Method::GET).uri(path);
        self.send(request.header("host", &self.host).body(Full::default())?).await
    }

    /// Post the JSON document `body` to `path`, under an idempotency key if there is one.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(
        &mut self,
        path: &str,
        key: Option<&str>,
        body: String,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header("host", &self.host).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Full::from(body))?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let answer = async {
            self.requests.ready().await?;
            let answer = self.requests.send_request(request).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        timeout(PATIENCE, answer).await?
    }
}
