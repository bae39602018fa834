//! A broker that lets nobody do anything unasked: what the doctor says is missing is enough.

use super::broker::{Broker, block_on, record};
use super::ingest::{POINTERS, ingest, order};
use super::payers::{everything, judged};
use super::service::{Kind, Service, wait, wait_for};
use krafka::Kafka;
use krafka::admin::{
    AclBinding, AclOperation, AclPatternType, AclPermissionType, AclResourceType, CreateAclsOptions,
};
use semel_servers::private_kafka;

const PASSWORDS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                         user_semel=\"secret\";";
/// What nobody can look at without disturbing who uses it.
const NAME: &str = "semel-publish-events-main";

#[test]
fn what_the_doctor_says_is_missing_is_enough() {
    let settings = [
        (
            "listeners",
            "PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{port2},\
             CONTROLLER://127.0.0.1:{controller}",
        ),
        ("sasl.enabled.mechanisms", "PLAIN"),
        ("listener.name.sasl_plaintext.plain.sasl.jaas.config", PASSWORDS),
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ];
    let Some(kafka) = private_kafka(&settings) else { return };
    let broker = Broker::at(&kafka.bootstrap());
    for topic in ["orders", "events", "rows"] {
        broker.create(topic, 2, &[]);
    }
    let config = format!(
        "wire = \"kafka://127.0.0.1:{}\"\n[kafka]\nsecurity.protocol = \"sasl_plaintext\"\n\
         sasl.mechanism = \"PLAIN\"\nsasl.username = \"semel\"\nsasl.password = \"secret\"\n\
         [publish]\ntopic = \"events\"\ntransactional = true\nanalytics_topic = \"rows\"\n{}",
        kafka.port(2),
        ingest("shop", "orders", POINTERS)
    );
    let Some(service) = Service::new(Kind::Sqlite, &config) else { return };
    let running = service.serve();
    wait_for("it says so", &vec!["wire_refused".to_owned()], || running.troubles());

    let missing = missing(&service);
    for right in ["Read --topic orders", "Read --group semel-shop", "Write --topic events"] {
        assert!(missing.iter().any(|said| said == right), "{right}: {missing:?}");
    }
    assert!(!missing.iter().any(|said| said == "Read --topic rows"), "{missing:?}");
    let name = ["Write", "Describe"].map(|word| format!("{word} --transactional-id {NAME}"));
    grant(&kafka.bootstrap(), missing.iter());
    wait("nothing more is missing", || match self::missing(&service) {
        none if none.is_empty() => Ok(()),
        more => Err(format!("{more:?}")),
    });
    broker.plain().send("orders", &[record(0, order(1, "1")), record(1, order(2, "1"))]);
    wait_for("all are taken", &[2, 2, 2, 0, 0, 0, 0], || running.counts("shop"));
    wait("the group is told", || match broker.committed("semel-shop", "orders", 2) {
        told if told == [Some(1), Some(1)] => Ok(()),
        told => Err(format!("{told:?}")),
    });

    let says = "grant Write and Describe on the transactional id";
    wait("publishing says what it lacks", || match service.said(0).contains(says) {
        true => Ok(()),
        false => Err(format!("{:?}", running.troubles())),
    });
    grant(&kafka.bootstrap(), name.iter());
    running.published("main");
    wait_for("it is ready", &Vec::new(), || running.troubles());
    let report = judged(&everything(&broker, &service, "events", Vec::new()));
    assert_eq!(report.ledgers[0].taken, 4);
}

/// What the doctor's commands grant that are to be run, from the operation on.
fn missing(service: &Service) -> Vec<String> {
    let said = service.place.run(&["doctor", "--json"]).stdout;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let findings = said["findings"].as_array().unwrap().iter();
    let details = findings.map(|finding| finding["detail"].as_str().unwrap());
    let rights = details.filter_map(|detail| detail.split_once("--operation "));
    rights.map(|(_, right)| right.to_owned()).collect()
}

/// Grant the user of Semel what is written as operation, kind and name.
fn grant<'a>(bootstrap: &str, rights: impl Iterator<Item = &'a String>) {
    let bindings = rights.map(|right| {
        let mut words = right.split(' ');
        let [operation, kind, name] = [(); 3].map(|()| words.next().unwrap());
        let operation = match operation {
            "Read" => AclOperation::Read,
            "Write" => AclOperation::Write,
            "Describe" => AclOperation::Describe,
            "DescribeConfigs" => AclOperation::DescribeConfigs,
            other => panic!("{other}"),
        };
        let kind = match kind {
            "--topic" => AclResourceType::Topic,
            "--group" => AclResourceType::Group,
            "--transactional-id" => AclResourceType::TransactionalId,
            other => panic!("{other}"),
        };
        // krafka's number for `Prefixed` is Kafka's for literal names.
        AclBinding::new(kind, name, "User:semel", "*", operation, AclPermissionType::Allow)
            .with_pattern_type(AclPatternType::Prefixed)
    });
    let bindings: Vec<_> = bindings.collect();
    block_on(async {
        let kafka = Kafka::builder(bootstrap).connect().await.unwrap();
        let granted = kafka.admin().create_acls(bindings, CreateAclsOptions::default()).await;
        granted.unwrap().into_iter().for_each(|(_, granted)| granted.unwrap());
    });
}
