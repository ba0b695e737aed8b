"""The access log and the connection log of a balancer that runs alone: AWS's fields, in files."""
import os
import re
import shlex
import signal
import threading

import http2
import pytest

from conftest import WAIT, Target, answer

FIELDS = ("type time elb client target request_processing_time target_processing_time response_processing_time "
          "elb_status_code target_status_code received_bytes sent_bytes request user_agent ssl_cipher ssl_protocol "
          "target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority request_creation_time "
          "actions_executed redirect_url error_reason target_port_list target_status_code_list classification "
          "classification_reason conn_trace_id transformed_host transformed_uri request_transform_status").split()


class Logs:
    def __init__(self, balancer, directory):
        self.balancer = balancer
        self.access, self.connection = str(directory / "access.log"), str(directory / "connection.log")
        make = balancer.config
        balancer.config = lambda *arguments, **options: {
            "AccessLog": self.access, "ConnectionLog": self.connection, **make(*arguments, **options)}

    def finish(self):
        """Ends the balancer, which writes the last lines."""
        self.balancer.process.send_signal(signal.SIGTERM)
        self.balancer.process.wait(WAIT)

    def lines(self, path=None):
        with open(path or self.access, encoding="ascii") as file:
            return file.read().splitlines()

    def entries(self):
        """Of the access log: fields by name."""
        found = []
        for line in self.lines():
            words = shlex.split(line.replace("\\", "\\\\"))
            assert len(words) == len(FIELDS), line
            found.append(dict(zip(FIELDS, words)))
        return found

    def entry(self):
        self.finish()
        entries = self.entries()
        assert len(entries) == 1, entries
        return entries[0]


@pytest.fixture
def logs(balancer, tmp_path):
    return Logs(balancer, tmp_path)


