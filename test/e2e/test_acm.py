"""Certificate Manager with real clients: what it issues verifies with openssl, and only what fits is taken in."""
import re
import ssl
import subprocess

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def acm(cloud):
    return cloud.boto("acm")


@pytest.fixture(scope="module")
def ca_file(cloud, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(cloud.pileus("ca").stdout)
    return path


def openssl(*arguments, stdin=""):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, text=True, capture_output=True, check=True).stdout


def self_signed(directory, name, algorithm="rsa:2048"):
    """(certificate, key) as PEM, made outside."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    kind = ["-newkey", algorithm] if algorithm.startswith("rsa") else ["-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{algorithm}"]
    openssl("req", "-x509", *kind, "-nodes", "-days", 30, "-subj", f"/O=Elsewhere/CN={name}", "-keyout", key, "-out", certificate)
    return certificate.read_bytes(), key.read_bytes()


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_both_aws_commands_request_describe_list_and_delete(aws):
    arn = aws("acm request-certificate --domain-name www.example.com --subject-alternative-names *.example.com "
              "--validation-method DNS --idempotency-token once", query="CertificateArn")
    assert arn == aws("acm request-certificate --domain-name www.example.com --subject-alternative-names *.example.com "
                      "--validation-method DNS --idempotency-token once", query="CertificateArn")
    aws(["acm", "wait", "certificate-validated", "--certificate-arn", arn])
    shown = aws(f"acm describe-certificate --certificate-arn {arn}", query="Certificate")
    assert (shown["Status"], shown["Type"], shown["KeyAlgorithm"]) == ("ISSUED", "AMAZON_ISSUED", "RSA_2048")
    assert shown["SubjectAlternativeNames"] == ["www.example.com", "*.example.com"]
    assert all(option["ValidationStatus"] == "SUCCESS" and option["ResourceRecord"]["Type"] == "CNAME"
               for option in shown["DomainValidationOptions"])
    assert arn in aws("acm list-certificates --certificate-statuses ISSUED", query="CertificateSummaryList[].CertificateArn")
    aws(f"acm add-tags-to-certificate --certificate-arn {arn} --tags Key=team,Value=blue")
    assert aws(f"acm list-tags-for-certificate --certificate-arn {arn}", query="Tags") == [{"Key": "team", "Value": "blue"}]
    aws(f"acm delete-certificate --certificate-arn {arn}")
    assert aws.fails(f"acm describe-certificate --certificate-arn {arn}") == "ResourceNotFoundException"


def test_what_is_issued_verifies_with_the_exported_authority(acm, ca_file, tmp_path):
    for algorithm in ("RSA_2048", "EC_prime256v1", "EC_secp384r1"):
        arn = acm.request_certificate(DomainName="api.example.com", KeyAlgorithm=algorithm)["CertificateArn"]
        got = acm.get_certificate(CertificateArn=arn)
        leaf = tmp_path / f"{algorithm}.pem"
        leaf.write_text(got["Certificate"])
        assert got["CertificateChain"] == ca_file.read_text()
        assert "OK" in openssl("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "api.example.com", "-CAfile", ca_file, leaf)
        assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["KeyAlgorithm"] == algorithm


def test_the_authority_is_made_once_and_can_be_loaded(cloud, ca_file):
    assert cloud.pileus("ca").stdout == ca_file.read_text()
    assert ssl.create_default_context(cafile=ca_file).get_ca_certs()
    text = openssl("x509", "-noout", "-text", stdin=ca_file.read_text())
    assert "CA:TRUE" in text and re.search(r"Subject: CN = Pileus CA [0-9a-f]{8}\n", text)


def test_both_aws_commands_import_and_reimport(aws, tmp_path):
    first, key = self_signed(tmp_path, "app.example.com")
    files = f"--certificate fileb://{tmp_path}/app.example.com.pem --private-key fileb://{tmp_path}/app.example.com.key"
    arn = aws(f"acm import-certificate {files}", query="CertificateArn")
    shown = aws(f"acm describe-certificate --certificate-arn {arn}", query="Certificate")
    assert (shown["Type"], shown["DomainName"], shown["Issuer"]) == ("IMPORTED", "app.example.com", "Elsewhere")
    assert aws(f"acm get-certificate --certificate-arn {arn}", query="Certificate") == first.decode()
    self_signed(tmp_path, "app.example.com")
    assert aws(f"acm import-certificate --certificate-arn {arn} {files}", query="CertificateArn") == arn
    assert aws(f"acm describe-certificate --certificate-arn {arn}", query="Certificate.Serial") != shown["Serial"]
    aws(f"acm delete-certificate --certificate-arn {arn}")


def test_an_import_that_does_not_fit_is_refused(acm, tmp_path):
    certificate, key = self_signed(tmp_path, "app.example.com")
    other, other_key = self_signed(tmp_path, "other.example.com", "P-256")
    encrypted = openssl("pkey", "-aes256", "-passout", "pass:secret", stdin=key.decode()).encode()
    for wrong in ({"PrivateKey": other_key}, {"PrivateKey": encrypted}, {"PrivateKey": b"no key"}, {"CertificateChain": other},
                  {"Certificate": b"no certificate"}, {"Certificate": certificate + other}, {"Certificate": b"\x00\xff" * 50}):
        assert code_of(acm.import_certificate, **{"Certificate": certificate, "PrivateKey": key, **wrong}) == "ValidationException", wrong
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    assert code_of(acm.import_certificate, CertificateArn=arn, Certificate=other, PrivateKey=other_key) == "ValidationException"


def test_a_chain_that_clients_would_not_believe_is_refused(acm, tmp_path):
    """Its intermediate authority was signed with SHA-1."""
    root, middle, leaf = (tmp_path / name for name in ("root", "middle", "leaf"))
    ca = tmp_path / "ca.cnf"
    ca.write_text("basicConstraints=critical,CA:TRUE\n")
    self_signed(tmp_path, "root")
    for name in (middle, leaf):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name.name}.example.com", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    sign = ["x509", "-req", "-days", 5, "-CAcreateserial"]
    openssl(*sign, "-sha1", "-extfile", ca, "-in", f"{middle}.csr", "-CA", f"{root}.pem", "-CAkey", f"{root}.key", "-out", f"{middle}.pem")
    openssl(*sign, "-in", f"{leaf}.csr", "-CA", f"{middle}.pem", "-CAkey", f"{middle}.key", "-out", f"{leaf}.pem")
    read = lambda *names: b"".join((tmp_path / name).read_bytes() for name in names)
    with pytest.raises(ClientError) as caught:
        acm.import_certificate(Certificate=read("leaf.pem"), PrivateKey=read("leaf.key"), CertificateChain=read("middle.pem", "root.pem"))
    assert "too weak" in caught.value.response["Error"]["Message"]


def test_requests_that_aws_refuses(acm):
    assert code_of(acm.request_certificate, DomainName="localhost") == "ValidationException"
    assert code_of(acm.request_certificate, DomainName="example.com", KeyAlgorithm="RSA_4096") == "InvalidParameterException"
    assert code_of(acm.request_certificate, DomainName="a.bc", SubjectAlternativeNames=[f"{n}.bc" for n in range(11)]) == "LimitExceededException"
    assert code_of(acm.describe_certificate, CertificateArn="arn:aws:acm:ap-south-1:000000000000:certificate/none") == "ResourceNotFoundException"
    assert code_of(acm.describe_certificate, CertificateArn="arn:aws:s3:::not-a-certificate") == "ValidationException"


def test_what_is_not_there_says_so(acm):
    arn = acm.request_certificate(DomainName="export.example.com")["CertificateArn"]
    with pytest.raises(ClientError) as caught:
        acm.export_certificate(CertificateArn=arn, Passphrase=b"secret")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_private_keys_are_only_in_the_state_that_api_alone_can_read(cloud, acm, tmp_path):
    certificate, key = self_signed(tmp_path, "secret.example.com")
    acm.import_certificate(Certificate=certificate, PrivateKey=key)
    code_of(acm.import_certificate, Certificate=certificate + certificate, PrivateKey=key)
    some_line = key.decode().splitlines()[5]
    assert some_line not in cloud.log()
    holders = subprocess.run(["grep", "-rlF", some_line, cloud.data], text=True, capture_output=True).stdout.split()
    assert holders
    for path in holders:
        facts = subprocess.run(["stat", "-c", "%a %u", path], text=True, capture_output=True, check=True).stdout.split()
        assert facts == ["600", "64651"], path
