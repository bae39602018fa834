//! What an error of a broker or of its client means for whoever met it: the one place where errors
//! become failures.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// What it means that `what` failed with `error`; nothing was written.
pub fn classify(what: &str, error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(code) => of_code(what, code),
        None => Stop::new(Code::WireRefused, format!("{what}: {error}")).into(),
    }
}

/// What it means that `what` failed with the error numbered `code`; nothing was written.
pub fn of_code(what: &str, code: RDKafkaErrorCode) -> Failure {
    if is_passing(code) {
        return Failure::Retryable(format!("{what}: {code}"));
    }
    let remedy = remedy(code).map_or(String::new(), |remedy| format!("; {remedy}"));
    Stop::new(Code::WireRefused, format!("{what}: {code}{remedy}")).into()
}

/// Whether it passes by itself, or when somebody else has done something: brokers come back,
/// leaders are elected, topics are made.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        BrokerTransportFailure
            // A connection was given up while it was asked.
            | DestroyBroker
            | Outdated
            | AllBrokersDown
            | OperationTimedOut
            | MessageTimedOut
            | Resolve
            | TimedOutQueue
            | WaitingForCoordinator
            | WaitCache
            | InProgress
            | PreviousInProgress
            | UnknownTopic
            | UnknownPartition
            | LeaderNotAvailable
            | NotLeaderForPartition
            | RequestTimedOut
            | BrokerNotAvailable
            | ReplicaNotAvailable
            | StaleControllerEpoch
            | NetworkException
            | CoordinatorLoadInProgress
            | CoordinatorNotAvailable
            | NotCoordinator
            | NotEnoughReplicas
            | NotEnoughReplicasAfterAppend
            | NotController
            | KafkaStorageError
            | FetchSessionIdNotFound
            | InvalidFetchSessionEpoch
            | FencedLeaderEpoch
            | UnknownLeaderEpoch
            | OffsetNotAvailable
            | PreferredLeaderNotAvailable
            | ThrottlingQuotaExceeded
            | UnknownTopicOrPartition
            | UnknownTopicId
            | LogTruncation
            | Unknown
    )
}

/// What helps where it does not pass.
pub fn remedy(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode::*;
    match code {
        TopicAuthorizationFailed => Some("grant the rights that `semel doctor` lists"),
        GroupAuthorizationFailed => Some("grant Read on the group"),
        TransactionalIdAuthorizationFailed => {
            Some("grant Write and Describe on the transactional id")
        }
        ClusterAuthorizationFailed => Some("grant Create on the cluster or the topic"),
        SaslAuthenticationFailed | Authentication | UnsupportedSASLMechanism | IllegalSASLState => {
            Some("check `sasl.mechanism`, user and password or token under [kafka]")
        }
        InvalidTopic => Some("choose another name for the topic"),
        BadMessage | InvalidMessage => {
            Some("the record is damaged where the broker keeps it; restore the partition")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode::*;

    #[test]
    fn every_error_has_its_class() {
        let table = [
            // code                        stops  says
            (BrokerTransportFailure, false, "asking"),
            (AllBrokersDown, false, "asking"),
            (DestroyBroker, false, "asking"),
            (UnknownTopicOrPartition, false, "asking"),
            (NotLeaderForPartition, false, "asking"),
            (NotEnoughReplicas, false, "asking"),
            (TopicAuthorizationFailed, true, "semel doctor"),
            (Authentication, true, "sasl.mechanism"),
            (InvalidTopic, true, "another name"),
            (BadMessage, true, "damaged"),
            (UnsupportedVersion, true, "asking"),
        ];
        for (code, stops, says) in table {
            let failure = of_code("asking", code);
            assert_eq!(matches!(failure, Failure::Permanent(_)), stops, "{code}");
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }
}