def test_a_forwarded_request_has_every_field(balancer, target, logs):
    balancer.start([target])
    client = balancer.connect()
    request = f"GET /a%20b?c=d HTTP/1.1\r\nHost: e.com:{balancer.port}\r\nUser-Agent: curl/7.46.0\r\n\r\n".encode()
    client.send(request)
    response = client.message()
    client.close()
    entry = logs.entry()
    assert entry["type"] == "http" and entry["elb"] == "alone"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
    assert entry["request_creation_time"] <= entry["time"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", entry["client"])
    assert entry["target"] == entry["target_port_list"] == f"127.0.0.1:{target.port}"
    for time in "request", "target", "response":
        assert re.fullmatch(r"\d+\.\d{3}", entry[f"{time}_processing_time"])
    assert entry["elb_status_code"] == entry["target_status_code"] == entry["target_status_code_list"] == "200"
    assert entry["received_bytes"] == str(len(request))
    assert entry["sent_bytes"] == str(len(response.head + response.body))
    assert entry["request"] == f"GET http://e.com:{balancer.port}/a%20b?c=d HTTP/1.1"
    assert entry["user_agent"] == "curl/7.46.0" and entry["target_group_arn"] == "app"
    assert entry["trace_id"] == target.request().get("x-amzn-trace-id")
    assert entry["matched_rule_priority"] == "0" and entry["actions_executed"] == "forward"
    assert re.fullmatch(r"TID_[0-9a-f]{32}", entry["conn_trace_id"])
    empty = ("ssl_cipher ssl_protocol domain_name chosen_cert_arn redirect_url error_reason classification "
             "classification_reason transformed_host transformed_uri request_transform_status").split()
    assert {entry[name] for name in empty} == {"-"}


def test_bodies_count_as_received_and_sent(balancer, logs):
    balancer.start([Target(lambda connection, request: connection.send(answer(b"x" * 1000)))])
    client = balancer.connect()
    request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    client.send(request)
    response = client.message()
    entry = logs.entry()
    assert entry["received_bytes"] == str(len(request))
    assert entry["sent_bytes"] == str(len(response.head) + 1000)
    assert entry["request"] == f"POST http://a:{balancer.port}/ HTTP/1.1"


def test_a_redirect_has_its_url_and_no_times(balancer, logs):
    redirect = {"Type": "redirect", "RedirectConfig": {"Host": "b.com", "Port": "443", "Protocol": "HTTPS",
                                                       "StatusCode": "HTTP_301"}}
    rule = {"Priority": "7", "Conditions": [{"Field": "path-pattern", "Values": ["/old"]}], "Actions": [redirect]}
    balancer.start([], rules=[rule])
    assert balancer.get("/old").status == 301
    entry = logs.entry()
    assert entry["redirect_url"] == "https://b.com:443/old" and entry["actions_executed"] == "redirect"
    assert entry["matched_rule_priority"] == "7" and entry["trace_id"].startswith("Root=1-")
    assert (entry["elb_status_code"], entry["target_status_code"], entry["target"]) == ("301", "-", "-")
    assert {entry[f"{time}_processing_time"] for time in ("request", "target", "response")} == {"-1"}


def test_a_fixed_response(balancer, logs):
    balancer.start([], default={"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}})
    assert balancer.get().status == 418
    entry = logs.entry()
    assert (entry["elb_status_code"], entry["actions_executed"]) == ("418", "fixed-response")


def test_no_target(balancer, logs):
    balancer.start([])
    assert balancer.get().status == 503
    entry = logs.entry()
    assert (entry["elb_status_code"], entry["target"], entry["target_group_arn"]) == ("503", "-", "app")


def test_a_target_that_closes_instead_of_answering(balancer, logs):
    targets = [Target(lambda connection, request: False)]
    balancer.start(targets)
    assert balancer.get().status == 502
    entry = logs.entry()
    assert (entry["elb_status_code"], entry["target_status_code"]) == ("502", "-")
    assert entry["target"] == f"127.0.0.1:{targets[0].port}"
    assert {entry[f"{time}_processing_time"] for time in ("request", "target", "response")} == {"-1"}


def test_a_target_that_does_not_answer_in_time(balancer, logs):
    balancer.start([Target(lambda connection, request: None)])
    client = balancer.connect_and_hurry()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.message().status == 504
    logs.finish()
    entry = logs.entries()[-1]
    assert entry["elb_status_code"] == "504" and entry["request_processing_time"] != "-1"
    assert entry["target_processing_time"] == entry["response_processing_time"] == "-1"


def test_response_processing_time_is_that_of_a_response_that_is_held(balancer, logs):
    """A short response begins when it is whole; what it waited is the load balancer's time, not the target's."""
    began, go = threading.Event(), threading.Event()

    def handler(connection, request):
        if "/slow" not in request.first:
            connection.send(answer())
            return
        connection.send(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n")
        began.set()
        assert go.wait(WAIT)
        connection.send(b"ok")
    targets = [Target(handler), Target(handler)]
    balancer.start(targets)
    client = balancer.connect()
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    assert began.wait(WAIT)
    assert balancer.get("/").status == 200  # the only thread has seen the head by now
    since = len(balancer.log)
    targets[1].healthy = False
    balancer.wait_line(f":{targets[1].port} of app is unhealthy", since)  # two checks, a second between them
    go.set()
    assert client.message().status == 200
    client.close()
    logs.finish()
    [slow] = [entry for entry in logs.entries() if "/slow" in entry["request"]]
    assert float(slow["response_processing_time"]) > 0


def test_a_client_that_goes_while_the_target_is_waited_for_is_460(balancer, target, logs):
    target.handler = lambda connection, request: None
    balancer.start([target])
    client = balancer.connect()
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    target.request()
    client.reset()
    assert logs.entry()["elb_status_code"] == "460"


def test_a_request_that_is_refused_before_it_is_understood(balancer, target, logs):
    balancer.start([target])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\n")
    assert client.message().status == 400
    entry = logs.entry()
    assert entry["elb_status_code"] == "400" and entry["request"].startswith("- http://")
    assert (entry["classification"], entry["classification_reason"]) == ("Severe", "BadContentLength")
    assert entry["matched_rule_priority"] == entry["actions_executed"] == "-"


def test_an_ambiguous_request_is_classified(balancer, target, logs):
    balancer.start([target])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na")
    assert client.message().status == 200
    entry = logs.entry()
    assert (entry["classification"], entry["classification_reason"]) == ("Ambiguous", "UndefinedContentLengthSemantics")


def test_no_request_forges_a_line(balancer, target, logs):
    balancer.start([target])
    balancer.get('/"%22', 'User-Agent: a" 200 "b\\c\xe9\r\n')
    entry_line = (logs.finish(), logs.lines())[1]
    assert len(entry_line) == 1
    assert '/\\x22%22 HTTP/1.1" "a\\x22 200 \\x22b\\x5Cc\\xE9" - - app ' in entry_line[0]


def test_a_websocket_is_one_line_at_its_end(balancer, logs):
    def upgrade(connection, request):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.send(connection.exactly(5))
        return False
    balancer.start([Target(upgrade)])
    client = balancer.connect()
    client.send(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    head = client.until(b"\r\n\r\n")
    client.send(b"hello")
    assert client.exactly(5) == b"hello"
    client.close()
    entry = logs.entry()
    assert (entry["type"], entry["elb_status_code"], entry["target_status_code"]) == ("ws", "101", "101")
    assert entry["sent_bytes"] == str(len(head) + 5)


def test_each_connection_is_a_line_of_the_connection_log(balancer, target, logs):
    balancer.start([target])
    client = balancer.connect()
    for _ in range(2):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.message()
    port = client.sock.getsockname()[1]
    client.close()
    logs.finish()
    lines = logs.lines(logs.connection)
    assert len(lines) == 1
    trace = logs.entries()[0]["conn_trace_id"]
    assert re.fullmatch(rf'\S+Z 127\.0\.0\.1 {port} {balancer.port} - - - "-" - - - {trace}', lines[0])
    assert {entry["conn_trace_id"] for entry in logs.entries()} == {trace}


def test_sighup_opens_the_files_anew(balancer, target, logs):
    balancer.start([target])
    assert balancer.get("/before").status == 200
    os.rename(logs.access, logs.access + ".1")
    balancer.reload([target])
    assert balancer.get("/after").status == 200
    logs.finish()
    assert [entry["request"].split("/")[-2].split()[0] for entry in logs.entries()][-1] == "after"
    before = logs.lines(logs.access + ".1") if os.path.exists(logs.access + ".1") else []
    assert len(before) + len(logs.lines()) == 2


def test_a_log_that_cannot_be_opened_is_refused_and_the_old_one_stays(balancer, target, logs):
    balancer.start([target])
    good, logs.access = logs.access, "/nowhere/access.log"
    balancer.write(balancer.config([target]))
    since = len(balancer.log)
    balancer.process.send_signal(signal.SIGHUP)
    balancer.wait_line("AccessLog: /nowhere/access.log: No such file or directory; the old configuration stays", since)
    assert balancer.get().status == 200
    logs.access = good
    assert logs.entry()["elb_status_code"] == "200"


def test_a_full_disk_costs_lines_but_no_request(balancer, target, logs):
    logs.access = "/dev/full"
    balancer.start([target])
    assert balancer.get().status == 200
    balancer.wait_line("writing a log: No space left on device")
    assert balancer.get().status == 200


def test_s3_is_refused(balancer, target):
    balancer.start([target])
    balancer.write(balancer.config([target], attributes={"access_logs.s3.enabled": "true"}))
    since = len(balancer.log)
    balancer.process.send_signal(signal.SIGHUP)
    balancer.wait_line("there is no S3 here", since)


def test_a_request_over_http2(balancer, target, logs):
    balancer.start([target], listener=http2.listener())
    client = http2.Client(balancer)
    assert client.ask("GET", "/x?y").status == 200
    client.close()
    entry = logs.entry()
    assert (entry["type"], entry["elb_status_code"]) == ("h2", "200") and entry["ssl_protocol"].startswith("TLSv1.")
    assert re.fullmatch(r"GET https://e\.com:\d+/x\?y HTTP/2\.0", entry["request"])


def test_a_grpc_call(balancer, logs):
    target = http2.Http2Target()
    balancer.start([target], listener=http2.listener(), group={"ProtocolVersion": "GRPC"})
    client = http2.Client(balancer)
    client.ask("POST", "/package.Service/Method", [("content-type", "application/grpc"), ("te", "trailers")], b"\0\0\0\0\0")
    client.close()
    entry = logs.entry()
    assert (entry["type"], entry["target"]) == ("grpcs", f"127.0.0.1:{target.port}")
