//! What a store refuses to open, and why: each a named stop, nothing changed, and the next start
//! with the cause removed goes on.

use common::child::{self, Running};
use common::hand::{pay, proved, sql, stop};
use common::open;
use semel_core::problem::Code;
use semel_store::sqlite::Reader;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

/// What another process does, when this program is run as one.
#[tokio::test]
async fn in_a_child() {
    child::play().await;
}

/// A closed store with so many payments.
async fn filled(payments: usize) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("semel.db");
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    for number in 0..payments {
        pay(&store, ledger, &number.to_string()).await.unwrap();
    }
    store.close().await;
    (dir, path)
}

/// The store opens, has all that was acknowledged, and takes more.
async fn goes_on(path: &Path, payments: usize) {
    let store = open(path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    for number in 0..payments {
        assert!(pay(&store, ledger, &number.to_string()).await.unwrap().1, "{number} is there");
    }
    assert!(!pay(&store, ledger, "another").await.unwrap().1);
    proved(store.reader(), ledger);
}

fn refused(path: &Path) -> Code {
    let Err(stop) = open(path) else { panic!("{} was opened", path.display()) };
    assert!(stop.detail.contains(&*path.to_string_lossy()), "it names the file: {stop}");
    stop.code
}

#[tokio::test]
async fn a_second_process_is_refused_while_readers_work() {
    let (_dir, path) = filled(3).await;
    let mut owner = Running::start("hold", &path, 0);
    assert_eq!(owner.says().as_deref(), Some("opened"));
    assert_eq!(refused(&path), Code::StoreLocked);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(proved(&reader, 1).iter().filter(|event| event.key.is_some()).count(), 3);
    owner.kill();
    goes_on(&path, 3).await;
}

#[tokio::test]
async fn a_second_opening_in_one_process_is_refused_too() {
    let (dir, path) = filled(1).await;
    let first = open(&path).unwrap();
    assert_eq!(refused(&path), Code::StoreLocked);
    let alias = dir.path().join("alias.db");
    std::os::unix::fs::symlink(&path, &alias).unwrap();
    assert_eq!(refused(&alias), Code::StoreLocked);
    drop(first);
    // Dropping waits until the file is closed.
    open(&alias).unwrap().close().await;
    goes_on(&path, 1).await;
}

#[test]
fn a_file_of_somebody_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("database");
    sql(&database).execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").unwrap();
    let marked = dir.path().join("marked");
    sql(&marked).execute_batch("PRAGMA application_id = 7; CREATE TABLE theirs (a)").unwrap();
    let text = dir.path().join("text");
    fs::write(&text, "Dear diary,\n".repeat(1_000)).unwrap();
    let short = dir.path().join("short");
    fs::write(&short, "Dear diary").unwrap();
    for path in [database, marked, text, short] {
        let before = fs::read(&path).unwrap();
        assert_eq!(refused(&path), Code::StoreCorrupt, "{}", path.display());
        let Err(stop) = Reader::open(&path) else { panic!("{} was read", path.display()) };
        assert_eq!(stop.code, Code::StoreCorrupt, "{}", path.display());
        assert_eq!(fs::read(&path).unwrap(), before, "{}", path.display());
    }
}

#[tokio::test]
async fn a_new_file_is_ours_from_its_first_page_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("semel.db");
    // As a process leaves it that was killed before the schema was made.
    sql(&path).execute_batch("PRAGMA application_id = 1397050700").unwrap();
    goes_on(&path, 0).await;
}

#[tokio::test]
async fn a_newer_version_is_refused_until_it_is_gone() {
    const NEWER: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        SELECT 99, 'future', applied_on, checksum FROM refinery_schema_history";
    let (_dir, path) = filled(2).await;
    sql(&path).execute(NEWER, []).unwrap();
    assert_eq!(refused(&path), Code::StoreNewer);
    assert_eq!(Reader::open(&path).err().map(|stop| stop.code), Some(Code::StoreNewer));
    sql(&path).execute("DELETE FROM refinery_schema_history WHERE version = 99", []).unwrap();
    goes_on(&path, 2).await;
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    let (_dir, path) = filled(2).await;
    sql(&path).execute("UPDATE refinery_schema_history SET name = 'another'", []).unwrap();
    assert_eq!(refused(&path), Code::StoreCorrupt);
    sql(&path).execute("UPDATE refinery_schema_history SET name = 'ledgers'", []).unwrap();
    goes_on(&path, 2).await;
}

#[tokio::test]
async fn a_truncated_file_is_refused_until_it_is_whole() {
    let (_dir, path) = filled(300).await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(refused(&path), Code::StoreCorrupt);
    assert_eq!(fs::read(&path).unwrap().len(), whole.len() / 2);
    fs::write(&path, &whole).unwrap();
    goes_on(&path, 300).await;
}

