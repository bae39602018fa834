//! A server's address, as people write it, and how it is spoken to: TLS with everything verified,
//! or in clear where nothing leaves the machine.
//!
//! A URL as libpq's (PostgreSQL 18, section 32.1.1.2), with several hosts if there are several.
//! Deliberately absent: `sslmode=prefer` and `allow`, which look safe and are not.

use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use semel_core::failure::Stop;
use semel_core::problem::Code;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting to one host may take.
const CONNECT_WAIT: Duration = Duration::from_secs(2);
/// How long what was sent may go unacknowledged before the connection counts as broken.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// After so much silence the other side is asked whether it is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// Where a database is.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    tls: Tls,
}

/// What a URL says besides what the library reads.
#[derive(Clone, Default)]
struct Tls {
    mode: Option<String>,
    roots: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Address {
    /// The address that `url` writes.
    ///
    /// # Errors
    /// `Configuration`, without a word of the URL: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Address, Stop> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut tls = Tls::default();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || decoded(value);
            match name {
                "sslmode" => tls.mode = Some(value()?),
                "sslrootcert" => tls.roots = Some(value()?),
                "sslcert" => tls.certificate = Some(value()?),
                "sslkey" => tls.key = Some(value()?),
                _ => rest.push(pair),
            }
        }
        let read = format!("{base}?{}", rest.join("&")).parse::<Config>();
        let mut config = read.map_err(|error| {
            let cause = std::error::Error::source(&error);
            misused(cause.map_or(error.to_string(), ToString::to_string))
        })?;
        // Sessions have settings. A pooler that lends connections for less than a session says that
        // it cannot keep this one.
        let options = format!("{} -c jit=off", config.get_options().unwrap_or_default());
        config
            .application_name("semel")
            .options(options)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            // So that a host that says nothing is not asked first for ever.
            .load_balance_hosts(LoadBalanceHosts::Random)
            .connect_timeout(CONNECT_WAIT)
            .tcp_user_timeout(SILENCE_MAX)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(5);
        if !config.get_hostaddrs().is_empty() {
            // Where it leads would not be seen by what decides about encryption.
            return Err(misused("hostaddr: write the address as the host".into()));
        }
        let mut address = Address { config, tls };
        let encrypted = address.is_encrypted()?;
        let mode = if encrypted { SslMode::Require } else { SslMode::Disable };
        address.config.ssl_mode(mode);
        Ok(address)
    }

    /// What makes connections; broken ones are noticed when they are taken from the pool.
    pub(super) fn manager(&self) -> Result<Manager, Stop> {
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let config = self.config.clone();
        Ok(match self.config.get_ssl_mode() {
            SslMode::Disable => Manager::from_config(config, NoTls, settings),
            _ => Manager::from_config(config, MakeRustlsConnect::new(self.tls()?), settings),
        })
    }

    /// Host, port and database, for people.
    pub(super) fn shown(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| {
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        let hosts: Vec<String> = hosts.collect();
        let user = self.config.get_user().unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or(user);
        format!("{}/{database}", hosts.join(","))
    }

    /// Whether what is sent is encrypted: always where it leaves this machine, unless that is
    /// refused in so many words.
    fn is_encrypted(&self) -> Result<bool, Stop> {
        match self.tls.mode.as_deref() {
            Some("disable") => Ok(false),
            // Stricter than libpq, which for two of these takes any certificate.
            Some("require" | "verify-ca" | "verify-full") => Ok(true),
            Some(_) => Err(misused("sslmode: write verify-full or disable".into())),
            None => Ok(self.config.get_hosts().iter().any(|host| match host {
                Host::Tcp(name) => !["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
                Host::Unix(_) => false,
            })),
        }
    }

    fn tls(&self) -> Result<ClientConfig, Stop> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| misused(format!("TLS: {error}")))?
            .with_root_certificates(self.roots()?);
        let Tls { certificate, key, .. } = &self.tls;
        match (certificate, key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| misused(format!("sslkey: {key}: {error}")))?;
                let built = builder.with_client_auth_cert(chain, key);
                built.map_err(|error| misused(format!("sslcert, sslkey: {error}")))
            }
            _ => Err(misused("sslcert and sslkey: name both or none".into())),
        }
    }

    /// Whose signatures are believed: those in `sslrootcert`, else the system's.
    fn roots(&self) -> Result<RootCertStore, Stop> {
        let mut roots = RootCertStore::empty();
        let found = match self.tls.roots.as_deref() {
            None | Some("system") => rustls_native_certs::load_native_certs().certs,
            Some(path) => certificates("sslrootcert", path)?,
        };
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            let none = "sslrootcert: the system has no certificates; name a file of them";
            return Err(misused(none.into()));
        }
        Ok(roots)
    }
}

