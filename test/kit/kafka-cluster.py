"""A mock cluster of librdkafka, which speaks the real Kafka protocol; ends with its standard input.

Prints the addresses of its brokers. A line "read TOPIC COUNT" on standard input is answered with a JSON list of
[partition, key, value] of all messages of the topic once there are COUNT of them, or after 20 s.
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

producer = Producer({"test.mock.num.brokers": 2})
brokers = ",".join(f"{b.host}:{b.port}" for b in producer.list_topics(timeout=20).brokers.values())
print(brokers, flush=True)


def read(topic, count):
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader", "auto.offset.reset": "earliest"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    found = []
    end = time.monotonic() + 20
    while len(found) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            key = message.key()
            found.append([message.partition(), None if key is None else key.decode(), message.value().decode()])
    consumer.close()
    return found


for line in sys.stdin:
    _, topic, count = line.split()
    print(json.dumps(read(topic, int(count))), flush=True)
