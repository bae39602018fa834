//! TLS: whom the store believes to be its server, and how it says itself who it is.

use super::refused::{accepted, refused, with};
use super::{Code, Shop};
use semel_core::failure::Failure;
use semel_servers::{for_tests, private};
use semel_store::postgres::Postgres;
use std::path::Path;

const HBA: &str = "local all all trust
host all semel 127.0.0.1/32 trust
hostssl all payer 127.0.0.1/32 cert
hostssl all insider 127.0.0.1/32 trust
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_believed_by_its_certificate_and_a_client_by_its_own() {
    let Some(certificates) = for_tests::certificates("DNS:localhost", "payer") else { return };
    let Some(server) = private(&[]) else { return };
    let text = |name| certificates.text(name).unwrap();
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
        let roots = escaped(&certificates.path(roots));
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
        ["client.pem", "client.key"].map(|name| escaped(&certificates.path(name)));
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
