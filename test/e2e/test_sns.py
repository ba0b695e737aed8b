"""Notifications with real clients and a real HTTP server: it verifies what it gets, confirms, and is told of alarms and groups."""
import base64
import http.server
import json
import subprocess
import threading
import urllib.request

import pytest
from conftest import eventually
from fleet import Fleet

SIGNED = {"Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
          "SubscriptionConfirmation": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


class Endpoint:
    """A subscriber: keeps what it gets, and answers with `status`."""

    def __init__(self, directory):
        self.messages, self.headers, self.status, self.directory = [], [], 200, directory
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.headers.append(self.headers)
                endpoint.messages.append(json.loads(body))
                self.send_response(endpoint.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count):
        """The message with this number, from 1 on, whose signature was verified."""
        eventually(lambda: len(self.messages) >= count, what=f"message {count}")
        message, headers = self.messages[count - 1], self.headers[count - 1]
        assert headers["x-amz-sns-message-type"] == message["Type"]
        assert headers["x-amz-sns-message-id"] == message["MessageId"]
        assert headers["x-amz-sns-topic-arn"] == message["TopicArn"]
        self.verify(message)
        return message

    def verify(self, message):
        """With openssl and the certificate that the message names, as AWS describes it."""
        certificate, key, signature = (self.directory / name for name in ("signing.pem", "signing.key", "signature"))
        certificate.write_bytes(fetch(message["SigningCertURL"]))
        key.write_bytes(subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True,
                                       capture_output=True).stdout)
        signature.write_bytes(base64.b64decode(message["Signature"]))
        text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if name in message)
        digest = {"1": "-sha1", "2": "-sha256"}[message["SignatureVersion"]]
        subprocess.run(["openssl", "dgst", digest, "-verify", key, "-signature", signature], input=text.encode(),
                       check=True, capture_output=True)


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


@pytest.fixture
def endpoint(tmp_path):
    endpoint = Endpoint(tmp_path)
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def sns(cloud):
    return cloud.boto("sns")


def subscribed(sns, endpoint, name, **attributes):
    """A topic whose messages the endpoint gets: it followed the link."""
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    asked = endpoint.wait(1)
    assert asked["Type"] == "SubscriptionConfirmation"
    assert topic.encode() in fetch(asked["SubscribeURL"])
    return topic


def test_a_subscriber_verifies_confirms_gets_messages_and_leaves(sns, endpoint):
    topic = subscribed(sns, endpoint, "life", SignatureVersion="2")
    published = sns.publish(TopicArn=topic, Subject="Hello", Message="Grüße",
                            MessageAttributes={"kind": {"DataType": "String", "StringValue": "greeting"}})
    message = endpoint.wait(2)
    assert (message["MessageId"], message["Subject"], message["Message"]) == (published["MessageId"], "Hello", "Grüße")
    assert message["MessageAttributes"] == {"kind": {"Type": "String", "Value": "greeting"}}
    assert message["SignatureVersion"] == "2"
    fetch(message["UnsubscribeURL"])
    assert endpoint.wait(3)["Type"] == "UnsubscribeConfirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_what_fails_is_tried_again_also_by_a_daemon_that_was_started_anew(cloud, sns, endpoint):
    topic = subscribed(sns, endpoint, "again")
    endpoint.status = 503
    sns.publish(TopicArn=topic, Message="not lost")
    endpoint.wait(2)
    cloud.stop()
    cloud.start()
    endpoint.status = 200
    cloud.advance("20s")
    assert endpoint.wait(3)["Message"] == "not lost"


def test_mail_is_a_file_with_a_link_that_confirms(cloud, sns):
    topic = sns.create_topic(Name="mail")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="me@example.com")
    folder = cloud.data / "mail/me@example.com"
    mail = eventually(lambda: list(folder.glob("*.eml")), what="the mail")[0].read_text()
    link = next(line for line in mail.splitlines() if "Action=ConfirmSubscription" in line)
    fetch(link)
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_an_alarm_tells_its_topic(cloud, sns, endpoint):
    topic = subscribed(sns, endpoint, "alarms")
    cloudwatch = cloud.boto("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="busy", Namespace="App", MetricName="Load", Statistic="Average", Period=60,
                                EvaluationPeriods=1, Threshold=70, ComparisonOperator="GreaterThanThreshold",
                                AlarmActions=[topic])
    cloudwatch.set_alarm_state(AlarmName="busy", StateValue="ALARM", StateReason="because")
    message = endpoint.wait(2)
    assert message["Subject"] == 'ALARM: "busy" in Asia Pacific (Mumbai)'
    alarm = json.loads(message["Message"])
    assert (alarm["NewStateValue"], alarm["NewStateReason"], alarm["Trigger"]["MetricName"]) == ("ALARM", "because", "Load")


def test_a_group_tells_its_topic_of_a_launch(cloud, sns, endpoint):
    topic = subscribed(sns, endpoint, "group")
    fleet = Fleet(cloud)
    fleet.template("told")
    fleet.create("told", 0, 1, template="told")
    fleet.asg.put_notification_configuration(AutoScalingGroupName="told", TopicARN=topic,
                                             NotificationTypes=["autoscaling:EC2_INSTANCE_LAUNCH"])
    assert json.loads(endpoint.wait(2)["Message"])["Event"] == "autoscaling:TEST_NOTIFICATION"
    fleet.set_desired("told", 1)
    instance, = fleet.wait("told", 1)
    message = endpoint.wait(3)
    assert message["Subject"] == 'Auto Scaling: launch for group "told"'
    assert json.loads(message["Message"])["EC2InstanceId"] == instance
    fleet.delete("told")
