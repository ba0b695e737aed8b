"""What every operation of its kind has: filters, pages, client tokens, dry runs, and the ways to sign."""
import http.client
import re
import struct
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import REGION, Cloud


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def groups(cloud):
    ec2 = cloud.boto("ec2", region="eu-central-1")
    return ec2, [ec2.create_security_group(GroupName=f"page-{n}", Description=f"of {n % 3}", TagSpecifications=[
        {"ResourceType": "security-group", "Tags": [{"Key": "Name", "Value": f"tag-{n}"}]}])["GroupId"] for n in range(12)]


def names(ec2, *filters):
    found = ec2.describe_security_groups(Filters=[{"Name": name, "Values": values} for name, values in filters])
    return sorted(group["GroupName"] for group in found["SecurityGroups"])


def test_filters_have_wildcards_and_add_up(groups):
    ec2, _ = groups
    assert names(ec2, ("tag:Name", ["tag-1?"])) == ["page-10", "page-11"]
    assert len(names(ec2, ("group-name", ["page-*"]))) == 12
    assert names(ec2, ("tag:Name", ["tag-2", "tag-3"])) == ["page-2", "page-3"]
    assert names(ec2, ("tag:Name", ["tag-?"]), ("description", ["*f 1"])) == ["page-1", "page-4", "page-7"]
    assert names(ec2, ("tag-key", ["Na*"]), ("group-name", ["page-5", "default"])) == ["page-5"]
    assert code_of(ec2.describe_security_groups, Filters=[{"Name": "colour", "Values": ["red"]}]) == "InvalidParameterValue"


def test_pages_follow_each_other_without_gap(groups):
    ec2, ids = groups
    pages = list(ec2.get_paginator("describe_security_groups").paginate(
        Filters=[{"Name": "tag-key", "Values": ["Name"]}], PaginationConfig={"PageSize": 5}))
    assert [len(page["SecurityGroups"]) for page in pages] == [5, 5, 2]
    assert sorted(group["GroupId"] for page in pages for group in page["SecurityGroups"]) == sorted(ids)
    assert code_of(ec2.describe_security_groups, NextToken="made-up") in ("InvalidNextToken", "InvalidParameterValue")


def test_tags_are_set_found_and_removed(groups):
    ec2, ids = groups
    ec2.create_tags(Resources=ids[:2], Tags=[{"Key": "team", "Value": "blue"}])
    found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]
    assert {tag["ResourceId"] for tag in found} == set(ids[:2])
    ec2.delete_tags(Resources=ids[:1], Tags=[{"Key": "team", "Value": "green"}])
    assert len(ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]) == 2
    ec2.delete_tags(Resources=ids[:2], Tags=[{"Key": "team"}])
    assert not ec2.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"]
    assert code_of(ec2.create_tags, Resources=ids[:1], Tags=[{"Key": "aws:mine", "Value": ""}]) == "InvalidParameterValue"


