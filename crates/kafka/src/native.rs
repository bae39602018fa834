//! The calls of librdkafka that its Rust wrapper lacks: to read one partition into a queue of its
//! own, record by record with the leader's epoch, and to ask for a topic's id.
//!
//! The one file of the project with `unsafe` in it. Each block rests on the documentation of
//! `rdkafka.h`: its objects may be used from any thread, and what a value here points to lives
//! until that value is dropped.
//! Deliberately absent: every decision. What records mean stands in `stream`.
#![expect(unsafe_code, reason = "librdkafka is a C library")]

use crate::client::{Admin, Consumer};
use rdkafka::ClientContext as _;
use rdkafka::bindings::*;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use semel_core::Text;
use semel_core::dead_letter::Raw;
use semel_core::wire::Record;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How many records are taken from a queue with one call.
const CHUNK: usize = 512;

/// What comes out of a partition.
#[derive(Debug)]
pub enum Pulled {
    /// A record, and the epoch of the leader that wrote it.
    Record(Record, i32),
    /// Readers see nothing from this offset on, yet.
    End(u64),
    /// It cannot be read on.
    Failed(RDKafkaErrorCode, String),
}

/// What a broker says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// As the broker prints it.
    pub id: Text,
    /// At least one.
    pub partitions: u32,
    /// On how many brokers the partition with the fewest is kept.
    pub replicas: u32,
    /// What this user may do to it, by `AclOperation`'s numbers; empty unless it was asked.
    pub rights: Vec<u32>,
}

/// A queue that says when something is in it.
struct Queue {
    queue: NonNull<rd_kafka_queue_t>,
    ready: Arc<Notify>,
}

