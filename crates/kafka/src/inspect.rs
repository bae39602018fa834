//! What people want to know of a cluster and its topics before they rely on them.

use crate::classify::{classify, of_code};
use crate::client::{Admin, Consumer, Listener};
use crate::cluster::Cluster;
use crate::native::describe;
use crate::stream::PATIENCE;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use semel_core::failure::Failure;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The settings of a topic that matter here.
const SETTINGS: [&str; 5] = [
    "cleanup.policy",
    "min.insync.replicas",
    "retention.ms",
    "max.message.bytes",
    "unclean.leader.election.enable",
];

/// How long a client may take to say what the broker speaks.
const HEAR: Duration = Duration::from_millis(300);

/// A topic as it is.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// As the broker prints it.
    pub id: String,
    /// How many it has.
    pub partitions: u32,
    /// On how many brokers the partition with the fewest is kept.
    pub replicas: u32,
    /// Those that matter, as Kafka names them.
    pub settings: BTreeMap<&'static str, String>,
    /// What the user may do to it.
    pub rights: Vec<Right>,
}

/// What a user may do to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// `READ`
    Read = 3,
    /// `WRITE`
    Write = 4,
    /// `DESCRIBE`
    Describe = 8,
    /// `DESCRIBE_CONFIGS`
    DescribeConfigs = 10,
}

impl Right {
    /// All that Semel ever needs.
    pub const ALL: [Right; 4] =
        [Right::Read, Right::Write, Right::Describe, Right::DescribeConfigs];

    /// As Kafka's `kafka-acls.sh` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Right::Read => "Read",
            Right::Write => "Write",
            Right::Describe => "Describe",
            Right::DescribeConfigs => "DescribeConfigs",
        }
    }
}

impl Cluster {
    /// Look at a topic. Settings that may not be seen are left out.
    ///
    /// # Errors
    /// `Retryable` while the brokers are away or there is no such topic; `WireRefused`.
    pub async fn inspect(&self, topic: &str) -> Result<Inspected, Failure> {
        let described = describe(self.admin(), topic, true, PATIENCE).await;
        let described = described.map_err(|code| of_code(&format!("topic {topic}"), code))?;
        let may = |right: &Right| described.rights.contains(&(*right as u32));
        let rights: Vec<Right> = Right::ALL.into_iter().filter(may).collect();
        let mut settings = BTreeMap::new();
        let told = configured(self.admin(), topic).await;
        for entry in told.into_iter().flat_map(|told| told.entries) {
            let name = SETTINGS.into_iter().find(|name| *name == entry.name);
            settings.extend(name.zip(entry.value));
        }
        Ok(Inspected {
            id: described.id.to_string(),
            partitions: described.partitions,
            replicas: described.replicas,
            settings,
            rights,
        })
    }

    /// Whether the user may tell the group named `group` how far `topic` is taken. Who may only
    /// look at it passes for one who may.
    ///
    /// # Errors
    /// `Retryable` while no broker answers; `WireRefused`.
    pub async fn may_tell(&self, group: &str, topic: &str) -> Result<bool, Failure> {
        let mut config = self.settings().reading();
        config.set("group.id", group);
        let mut first = TopicPartitionList::new();
        first.add_partition(topic, 0);
        let ask = move || {
            let client: Consumer = config.create_with_context(Listener::default())?;
            let Err(error) = client.committed_offsets(first, PATIENCE) else { return Ok(true) };
            // Who has no right waits in vain; why, is among the client's news.
            let mut news = std::iter::from_fn(|| client.poll(HEAR)?.err()).chain([error.clone()]);
            let refused = Some(RDKafkaErrorCode::GroupAuthorizationFailed);
            match news.any(|error| error.rdkafka_error_code() == refused) {
                true => Ok(false),
                false => Err(error),
            }
        };
        let asked = tokio::task::spawn_blocking(ask).await.expect("asking does not panic");
        asked.map_err(|error| classify(&format!("group {group}"), &error))
    }

    /// Whether a broker speaks as Kafka 4.0 and later do, which no longer take the oldest requests.
    ///
    /// # Errors
    /// `Retryable` while none answers; `WireRefused`.
    pub async fn is_recent(&self) -> Result<bool, Failure> {
        let mut config = self.settings().asking();
        config.set("debug", "feature").set_log_level(RDKafkaLogLevel::Debug);
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let listening = Hearing(heard.clone(), Listener::default());
        let asked = tokio::task::spawn_blocking(move || {
            let client: BaseConsumer<Hearing> = config.create_with_context(listening)?;
            client.fetch_metadata(Some("_"), PATIENCE)?;
            // What it has to say is taken out here, until it falls silent.
            let _nothing = client.poll(HEAR);
            Ok::<_, KafkaError>(())
        });
        let asked = asked.await.expect("asking does not panic");
        asked.map_err(|error| classify("the brokers", &error))?;
        let heard = heard.lock().expect("nobody panics while holding it");
        Ok(heard.iter().any(|line| line.contains("ApiKey Fetch (1) Versions 4..")))
    }
}

/// The settings of the topic named `topic`.
pub(crate) async fn configured(admin: &Admin, topic: &str) -> Result<ConfigResource, Failure> {
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let what = format!("the settings of topic {topic}");
    let topic = ResourceSpecifier::Topic(topic);
    let told = admin.describe_configs([&topic], &options).await;
    let told = told.map_err(|error| classify(&what, &error))?.pop();
    let told = told.ok_or_else(|| Failure::Retryable(format!("{what}: none were told")))?;
    told.map_err(|code| of_code(&what, code))
}

/// Keeps what a client says of the broker's protocol.
struct Hearing(Arc<Mutex<Vec<String>>>, Listener);

impl ClientContext for Hearing {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match facility {
            "APIVERSION" => {
                self.0.lock().expect("nobody panics while holding it").push(message.to_owned());
            }
            _ if matches!(level, RDKafkaLogLevel::Debug) => {}
            _ => self.1.log(level, facility, message),
        }
    }
}

impl ConsumerContext for Hearing {}
