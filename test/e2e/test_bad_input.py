"""Bad input gets AWS's error, changes nothing, and takes no process down."""
import datetime
import gzip
import http.client
import json
import socket
import subprocess

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import REGION

EC2_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def send(cloud, body, service="ec2", headers=None, key="test", secret="test", method="POST", path="/", tamper=None):
    """A signed request; gives (status, headers, body)."""
    headers = {"Content-Type": EC2_FORM, **(headers or {})}
    request = AWSRequest(method, cloud.endpoint + path, data=body, headers=headers)
    SigV4Auth(Credentials(key, secret), service, REGION).add_auth(request)
    signed = dict(request.headers.items())
    if tamper:
        tamper(signed)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=signed)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")
    finally:
        connection.close()


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def facts(cloud):
    """What could have been changed by mistake."""
    ec2 = cloud.boto("ec2")
    return (ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"], ec2.describe_instances()["Reservations"],
            ec2.describe_security_groups()["SecurityGroups"], cloud.boto("elbv2").describe_load_balancers()["LoadBalancers"])


@pytest.fixture(autouse=True)
def nothing_changes(cloud):
    before, record = facts(cloud), cloud.record()
    yield
    assert facts(cloud) == before
    assert cloud.record() == record, "a process was restarted"


@pytest.mark.parametrize("service,body,headers,code", [
    ("ec2", "Action=LaunchRockets&Version=2016-11-15", {}, "InvalidAction"),
    ("autoscaling", "Action=LaunchRockets&Version=2011-01-01", {}, "InvalidAction"),
    ("elasticloadbalancing", "Action=LaunchRockets&Version=2015-12-01", {}, "InvalidAction"),
    ("monitoring", "{}", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.Launch"},
     "UnknownOperationException"),
    ("ssm", "{}", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.LaunchRockets"},
     "UnknownOperationException"),
])
def test_an_unknown_action_is_named_as_such(cloud, service, body, headers, code):
    status, _, text = send(cloud, body, service, headers)
    assert status in (400, 404) and code in text, (status, text)


def test_a_wrong_signature_an_unknown_key_and_an_old_date_are_refused(cloud):
    body = "Action=DescribeVpcs&Version=2016-11-15"
    assert send(cloud, body)[0] == 200
    status, _, text = send(cloud, body, secret="wrong")
    assert status in (401, 403) and ("SignatureDoesNotMatch" in text or "AuthFailure" in text), text
    status, _, text = send(cloud, body, key="AKIDNOBODY")
    assert status in (401, 403) and ("AuthFailure" in text or "InvalidClientTokenId" in text), text
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")

    def age(headers):
        headers["X-Amz-Date"] = old

    status, _, text = send(cloud, body, tamper=age)
    assert status in (400, 401, 403), text
    status, _, text = send(cloud, "Action=GetCallerIdentity&Version=2011-06-15", service="sts", secret="wrong")
    assert status == 403 and "SignatureDoesNotMatch" in text


class SignedAt(SigV4QueryAuth):
    """Presigns as of another time."""

    def __init__(self, time, expires):
        super().__init__(Credentials("test", "test"), "sts", REGION, expires=expires)
        self.time = time.strftime("%Y%m%dT%H%M%SZ")

    def add_auth(self, request):
        request.context["timestamp"] = self.time
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        self._inject_signature_to_request(request, self.signature(self.string_to_sign(request, canonical), request))


@pytest.mark.parametrize("age_s,expires_s,status", [(30, 600, 200), (700, 600, 403), (700, 604800, 200), (-1000, 600, 403),
                                                    (0, 604801, 400)])