// SAFETY: librdkafka's queues are locked inside.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// # Safety
    /// `client` must outlive the queue.
    unsafe fn new(client: *mut rd_kafka_t) -> Queue {
        // SAFETY: the client is there; the notifier lives as long as the callback is set.
        unsafe {
            let queue = NonNull::new(rd_kafka_queue_new(client)).expect("librdkafka has memory");
            let ready = Arc::new(Notify::new());
            let told = Arc::as_ptr(&ready).cast_mut().cast();
            rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(wake), told);
            Queue { queue, ready }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the callback is taken away under the queue's lock, before the notifier goes.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

unsafe extern "C" fn wake(_: *mut rd_kafka_t, ready: *mut c_void) {
    // SAFETY: it is the notifier that `Queue::new` gave, which the queue keeps.
    unsafe { &*ready.cast::<Notify>() }.notify_one();
}

/// A partition, read into a queue.
pub struct Partition {
    consumer: Arc<Consumer>,
    name: CString,
    topic: NonNull<rd_kafka_topic_t>,
    number: i32,
    /// While it is being read.
    queue: Option<Queue>,
}

// SAFETY: librdkafka's topics may be used from any thread.
unsafe impl Send for Partition {}
// SAFETY: as above.
unsafe impl Sync for Partition {}

impl Partition {
    /// The partition numbered `number` of the topic named `topic`; nothing is read yet.
    pub fn new(consumer: &Arc<Consumer>, topic: &str, number: u32) -> Partition {
        let name = CString::new(topic).expect("a topic's name is checked when it is opened");
        let client = consumer.client().native_ptr();
        // SAFETY: the consumer is kept beside the topic.
        let topic = unsafe { rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) };
        let topic = NonNull::new(topic).expect("a topic is only a name so far");
        let number = i32::try_from(number).expect("a broker numbers partitions by 31 bits");
        Partition { consumer: consumer.clone(), name, topic, number, queue: None }
    }

    /// Read from `offset` on, and forget whatever was read before.
    pub fn start(&mut self, offset: u64) -> Result<(), KafkaError> {
        self.stop();
        // SAFETY: consumer and topic are there; the queue is new, so nothing old is in it.
        let started = unsafe {
            let queue = Queue::new(self.consumer.client().native_ptr());
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            let topic = self.topic.as_ptr();
            let started =
                rd_kafka_consume_start_queue(topic, self.number, offset, queue.queue.as_ptr());
            self.queue = Some(queue);
            started
        };
        match started {
            0 => Ok(()),
            // SAFETY: it tells of this thread's last call.
            _ => Err(KafkaError::Global(unsafe { rd_kafka_last_error() }.into())),
        }
    }

    fn stop(&mut self) {
        if let Some(queue) = self.queue.take() {
            // SAFETY: the topic is there; the queue goes after the reading into it has ended.
            unsafe { rd_kafka_consume_stop(self.topic.as_ptr(), self.number) };
            drop(queue);
        }
    }

    /// Take what is there, at most `limit`, without waiting; whether that was all. What is left
    /// in a queue does not wake anybody again.
    pub fn take(&mut self, limit: usize, taken: &mut Vec<Pulled>) -> bool {
        let Some(queue) = &self.queue else { return true };
        let mut left = limit;
        while left > 0 {
            let mut messages = [ptr::null_mut(); CHUNK];
            let size = left.min(CHUNK);
            // SAFETY: so many pointers fit; those that are filled in are ours to destroy.
            let count = unsafe {
                let (queue, into) = (queue.queue.as_ptr(), messages.as_mut_ptr());
                rd_kafka_consume_batch_queue(queue, 0, into, size)
            };
            let count = usize::try_from(count).unwrap_or(0);
            for &message in &messages[..count] {
                // SAFETY: as above; nothing of the message is used afterwards.
                unsafe {
                    taken.push(pulled(message));
                    rd_kafka_message_destroy(message);
                }
            }
            if count < size {
                return true;
            }
            left -= count;
        }
        false
    }

    /// Wait until something may be there to be taken.
    pub async fn ready(&self) {
        match &self.queue {
            Some(queue) => queue.ready.notified().await,
            None => std::future::pending().await,
        }
    }

    /// The log's start and its high watermark, as the last fetch told them; nothing is asked.
    pub fn told(&self) -> Option<(u64, u64)> {
        let (mut low, mut high) = (-1, -1);
        let client = self.consumer.client().native_ptr();
        // SAFETY: client and name are there, and both numbers are filled in or left.
        unsafe {
            let name = self.name.as_ptr();
            rd_kafka_get_watermark_offsets(client, name, self.number, &mut low, &mut high);
        }
        Some((low.try_into().ok()?, high.try_into().ok()?))
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.stop();
        // SAFETY: it is ours, and nothing reads it any more.
        unsafe { rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// # Safety
/// `message` must be one that librdkafka has just given.
unsafe fn pulled(message: *mut rd_kafka_message_t) -> Pulled {
    // SAFETY: as the caller says; every part is copied before the message goes.
    unsafe {
        let parts = &*message;
        let offset = u64::try_from(parts.offset).unwrap_or(0);
        if parts.err == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF {
            return Pulled::End(offset);
        }
        if parts.err.is_error() {
            let told = rd_kafka_message_errstr(message);
            return Pulled::Failed(parts.err.into(), text(told));
        }
        let key = bytes(parts.key, parts.key_len);
        let value = bytes(parts.payload, parts.len);
        let raw = Raw { key, value, headers: headers(message) };
        let timestamp = rd_kafka_message_timestamp(message, ptr::null_mut());
        let record = Record { offset, timestamp, raw };
        Pulled::Record(record, rd_kafka_message_leader_epoch(message))
    }
}

/// # Safety
/// As [`pulled`].
unsafe fn headers(message: *mut rd_kafka_message_t) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut found = ptr::null_mut();
    // SAFETY: the headers belong to the message, and each part is copied at once.
    unsafe {
        if rd_kafka_message_headers(message, &mut found).is_error() {
            return all;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while !rd_kafka_header_get_all(found, all.len(), &mut name, &mut value, &mut size)
            .is_error()
        {
            all.push((text(name), bytes(value.cast_mut(), size).unwrap_or_default()));
        }
    }
    all
}

/// # Safety
/// `at` must be null or point to `length` bytes.
unsafe fn bytes(at: *mut c_void, length: usize) -> Option<Vec<u8>> {
    // SAFETY: as the caller says.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at.cast(), length) }.to_vec())
}

/// # Safety
/// `at` must be null or point to a text that ends with a zero byte.
unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}

/// Hear what a client that asks says while it works: nobody else takes it, and it would pile up.
pub fn hear(admin: &Admin) {
    let listener = admin.inner().context();
    // SAFETY: the client is there; an event is read while it is there, and destroyed once.
    unsafe {
        let queue = rd_kafka_queue_get_main(admin.inner().native_ptr());
        loop {
            let event = rd_kafka_queue_poll(queue, 0);
            if event.is_null() {
                break;
            }
            let (mut facility, mut message, mut level) = (ptr::null(), ptr::null(), 0);
            if rd_kafka_event_log(event, &mut facility, &mut message, &mut level) == 0 {
                listener.log(severity(level), &text(facility), &text(message));
            }
            rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
    }
}

/// As syslog numbers them.
fn severity(level: i32) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 | 6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}

/// What the brokers say of the topic named `topic`, asked now, and of this user's `rights` to it.
pub async fn describe(
    admin: &Admin,
    topic: &str,
    rights: bool,
    patience: Duration,
) -> Result<Described, RDKafkaErrorCode> {
    let client = admin.inner().native_ptr();
    // librdkafka has no word on a name that is empty.
    let name = CString::new(topic).ok().filter(|name| !name.is_empty());
    let name = name.ok_or(RDKafkaErrorCode::InvalidTopic)?;
    // SAFETY: the queue is dropped before `admin` is given back; librdkafka copies the name.
    let queue = unsafe {
        let queue = Queue::new(client);
        let topics = rd_kafka_TopicCollection_of_topic_names(&mut name.as_ptr(), 1);
        let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = rd_kafka_AdminOptions_new(client, kind);
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        rd_kafka_AdminOptions_set_request_timeout(options, millis, ptr::null_mut(), 0);
        rd_kafka_AdminOptions_set_include_authorized_operations(options, rights.into());
        rd_kafka_DescribeTopics(client, topics, options, queue.queue.as_ptr());
        rd_kafka_AdminOptions_destroy(options);
        rd_kafka_TopicCollection_destroy(topics);
        queue
    };
    // The answer comes in any case, be it that there was none in time.
    queue.ready.notified().await;
    // SAFETY: an event is read while it is there, and destroyed once.
    unsafe {
        let event = rd_kafka_queue_poll(queue.queue.as_ptr(), 0);
        if event.is_null() {
            return Err(RDKafkaErrorCode::OperationTimedOut);
        }
        let described = described(event);
        rd_kafka_event_destroy(event);
        described
    }
}

/// # Safety
/// `event` must be the answer to [`describe`].
unsafe fn described(event: *mut rd_kafka_event_t) -> Result<Described, RDKafkaErrorCode> {
    // SAFETY: what an event tells lives as long as the event.
    unsafe {
        let failed = rd_kafka_event_error(event);
        if failed.is_error() {
            return Err(failed.into());
        }
        let mut count = 0;
        let result = rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::OperationTimedOut);
        }
        let topics = rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if count == 0 {
            return Err(RDKafkaErrorCode::UnknownTopicOrPartition);
        }
        let topic = *topics;
        let failed = rd_kafka_error_code(rd_kafka_TopicDescription_error(topic));
        if failed.is_error() {
            return Err(failed.into());
        }
        let id = text(rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(topic)));
        let partitions = rd_kafka_TopicDescription_partitions(topic, &mut count);
        let replicas = slice(partitions, count).iter().map(|partition| {
            let mut count = 0;
            rd_kafka_TopicPartitionInfo_replicas(*partition, &mut count);
            u32::try_from(count).unwrap_or(u32::MAX)
        });
        let (replicas, partitions) = (replicas.min().unwrap_or(0), count);
        let rights = rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        let rights = slice(rights, count).iter().map(|right| *right as u32).collect();
        let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
        Ok(Described { id: id.into(), partitions, replicas, rights })
    }
}

/// # Safety
/// `at` must be null or point to `count` values that outlive what is given back.
unsafe fn slice<'a, T>(at: *const T, count: usize) -> &'a [T] {
    match at.is_null() {
        true => &[],
        // SAFETY: as the caller says.
        false => unsafe { std::slice::from_raw_parts(at, count) },
    }
}
