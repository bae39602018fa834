//! TLS: whom the store believes to be its server, and how it says itself who it is.

use super::refused::{accepted, refused, with};
use super::{Code, Shop, skipped};
use semel_core::failure::Failure;
use semel_servers::private;
use semel_store::postgres::Postgres;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Two authorities; by the first a certificate for `localhost`, and one of the role `payer`.
const MAKE: &str = "
set -e
new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
for ca in ca other; do
    openssl req -x509 $new -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca
done
echo 'subjectAltName = DNS:localhost' > server.ext
echo 'basicConstraints = CA:FALSE' > payer.ext
for name in server payer; do
    openssl req $new -keyout $name.key -out $name.csr -subj /CN=$name
    openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \\
        -extfile $name.ext -out $name.pem
done";

const HBA: &str = "local all all trust
host all semel 127.0.0.1/32 trust
hostssl all payer 127.0.0.1/32 cert
hostssl all insider 127.0.0.1/32 trust
";

fn certificates() -> Option<TempDir> {
    let place = tempfile::tempdir().unwrap();
    let mut make = Command::new("sh");
    make.args(["-c", MAKE]).current_dir(place.path()).stdout(Stdio::null()).stderr(Stdio::null());
    if make.status().is_ok_and(|made| made.success()) {
        return Some(place);
    }
    skipped("`openssl` could make no certificates");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_believed_by_its_certificate_and_a_client_by_its_own() {
    let (Some(certificates), Some(server)) = (certificates(), private(&[])) else { return };
    let text = |name| std::fs::read_to_string(certificates.path().join(name)).unwrap();
    for (theirs, ours) in
        [("server.crt", "server.pem"), ("server.key", "server.key"), ("ca.crt", "ca.pem")]
    {
        server.write(theirs, &text(ours)).unwrap();
    }
    server.write("pg_hba.conf", HBA).unwrap();
    let shop = Shop::on(&server.url("postgres")).await;
    shop.by_hand("CREATE ROLE payer LOGIN SUPERUSER; CREATE ROLE insider LOGIN SUPERUSER").await;
    shop.by_hand("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'").await;
    shop.by_hand("ALTER SYSTEM SET ssl = on").await;
    server.reload().unwrap();
    let name = shop.url.rsplit_once('/').unwrap().1;
    let by = |user, host: &str, roots, more: &str| {
        let url = with(&shop.url, user, name).replacen("127.0.0.1", host, 1);
        let roots = escaped(&certificates.path().join(roots));
        format!("{url}?sslmode=verify-full&sslrootcert={roots}{more}")
    };
    accepted(&by("insider", "localhost", "ca.pem", "")).await;
    const ENCRYPTED: &str = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'semel' AND usename = 'insider' AND NOT ssl";
    assert_eq!(shop.shell.query_one(ENCRYPTED, &[]).await.unwrap().get::<_, i64>(0), 0);

    // Another name than the certificate's, and an authority that did not sign it.
    for url in
        [by("insider", "127.0.0.1", "ca.pem", ""), by("insider", "localhost", "other.pem", "")]
    {
        let refused = Postgres::open(&url).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
        assert!(matches!(refused, Failure::Retryable(_) | Failure::Permanent(_)));
    }
    let [certificate, key] =
        ["payer.pem", "payer.key"].map(|name| escaped(&certificates.path().join(name)));
    let proof = format!("&sslcert={certificate}&sslkey={key}");
    accepted(&by("payer", "localhost", "ca.pem", &proof)).await;
    let stop = refused(&by("payer", "localhost", "ca.pem", "")).await;
    assert_eq!(stop.code, Code::StoreRefused, "{stop}");
    // In clear, where the server wants it encrypted.
    let stop = refused(&with(&shop.url, "insider", name)).await;
    assert_eq!(stop.code, Code::StoreRefused, "{stop}");
}

fn escaped(path: &Path) -> String {
    path.display().to_string().replace('/', "%2F")
}