def test_a_presigned_url_holds_as_long_as_it_says(cloud, age_s, expires_s, status):
    time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
    request = AWSRequest("GET", f"{cloud.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
    SignedAt(time, expires_s).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    connection.request("GET", request.url.removeprefix(cloud.endpoint))
    answer = connection.getresponse()
    assert answer.status == status, answer.read()
    connection.close()


@pytest.mark.parametrize("service,body,headers", [
    ("ec2", "Action=CreateVpc&Version=2016-11-15&CidrBlock=%ZZ", {}),
    ("ec2", "Action=RunInstances&Version=2016-11-15&MinCount=one&MaxCount=1", {}),
    ("ec2", "&" * 100000, {}),
    ("monitoring", "{\"Namespace\": ", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"}),
    ("monitoring", "[" * 100000, {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"}),
    ("monitoring", "{\"Namespace\": 5, \"MetricData\": {}}", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"}),
    ("ssm", "{\"Name\": [1]}", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"}),
    ("s3", "<CreateBucketConfiguration", {"Content-Type": "application/xml"}),
], ids=["percent", "not a number", "ampersands", "half JSON", "deep JSON", "wrong JSON types", "wrong SSM type", "XML"])
def test_what_does_not_parse_is_a_client_error(cloud, service, body, headers):
    status, _, text = send(cloud, body, service, headers)
    assert (400 <= status < 500 or "not supported by Pileus yet" in text) and text, (status, text)


def test_broken_cbor_is_a_client_error(cloud):
    for body in (b"\xff", b"\xbf", b"\x9f" * 5000, b"\xa1\x69Namespace\x05", b"\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff"):
        status, headers, _ = send(cloud, body, "monitoring", {
            "Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"},
            path="/service/GraniteServiceVersion20100801/operation/PutMetricData")
        assert status == 400 and {k.lower(): v for k, v in headers.items()}.get("smithy-protocol") == "rpc-v2-cbor"


def test_a_gzip_bomb_is_refused(cloud):
    status, _, _ = send(cloud, gzip.compress(b"\0" * 200_000_000), "monitoring", {
        "Content-Type": "application/x-amz-json-1.0", "Content-Encoding": "gzip",
        "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"})
    assert 400 <= status < 500


def test_another_sites_web_page_is_refused_though_it_knows_the_key(cloud):
    body = "Action=DescribeVpcs&Version=2016-11-15"
    assert send(cloud, body, headers={"Sec-Fetch-Site": "same-origin"})[0] == 200
    for site in ("cross-site", "same-site"):
        status, _, text = send(cloud, body, headers={"Sec-Fetch-Site": site})
        assert status in (401, 403) and "refused" in text, (status, text)


@pytest.mark.parametrize("host,welcome", [
    ("evil.example", False), ("evil.example:4566", False), ("127.0.0.1.evil.example.", False), ("notlocalhost.com", False),
    ("localhost:4566", True), ("pileus", True), ("[::1]:4566", True), ("ec2.us-east-1.amazonaws.com", True),
    ("cloud.localhost", True), ("cloud.test", True)])
def test_a_page_that_binds_its_own_name_to_this_machine_is_refused(cloud, host, welcome):
    status, _, text = send(cloud, "Action=DescribeVpcs&Version=2016-11-15", headers={"Host": host})
    assert status in ((200,) if welcome else (401, 403)), text


def test_a_body_of_10_mb_is_refused(cloud):
    try:
        status, _, _ = send(cloud, "Action=DescribeVpcs&Version=2016-11-15&X=" + "x" * 10_000_000)
        assert 400 <= status < 500
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before the whole body was sent: the answer may be lost, as with any server


@pytest.mark.parametrize("operation,arguments,code", [
    ("describe_instances", {"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceID.NotFound"),
    ("describe_instances", {"InstanceIds": ["banana"]}, "InvalidInstanceID.Malformed"),
    ("terminate_instances", {"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceID.NotFound"),
    ("describe_vpcs", {"VpcIds": ["vpc-0123456789abcdef0"]}, "InvalidVpcID.NotFound"),
    ("delete_security_group", {"GroupId": "sg-0123456789abcdef0"}, "InvalidGroup.NotFound"),
    ("create_vpc", {"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range"),
    ("create_vpc", {"CidrBlock": "banana"}, "InvalidParameterValue"),
    ("create_subnet", {"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.0.0/24"}, "InvalidVpcID.NotFound"),
    ("describe_vpcs", {"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
    ("describe_vpcs", {"MaxResults": 5, "NextToken": "banana"}, "InvalidNextToken"),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}, "InvalidAMIID.NotFound"),
    ("run_instances", {"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.micro", "MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
    ("create_vpc", {"CidrBlock": "10.77.0.0/16", "DryRun": True}, "DryRunOperation"),
])
def test_ec2_answers_with_its_own_codes(cloud, operation, arguments, code):
    found = code_of(getattr(cloud.boto("ec2"), operation), **arguments)
    assert found == code or (code == "InvalidNextToken" and found == "InvalidParameterValue"), found


@pytest.mark.parametrize("service,operation,arguments,code", [
    ("elbv2", "describe_load_balancers", {"Names": ["nobody"]}, "LoadBalancerNotFound"),
    ("elbv2", "describe_target_groups", {"Names": ["nobody"]}, "TargetGroupNotFound"),
    ("elbv2", "create_load_balancer", {"Name": "bad name!", "Subnets": ["subnet-0123456789abcdef0"]}, "ValidationError"),
    ("autoscaling", "set_desired_capacity", {"AutoScalingGroupName": "nobody", "DesiredCapacity": 1}, "ValidationError"),
    ("autoscaling", "create_auto_scaling_group", {"AutoScalingGroupName": "x", "MinSize": 3, "MaxSize": 1}, "ValidationError"),
    ("autoscaling", "put_warm_pool", {"AutoScalingGroupName": "nobody"}, "ValidationError"),
    ("autoscaling", "delete_warm_pool", {"AutoScalingGroupName": "nobody"}, "ValidationError"),
    ("elbv2", "describe_load_balancers", {"LoadBalancerArns": ["banana"]}, "ValidationError"),
    ("elbv2", "delete_rule", {"RuleArn": "banana"}, "ValidationError"),
    ("elbv2", "create_target_group", {"Name": "x", "Protocol": "HTTP", "Port": 70000, "VpcId": "vpc-1"}, "ValidationError"),
    ("cloudwatch", "put_metric_alarm", {
        "AlarmName": "a", "MetricName": "m", "Namespace": "n", "Statistic": "Average", "Period": 7, "EvaluationPeriods": 1,
        "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}, "ValidationError"),
    ("cloudwatch", "get_metric_statistics", {
        "MetricName": "m", "Namespace": "n", "Statistics": ["Average"], "Period": 60, "StartTime": "2026-01-02T00:00:00Z",
        "EndTime": "2026-01-01T00:00:00Z"}, "InvalidParameterValue"),
    ("acm", "describe_certificate", {"CertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/none"}, "ResourceNotFoundException"),
    ("ssm", "get_parameter", {"Name": "/nobody/home"}, "ParameterNotFound"),
])
def test_other_services_answer_with_their_own_codes(cloud, service, operation, arguments, code):
    assert code_of(getattr(cloud.boto(service), operation), **arguments) == code


def test_an_operation_that_is_not_supported_says_so(cloud):
    with pytest.raises(ClientError) as caught:
        cloud.boto("ec2").describe_spot_price_history()
    assert "not supported by Pileus yet" in caught.value.response["Error"]["Message"]


def test_slow_and_half_requests_do_not_hold_up_others(cloud):
    slow = []
    for start in (b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nAction"):
        for _ in range(20):
            one = socket.create_connection(("127.0.0.1", cloud.port))
            one.sendall(start)
            slow.append(one)
    assert cloud.boto("sts").get_caller_identity()["Account"] == "000000000000"
    for one in slow:
        one.close()


def test_bytes_that_are_not_http_are_answered_and_closed(cloud):
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                  b"GET /\0 HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=15) as one:
            one.sendall(noise)
            one.shutdown(socket.SHUT_WR)
            answer = b""
            while block := one.recv(65536):
                answer += block
            assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer


def test_start_refuses_what_it_cannot_do_and_says_why(cloud):
    from conftest import PILEUS
    for options, words in ((["--clock-speed", "fast"], "--clock-speed takes a number"), (["--listen", "0.0.0.0:4566"], "loopback"),
                           (["--wings"], "unknown option --wings"), (["--account", "12"], "12 digits")):
        done = subprocess.run([PILEUS, "start", *options], text=True, capture_output=True, env=cloud.env)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    done = subprocess.run([PILEUS, "start"], text=True, capture_output=True, env=cloud.env)
    assert done.returncode == 1 and "already running" in done.stdout + done.stderr
    nobody = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PILEUS, "start"], text=True,
                            capture_output=True, env=cloud.env)
    assert nobody.returncode == 1 and "needs root" in nobody.stderr
    assert json.loads(subprocess.run(["curl", "-s", f"{cloud.endpoint}/_localstack/health"], text=True, capture_output=True).stdout)