def test_the_same_client_token_gives_the_same_instance(cloud):
    ec2 = cloud.boto("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    wanted = {"ImageId": image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "ClientToken": "once"}
    first, second = (ec2.run_instances(**wanted)["Instances"][0]["InstanceId"] for _ in range(2))
    assert first == second
    assert code_of(ec2.run_instances, **{**wanted, "InstanceType": "t3.micro"}) == "IdempotentParameterMismatch"
    assert sum(len(r["Instances"]) for r in ec2.describe_instances()["Reservations"]) == 1


def test_a_dry_run_finds_errors_and_makes_nothing(cloud):
    ec2 = cloud.boto("ec2", region="eu-north-1")
    assert code_of(ec2.create_vpc, CidrBlock="10.1.0.0/16", DryRun=True) == "DryRunOperation"
    assert code_of(ec2.create_vpc, CidrBlock="10.1.0.0/8", DryRun=True) == "InvalidVpc.Range"
    assert len(ec2.describe_vpcs()["Vpcs"]) == 1


def test_a_presigned_url_says_who_signed_it(cloud):
    url = cloud.boto("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert "arn:aws:iam::000000000000:root" in urllib.request.urlopen(url).read().decode()
    broken = re.sub("(X-Amz-Signature=|Signature=)....", r"\g<1>0000", url)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(broken)
    assert caught.value.code == 403


def holding(cloud, service, session, **changed):
    """A client that signs with temporary credentials."""
    held = {**session, **changed}
    return boto3.client(service, region_name=REGION, endpoint_url=cloud.endpoint, aws_access_key_id=held["AccessKeyId"],
                        aws_secret_access_key=held["SecretAccessKey"], aws_session_token=held["SessionToken"])


def test_temporary_credentials_work_in_the_aws_command(aws):
    session = aws("sts get-session-token", "Credentials")
    held = {"AWS_ACCESS_KEY_ID": session["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"]}
    assert "arn:aws:iam::000000000000:root" in aws.run("sts get-caller-identity", **held).stdout
    again = aws.run("sts get-session-token", check=False, **held)
    assert "(AccessDenied)" in again.stderr and "Cannot call GetSessionToken with session credentials" in again.stderr


def test_each_protocol_takes_temporary_credentials_and_refuses_others(cloud):
    session = cloud.boto("sts").get_session_token()["Credentials"]
    for service, operation, code in (("sts", "get_caller_identity", "InvalidClientTokenId"),
                                     ("ec2", "describe_vpcs", "AuthFailure"),
                                     ("acm", "list_certificates", "UnrecognizedClientException"),
                                     ("cloudwatch", "describe_alarms", "UnrecognizedClientException")):
        if service == "cloudwatch" and not hasattr(cloud.boto(service).meta.service_model, "resolved_protocol"):
            code = "InvalidClientTokenId"  # an old boto3 speaks the query protocol
        getattr(holding(cloud, service, session), operation)()
        for wrong in ({"SessionToken": session["SessionToken"][::-1]}, {"SessionToken": None}, {"AccessKeyId": "test"}):
            assert code_of(getattr(holding(cloud, service, session, **wrong), operation)) == code


def test_a_presigned_url_carries_a_session_token(cloud):
    session = cloud.boto("sts").get_session_token()["Credentials"]
    url = holding(cloud, "sts", session).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    assert "arn:aws:iam::000000000000:root" in urllib.request.urlopen(url).read().decode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(re.sub("&X-Amz-Security-Token=[^&]*", "", url))
    assert caught.value.code == 403


def test_without_authentication_any_key_will_do():
    cloud = Cloud("--auth", "off")
    try:
        cloud.start()
        sts = boto3.client("sts", region_name=REGION, endpoint_url=cloud.endpoint, aws_access_key_id="mock",
                           aws_secret_access_key="mock", aws_session_token="mock")
        assert sts.get_caller_identity()["Account"] == "000000000000"
    finally:
        cloud.remove()


def cbor_text(text):
    raw = text.encode()
    return bytes([0x60 + len(raw)]) + raw if len(raw) < 24 else b"\x78" + bytes([len(raw)]) + raw


def cbor_call(cloud, operation, body):
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    request = AWSRequest("POST", cloud.endpoint + path, data=body, headers={
        "Content-Type": "application/cbor", "Accept": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"})
    SigV4Auth(Credentials("test", "test"), "monitoring", REGION).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    connection.request("POST", path, body=body, headers=dict(request.headers.items()))
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_cloudwatch_speaks_cbor(cloud):
    datum = b"\xa2" + cbor_text("MetricName") + cbor_text("Latency") + cbor_text("Value") + b"\xfb" + struct.pack(">d", 1.5)
    body = b"\xa2" + cbor_text("Namespace") + cbor_text("Mine") + cbor_text("MetricData") + b"\x81" + datum
    status, headers, _ = cbor_call(cloud, "PutMetricData", body)
    assert status == 200 and headers["smithy-protocol"] == "rpc-v2-cbor"
    status, headers, answer = cbor_call(cloud, "ListMetrics", b"\xa1" + cbor_text("Namespace") + cbor_text("Mine"))
    assert status == 200 and headers["content-type"] == "application/cbor" and cbor_text("Latency") in answer
    status, _, answer = cbor_call(cloud, "ListMetrics", b"\xa1" + cbor_text("Namespace") + b"\x05")
    assert status == 400 and b"__type" in answer
    assert cloud.boto("cloudwatch").list_metrics(Namespace="Mine")["Metrics"][0]["MetricName"] == "Latency"


def test_public_parameters_are_found_by_path(cloud):
    ssm = cloud.boto("ssm")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/aws/service/ami-amazon-linux-latest")
    found = {p["Name"]: p["Value"] for page in pages for p in page["Parameters"]}
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert found[name] == ssm.get_parameter(Name=name)["Parameter"]["Value"]
    images = cloud.boto("ec2").describe_images(ImageIds=sorted(set(found.values())))["Images"]
    assert len(images) == len(set(found.values()))
    both = ssm.get_parameters(Names=[name, "/none"])
    assert both["InvalidParameters"] == ["/none"] and both["Parameters"][0]["Value"] == found[name]
    assert ssm.get_parameters_by_path(Path="/aws/service/canonical", Recursive=True)["Parameters"]