fn certificates(name: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, Stop> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| misused(format!("{name}: {path}: {error}")))
}

/// A value of a URL's query, its escapes resolved (RFC 3986, section 2.1).
fn decoded(value: &str) -> Result<String, Stop> {
    let escape = |bytes: &[u8]| {
        let digits = std::str::from_utf8(bytes.get(1..3)?).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some(first) = rest.first() {
        let (byte, length) = match escape(rest).filter(|_| *first == b'%') {
            Some(byte) => (byte, 3),
            None => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8(bytes).map_err(|_| misused("a value of the URL is no text".into()))
}

fn misused(detail: String) -> Stop {
    Stop::new(Code::Configuration, format!("store: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        for (url, encrypted) in [
            ("postgres://me@localhost/semel", Ok(false)),
            ("postgres://me@127.0.0.1:5433/semel", Ok(false)),
            ("postgres://me@%2Fvar%2Frun/semel", Ok(false)),
            ("postgres:///semel?host=/var/run&user=me", Ok(false)),
            ("postgres://me:secret@db.example/semel", Ok(true)),
            ("postgres://me@localhost,db.example/semel", Ok(true)),
            ("postgresql://me@localhost/semel?sslmode=verify-full", Ok(true)),
            ("postgres://me@db.example/semel?sslmode=require", Ok(true)),
            ("postgres://me@db.example/semel?sslmode=disable", Ok(false)),
            ("postgres://me@db.example/semel?sslmode=prefer", Err("sslmode")),
            ("postgres://me@db.example/semel?sslmod=require", Err("sslmod")),
            ("postgres://me:secret@localhost/semel?hostaddr=10.0.0.5", Err("hostaddr")),
            ("postgres:///semel?hostaddr=10.0.0.5&user=me", Err("hostaddr")),
        ] {
            let parsed = Address::parse(url).map(|address| address.config.get_ssl_mode());
            match (parsed, encrypted) {
                (Ok(mode), Ok(encrypted)) => assert_eq!(mode != SslMode::Disable, encrypted),
                (Err(stop), Err(field)) => {
                    assert_eq!(stop.code, Code::Configuration);
                    assert!(stop.detail.contains(field), "{url}: {stop}");
                    assert!(!stop.detail.contains("secret"), "{url}: {stop}");
                }
                (parsed, _) => panic!("{url}: {parsed:?}"),
            }
        }
    }

    #[test]
    fn people_see_no_password() {
        let url = "postgres://me:secret@one:1,two:2/semel?sslmode=disable";
        assert_eq!(Address::parse(url).unwrap().shown(), "one:1,two:2/semel");
    }

    #[test]
    fn a_certificate_that_is_not_there_is_named() {
        let url = "postgres://me@db.example/semel?sslrootcert=%2Fnowhere%2Fca.pem";
        let refused = Address::parse(url).unwrap().manager().err().unwrap();
        assert!(refused.detail.contains("sslrootcert: /nowhere/ca.pem"), "{refused}");
    }
}
