//! A disk that is full: steps fail and nothing has happened, until there is room again.

use super::load::{Book, knock_and_note};
use super::{Shop, session, store};
use semel_core::exactly_once::Failure;
use semel_servers::private;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A small file system; it goes away with the value.
struct Small(PathBuf);

impl Small {
    /// `None` where this user may not mount, which is said.
    fn mount(at: &Path, size: &str) -> Option<Small> {
        // The server's own directory stays its own.
        let owner = std::fs::metadata(at).unwrap();
        let (user, group) = (owner.uid(), owner.gid());
        let options = format!("size={size},uid={user},gid={group},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Small(at.to_owned()));
        }
        super::skipped("no small file system could be mounted; that takes root on Linux");
        None
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let grown = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // The server may have files open in it still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_nobody_for_longer_than_it_is_full() {
    let Some(server) = private(&[]) else { return };
    let place = server.directory("small").unwrap();
    let Some(small) = Small::mount(&place, "24m") else { return };
    let admin = session(&server.url("postgres")).await;
    let place = place.display();
    admin.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{place}'")).await.unwrap();
    let shop = Shop::on(&server.url("postgres")).await;
    let name = shop.url.rsplit_once('/').unwrap().1.to_owned();
    let Shop { url, ledger, shell } = shop;
    drop(shell);
    let moved = format!("ALTER DATABASE {name} SET TABLESPACE small");
    // Its last session ends when it ends.
    while admin.batch_execute(&moved).await.is_err() {
        super::load::pace().await;
    }
    let shop = Shop { shell: session(&url).await, url, ledger };
    let store = store(&shop.url).await;
    let book = Book::default();
    let keys = |step: u32| -> Vec<String> {
        (step * 2_000..(step + 1) * 2_000).map(|number| format!("key-{number}")).collect()
    };
    let mut step = 0;
    let full = loop {
        match knock_and_note(&store, ledger, &keys(step), 1, &book).await {
            Ok(_) => step += 1,
            Err(given_up) => break given_up,
        }
    };
    assert!(step > 2);
    // For as long as it is full, and by that name; what was refused is not there.
    for _ in 0..3 {
        let again = knock_and_note(&store, ledger, &keys(step), 1, &book).await.unwrap_err();
        assert!(matches!(&again.last, Failure::Retryable(why) if why.starts_with("53100")));
    }
    assert!(matches!(&full.last, Failure::Retryable(why) if why.starts_with("53100")), "{full:?}");
    let ask = "SELECT count(*) FROM event WHERE key IS NOT NULL";
    let keys_there: i64 = shop.shell.query_one(ask, &[]).await.unwrap().get(0);
    assert_eq!(keys_there, i64::from(step) * 2_000);
    assert_eq!(store.stopped(), None);
    small.grow("200m");
    for step in 0..step + 3 {
        knock_and_note(&store, ledger, &keys(step), 1, &book).await.unwrap();
    }
    assert_eq!(shop.keys().await.len(), (step as usize + 3) * 2_000);
}
