//! The disk is full, too small or read-only: a named stop, everything acknowledged is kept, and the
//! next start with the cause removed goes on.
//!
//! Full and read-only file systems need a mount of one's own. Where that is not permitted, the test
//! says so; the one with a limit on the size of files runs everywhere.

use common::child::{self, RUN, said};
use common::hand::{pay, proved};
use common::open;
use semel_core::problem::Code;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

/// What another process does, when this program is run as one.
#[tokio::test]
async fn in_a_child() {
    child::play().await;
}

/// What `role` says of the store at `path` when `script` runs it.
fn heard(role: &str, path: &Path, script: &str) -> Vec<String> {
    let output = child::command(role, path, Some(script)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_inclusive('\n').filter_map(said).map(String::from).collect()
}

/// Run `mount` and what follows it in a namespace of its own.
fn in_namespace(script: &str) -> String {
    format!("exec unshare -rm sh -ec '{script}' \"$0\"")
}

fn may_mount() -> bool {
    let script = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-rm", "sh", "-ec", script]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        // Past the test harness, which shows nothing of a test that passes.
        let told = b"SKIPPED: a test of the disk, for nobody may mount a file system here\n";
        std::io::stderr().write_all(told).unwrap();
    }
    may
}

fn paid(heard: &[String]) -> BTreeSet<String> {
    heard.iter().filter_map(|line| line.strip_prefix("paid ")).map(String::from).collect()
}

fn stopped(heard: &[String]) -> Vec<&str> {
    let stops = heard.iter().filter_map(|line| line.strip_prefix("stop "));
    stops.map(|stop| stop.split(' ').next().unwrap()).collect()
}

#[test]
fn a_full_disk_stops_by_name_and_goes_on_when_there_is_room() {
    if !may_mount() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("semel.db");
    // Filled to the brim, opened while full, given room, then filled once more: what the second
    // finds of the first it says by going on behind it.
    let script = in_namespace(&format!(
        "cd / && mount -t tmpfs -o size=1200k none {dir} && {RUN}; {RUN};
         mount -o remount,size=2400k {dir}; {RUN}; mount -o remount,size=8m {dir};
         SEMEL_TEST_CHILD=tell {RUN}",
        dir = dir.path().display(),
    ));
    let heard = heard("fill", &path, &script);
    let stops = stopped(&heard);
    assert_eq!(stops, [Code::StoreFull.name(); 3], "{heard:#?}");
    let told: BTreeSet<String> =
        heard.iter().filter_map(|line| line.strip_prefix("has ")).map(String::from).collect();
    let paid = paid(&heard);
    assert!(paid.len() > 100, "{} payments filled the disk", paid.len());
    assert_eq!(told, paid);
}

#[test]
fn a_full_disk_from_the_start_leaves_nothing_half_made() {
    if !may_mount() {
        return;
    }
    // At each size the making of a store ends at another point.
    for kibibytes in (0..=160).step_by(8) {
        let dir = tempfile::tempdir().unwrap();
        let script = in_namespace(&format!(
            "cd / && mount -t tmpfs -o size=4m none {dir} &&
             head -c $((4096 - {kibibytes}))k /dev/zero > {dir}/ballast; {RUN};
             rm {dir}/ballast; {RUN}",
            dir = dir.path().display(),
        ));
        let heard = heard("open", &dir.path().join("semel.db"), &script);
        let named = [Code::StoreFull.name(), Code::DataUnusable.name()];
        match &heard[..] {
            [stop, opened, done] => {
                let code = stop.strip_prefix("stop ").and_then(|stop| stop.split(' ').next());
                assert!(named.contains(&code.unwrap_or("none")), "{kibibytes} KiB: {heard:#?}");
                assert_eq!([opened, done], ["opened", "done"], "{kibibytes} KiB");
            }
            all => assert_eq!(all, ["opened", "done", "opened", "done"], "{kibibytes} KiB"),
        }
    }
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_a_named_stop() {
    // In blocks of 512 bytes or of 1 KiB, as the shell has it: both are soon reached. The signal
    // would end the process before the store can say why.
    for blocks in [300, 500, 1_000] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("semel.db");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {RUN}");
        let heard = heard("fill", &path, &script);
        let stops = stopped(&heard);
        assert_eq!(stops, [Code::StoreIo.name()], "{heard:#?}");
        let acknowledged = paid(&heard);
        assert!(!acknowledged.is_empty());
        let store = open(&path).unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let events = proved(store.reader(), ledger);
        let there: BTreeSet<String> =
            events.iter().filter_map(|event| event.key.as_deref()).map(String::from).collect();
        // What was told to be unknown may be there or not; nothing else may be.
        let unknown = heard.iter().filter_map(|line| line.strip_prefix("unknown "));
        let unknown: BTreeSet<String> = unknown.map(String::from).collect();
        assert_eq!(unknown.len(), 1, "the log could not grow in a commit");
        assert!(there.is_superset(&acknowledged), "an acknowledged payment is lost");
        assert!(there.difference(&acknowledged).all(|key| unknown.contains(key)));
        assert!(!pay(&store, ledger, "there is room again").await.unwrap().1);
    }
}

#[test]
fn what_may_not_be_written_is_a_named_stop() {
    if !may_mount() {
        return;
    }
    for (read_only, codes) in [
        // The directory: there is no lock to be had. The file alone: SQLite meets it.
        ("", [Code::DataUnusable.name(), Code::StoreReadOnly.name()]),
        ("semel.db", [Code::StoreReadOnly.name(), Code::StoreReadOnly.name()]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let script = in_namespace(&format!(
            "cd / && mount -t tmpfs -o size=16m none {dir} && {RUN};
             mount --bind {it} {it} && mount -o remount,ro,bind {it};
             {RUN}; umount {it}; {RUN}",
            dir = dir.path().display(),
            it = dir.path().join(read_only).display(),
        ));
        let heard = heard("open", &dir.path().join("semel.db"), &script);
        let [first, done, stop, last, again] = &heard[..] else { panic!("{heard:#?}") };
        let code = stop.strip_prefix("stop ").and_then(|stop| stop.split(' ').next());
        assert!(codes.contains(&code.unwrap_or("none")), "{read_only}: {heard:#?}");
        assert_eq!([first, done, last, again], ["opened", "done", "opened", "done"]);
    }
}
