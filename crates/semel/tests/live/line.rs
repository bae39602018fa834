//! What lies between a process and its database, and can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A listener before a server; it ends with its process.
pub struct Line {
    port: u16,
    /// The connections, as long as it is whole.
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Line {
    /// To the server on `port`.
    pub fn to(port: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Line {
            port: listener.local_addr().unwrap().port(),
            open: Arc::new(Mutex::new(Some(Vec::new()))),
        };
        let open = line.open.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let mut open = open.lock().unwrap();
                // A connection that is not kept is closed.
                let Some(open) = &mut *open else { continue };
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || carry(from, to));
                }
                open.extend([near, far]);
            }
        });
        line
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cut what is open, and what will be.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().take().unwrap_or_default() {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }

    /// Let connections through again.
    pub fn mend(&self) {
        *self.open.lock().unwrap() = Some(Vec::new());
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 1 << 14];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
