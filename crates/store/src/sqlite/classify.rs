//! What an error of SQLite means: one table, and the only place that reads its codes.
//!
//! Whatever is not in the table is `Permanent`: a store that cannot be understood is not written.

use rusqlite::{Error, ErrorCode, ffi};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// The class of an error anywhere but in a commit.
pub(super) fn classify(error: &Error) -> Failure {
    let Error::SqliteFailure(cause, text) = error else {
        return Stop::new(code_of_ours(error), error.to_string()).into();
    };
    let detail = text.clone().unwrap_or_else(|| cause.to_string());
    let code = match (cause.code, cause.extended_code) {
        // The third: a race for the write-ahead log's locks, lost too often.
        (
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
            _,
        ) => return Failure::Retryable(detail),
        // The second: no room for the shared memory of the write-ahead log.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Code::StoreFull,
        (ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
            Code::StoreReadOnly
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch, _) => {
            Code::StoreCorrupt
        }
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID
            | ffi::SQLITE_CONSTRAINT_UNIQUE,
        ) => Code::IdentityBroken,
        (ErrorCode::SystemIoFailure, _) => Code::StoreIo,
        _ => Code::StoreDefect,
    };
    Stop::new(code, detail).into()
}

/// The code of an error that SQLite did not answer but was found on this side of it.
fn code_of_ours(error: &Error) -> Code {
    match error {
        // A value that the schema's type or Semel's rules do not allow: not what Semel wrote.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => Code::StoreCorrupt,
        // A value that cannot be written, a row that should have been there, a column that was
        // never asked for: no file is damaged by those.
        _ => Code::StoreDefect,
    }
}

/// The class of an error that `COMMIT` answered.
///
/// A full disk is met before the commit's record is written, so nothing happened. When the disk
/// fails, that record may or may not have reached it; only the next start will tell.
pub(super) fn classify_commit(error: &Error) -> Failure {
    match classify(error) {
        Failure::Permanent(stop) if stop.code == Code::StoreIo => {
            Failure::Unknown(stop.to_string())
        }
        failure => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::row;
    use semel_core::id::SEQ_MAX;

    fn class(extended: i32) -> (&'static str, &'static str) {
        let failure = |classify: fn(&Error) -> Failure| {
            let error = Error::SqliteFailure(ffi::Error::new(extended), None);
            match classify(&error) {
                Failure::Retryable(_) => "retryable",
                Failure::Unknown(_) => "unknown",
                Failure::Fenced => "fenced",
                Failure::Permanent(stop) => stop.code.name(),
            }
        };
        (failure(classify), failure(classify_commit))
    }

    #[test]
    fn every_error_has_its_class_before_and_in_a_commit() {
        for (extended, before, in_commit) in [
            (ffi::SQLITE_BUSY, "retryable", "retryable"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "retryable", "retryable"),
            (ffi::SQLITE_LOCKED, "retryable", "retryable"),
            (ffi::SQLITE_PROTOCOL, "retryable", "retryable"),
            (ffi::SQLITE_IOERR_SHMSIZE, "store_full", "store_full"),
            (ffi::SQLITE_FULL, "store_full", "store_full"),
            (ffi::SQLITE_READONLY, "store_read_only", "store_read_only"),
            (ffi::SQLITE_CANTOPEN, "store_read_only", "store_read_only"),
            (ffi::SQLITE_PERM, "store_read_only", "store_read_only"),
            (ffi::SQLITE_CORRUPT, "store_corrupt", "store_corrupt"),
            (ffi::SQLITE_NOTADB, "store_corrupt", "store_corrupt"),
            (ffi::SQLITE_IOERR_WRITE, "store_io", "unknown"),
            (ffi::SQLITE_IOERR_FSYNC, "store_io", "unknown"),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, "identity_broken", "identity_broken"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "identity_broken", "identity_broken"),
            (ffi::SQLITE_CONSTRAINT_CHECK, "store_defect", "store_defect"),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, "store_defect", "store_defect"),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, "store_defect", "store_defect"),
            (ffi::SQLITE_MISUSE, "store_defect", "store_defect"),
            (ffi::SQLITE_NOMEM, "store_defect", "store_defect"),
        ] {
            assert_eq!(class(extended), (before, in_commit), "extended code {extended}");
        }
    }

    fn code(error: &Error) -> Code {
        match classify(error) {
            Failure::Permanent(stop) => stop.code,
            failure => panic!("{failure}"),
        }
    }

    #[test]
    fn a_value_of_another_type_is_damage() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        let read = |value: &str| {
            let ask = format!("SELECT {value}");
            let number = conn.query_row(&ask, [], |row| row.get::<_, u8>(0)).map(drop);
            let text = conn.query_row(&ask, [], |row| row::text(row, 0).map(drop));
            [number, text].map(|read| read.map_err(|error| code(&error)))
        };
        let damage = Err(Code::StoreCorrupt);
        assert_eq!(read("1"), [Ok(()), damage]);
        assert_eq!(read("'a'"), [damage, Ok(())]);
        assert_eq!(read("256"), [damage, damage]);
        assert_eq!(read("CAST(x'ff' AS TEXT)"), [damage, damage]);
        assert_eq!(read("NULL"), [damage, damage]);
    }

    #[test]
    fn what_is_wrong_on_our_side_is_no_damage() {
        let unwritable = row::pos(1, SEQ_MAX + 1).unwrap_err();
        let too_large = row::sql(u64::MAX).unwrap_err();
        let no_row = Error::QueryReturnedNoRows;
        let no_column = Error::InvalidColumnName("at".into());
        for error in [unwritable, too_large, no_row, no_column, Error::StatementChangedRows(2)] {
            assert_eq!(code(&error), Code::StoreDefect, "{error}");
        }
    }
}
