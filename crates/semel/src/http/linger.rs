//! A connection that is closed by the server without losing the answer, and that does not wait for
//! ever for a client that reads none.
//!
//! Who closes a socket while the other side still sends makes the kernel reset the connection, and
//! the reset may overtake the answer: the client of a body that is too large would see a broken
//! connection instead of 413. So the last thing done to a connection is to say that nothing more
//! will come, and then to read what still arrives, for a bounded time and amount.
//!
//! Who asks and never reads would keep a connection and an answer in memory. So a write that makes
//! no progress for a while is an error; any progress begins the time anew.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

const LONGEST: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A stream whose shutdown lingers.
pub(super) struct Lingering {
    stream: TcpStream,
    state: State,
    /// How long a write may make no progress.
    patience: Duration,
    /// Until when the write that waits has time.
    stalled: Option<Pin<Box<Sleep>>>,
}

enum State {
    Open,
    /// Nothing more is written; so many bytes have been read away since.
    Lingers {
        until: Pin<Box<Sleep>>,
        bytes: usize,
    },
    Closed,
}

impl Lingering {
    pub(super) fn new(stream: TcpStream, patience: Duration) -> Lingering {
        Lingering { stream, state: State::Open, patience, stalled: None }
    }

    /// What became of a write, as long as it has time.
    fn in_time(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let until = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready once the other side is done, or enough was waited for.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Lingers { until, bytes } = &mut self.state else { return Poll::Ready(()) };
        let mut scratch = [0; 8 * 1024];
        while until.as_mut().poll(cx).is_pending() && *bytes < MOST_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            // An end and an error are the same here: nobody sends any more.
            let ended = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)).is_err();
            if ended || buffer.filled().is_empty() {
                break;
            }
            *bytes += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Open) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.state = State::Lingers { until: Box::pin(sleep(LONGEST)), bytes: 0 };
        }
        ready!(self.poll_linger(cx));
        self.state = State::Closed;
        Poll::Ready(Ok(()))
    }
}