#[tokio::test]
async fn a_page_of_garbage_is_a_stop_wherever_it_is_met() {
    let (_dir, path) = filled(300).await;
    let whole = fs::read(&path).unwrap();
    let mut stops = 0;
    for page in whole.chunks_exact(4_096).enumerate().map(|(page, _)| page * 4_096) {
        for garbage in [0x00, 0xAA] {
            let mut damaged = whole.clone();
            damaged[page..page + 4_096].fill(garbage);
            fs::write(&path, &damaged).unwrap();
            let met = used(&path).await;
            assert!([None, Some(Code::StoreCorrupt)].contains(&met), "page at {page}: {met:?}");
            stops += usize::from(met.is_some());
            // What a stopped process left beside the file belongs to the damaged one.
            let _ = fs::remove_file(path.with_extension("db-wal"));
            fs::write(&path, &whole).unwrap();
        }
    }
    // All but the pages that nothing was asked of: views' names, indexes of empty tables.
    assert!(stops > whole.len() / 4_096, "only {stops} stops");
    goes_on(&path, 300).await;
}

/// Use a store as a process does: the stop that it meets, or else everything is right.
async fn used(path: &Path) -> Option<Code> {
    let store = match open(path) {
        Ok(store) => store,
        Err(stop) => return Some(stop.code),
    };
    let used = async {
        let ledger = store.ledger("main").await?.no;
        for number in 0..300 {
            assert!(pay(&store, ledger, &number.to_string()).await?.1, "{number} is there");
        }
        pay(&store, ledger, "another").await
    };
    if let Err(failure) = used.await {
        let code = stop(Err::<(), _>(failure));
        assert_eq!(store.stopped().map(|stop| stop.code), Some(code));
        assert_eq!(stop(pay(&store, 1, "after the stop").await), code);
        return Some(code);
    }
    // Readers have a cache of their own and meet it by themselves.
    if let Err(failure) = store.reader().events(1, 0, usize::MAX) {
        return Some(stop(Err::<(), _>(failure)));
    }
    proved(store.reader(), 1);
    None
}

#[tokio::test]
async fn durability_is_asked_for_and_kept() {
    let (_dir, path) = filled(1).await;
    let mode: String = sql(&path).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let store = open(&path).unwrap();
    // Whoever made it something else: the next to open it makes it right again.
    drop(store);
    sql(&path).execute_batch("PRAGMA journal_mode = delete").unwrap();
    goes_on(&path, 1).await;
    let mode: String = sql(&path).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_place_that_is_no_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file.join("semel.db")), Code::DataUnusable);
    assert_eq!(refused(&dir.path().join("missing/semel.db")), Code::DataUnusable);
    let directory = dir.path().join("semel.db");
    fs::create_dir(&directory).unwrap();
    assert_eq!(refused(&directory), Code::StoreReadOnly);
    let Err(stop) = Reader::open(&file.join("semel.db")) else { panic!("it was read") };
    assert_eq!(stop.code, Code::DataUnusable);
}

#[tokio::test]
async fn a_moments_share_of_the_lock_is_waited_for() {
    let (_dir, path) = filled(1).await;
    let lock = fs::File::open(path.with_extension("db.lock")).unwrap();
    lock.lock_shared().unwrap();
    assert_eq!(refused(&path), Code::StoreLocked, "it is not waited for long");
    let holder = std::thread::spawn(move || {
        // Nobody sends: this only lets a moment pass.
        let (_nobody, moment) = std::sync::mpsc::channel::<()>();
        let _ = moment.recv_timeout(std::time::Duration::from_millis(20));
        drop(lock);
    });
    goes_on(&path, 1).await;
    holder.join().unwrap();
}

#[tokio::test]
async fn a_file_with_two_names_is_refused() {
    let (dir, path) = filled(1).await;
    let other = dir.path().join("other.db");
    fs::hard_link(&path, &other).unwrap();
    assert_eq!(refused(&path), Code::DataUnusable);
    assert_eq!(refused(&other), Code::DataUnusable);
    fs::remove_file(&other).unwrap();
    goes_on(&path, 1).await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_yet_has_one_lock() {
    let dir = TempDir::new().unwrap();
    let (path, link) = (dir.path().join("semel.db"), dir.path().join("link.db"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = open(&link).unwrap();
    assert_eq!(refused(&path), Code::StoreLocked);
    assert_eq!(refused(&link), Code::StoreLocked);
    store.close().await;
    goes_on(&path, 0).await;
}

#[tokio::test]
async fn reading_a_copy_changes_no_byte_of_it() {
    let (dir, path) = filled(3).await;
    let store = open(&path).unwrap();
    pay(&store, 1, "in the log").await.unwrap();
    // What a killed process leaves: the file, and beside it the log of what came last.
    let copy = dir.path().join("copy.db");
    let log = copy.with_extension("db-wal");
    fs::copy(&path, &copy).unwrap();
    fs::copy(path.with_extension("db-wal"), &log).unwrap();
    let before = (fs::read(&copy).unwrap(), fs::read(&log).unwrap());
    assert!(!before.1.is_empty());
    let reader = Reader::open(&copy).unwrap();
    assert_eq!(proved(&reader, 1).iter().filter(|event| event.key.is_some()).count(), 4);
    reader.audit().unwrap().ledgers().unwrap();
    drop(reader);
    assert!(before == (fs::read(&copy).unwrap(), fs::read(&log).unwrap()));
}
