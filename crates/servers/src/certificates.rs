//! Certificates for tests of TLS, made by `openssl`: an authority, a server's, a client's, and an
//! authority that nobody has reason to believe.
//!
//! All of it is text (PEM), the keys in PKCS #8 and on the curve P-256, and lasts two days.

use crate::place::{self, cannot};
use crate::process::finish;
use crate::user::User;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The certificates, in a directory that goes away with this value.
///
/// There are `ca.pem`, and signed by it `server.pem` and `client.pem`; `other.pem` has signed
/// nothing. Beside each lies its key, `server.key` for the server's.
#[derive(Debug)]
pub struct Certificates {
    directory: PathBuf,
}

/// `$1` is what the server is called, `$2` the client's name.
const MAKE: &str = "
set -e
new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
for ca in ca other; do
    openssl req -x509 $new -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca
done
echo \"subjectAltName = $1\" > server.ext
echo 'basicConstraints = CA:FALSE' > client.ext
for name in server client; do
    case $name in server) subject=server ;; *) subject=$2 ;; esac
    openssl req $new -keyout $name.key -out $name.csr -subj \"/CN=$subject\"
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \\
        -extfile $name.ext -out $name.pem
done";

impl Certificates {
    /// Makes them for a server with the names `server`, as in `DNS:localhost,IP:127.0.0.1`, and
    /// for a client with the name `client`.
    ///
    /// # Errors
    /// What `openssl` says.
    pub fn make(server: &str, client: &str) -> Result<Certificates, String> {
        let directory = place::temporary(&User::of_servers()?)?;
        let certificates = Certificates { directory };
        let mut make = Command::new("sh");
        make.args(["-c", MAKE, "sh", server, client]).stdin(Stdio::null());
        make.current_dir(&certificates.directory);
        finish("openssl", make).map(|()| certificates)
    }

    /// Where one of the files lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What one of the files holds.
    ///
    /// # Errors
    /// There is no such file.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))
    }

    /// The settings of a Kafka that shows the server's, and believes what the authority has signed.
    ///
    /// # Errors
    /// As [`Certificates::text`].
    pub fn of_kafka(&self) -> Result<[(&'static str, String); 5], String> {
        Ok([
            ("ssl.keystore.type", "PEM".into()),
            ("ssl.keystore.certificate.chain", self.text("server.pem")?),
            ("ssl.keystore.key", self.text("server.key")?),
            ("ssl.truststore.type", "PEM".into()),
            ("ssl.truststore.certificates", self.text("ca.pem")?),
        ])
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // What stays behind is in the system's temporary directory, and of no use to anybody.
        let _left_over = fs::remove_dir_all(&self.directory);
    }
}
