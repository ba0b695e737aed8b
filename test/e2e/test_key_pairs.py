"""Key pairs open the instances that were launched with them, and no others."""
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from conftest import aws_of, eventually, needs_newest, ssh, ssh_when_up
from machines import machines


def import_key(ec2, directory, key_type):
    key = directory / f"imported-{key_type}"
    subprocess.run(["ssh-keygen", "-q", "-t", key_type, "-N", "", "-f", str(key)], check=True)
    made = ec2.import_key_pair(KeyName=f"imported-{key_type}", PublicKeyMaterial=key.with_suffix(".pub").read_bytes())
    return key, made


@pytest.mark.parametrize("key_type,client", [("rsa", "debian"), ("ed25519", "newest")])
def test_a_created_key_opens_its_instance(machines, key_type, client, tmp_path):
    needs_newest(client)
    aws, name = aws_of(machines.cloud, client), f"created-{key_type}"
    key = tmp_path / "key.pem"
    key.write_text(aws.run(f"ec2 create-key-pair --key-name {name} --key-type {key_type} --query KeyMaterial --output text").stdout)
    key.chmod(0o400)
    machine = machines.run(KeyName=name)
    assert ssh_when_up(key, machine.address, "id -un").stdout == "ec2-user\n"
    assert ssh_when_up(key, machine.address, "id -un", user="ubuntu").stdout == "ubuntu\n"
    assert ssh_when_up(key, machine.address, "sudo id -u").stdout == "0\n"
    assert "Permission denied" in ssh(machines.key, machine.address, "true").stderr
    assert aws.fails(f"ec2 create-key-pair --key-name {name}") == "InvalidKeyPair.Duplicate"


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_an_imported_key_opens_its_instance(machines, key_type, tmp_path):
    key, made = import_key(machines.ec2, tmp_path, key_type)
    found = machines.ec2.describe_key_pairs(KeyNames=[made["KeyName"]], IncludePublicKey=True)["KeyPairs"][0]
    assert found["KeyFingerprint"] == made["KeyFingerprint"] and found["KeyType"] == key_type
    assert found["PublicKey"].split()[:2] == key.with_suffix(".pub").read_text().split()[:2]
    machine = machines.run(KeyName=made["KeyName"])
    assert ssh_when_up(key, machine.address, "id -un").stdout == "ec2-user\n"


def test_keys_that_are_asked_for_together_all_come_and_differ(machines):
    """They are made one after the other, aside: what else is asked meanwhile is answered."""
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(machines.ec2.create_key_pair, KeyName=f"together-{i}", KeyType="rsa") for i in range(8)]
        machines.ec2.describe_key_pairs()
        made = [one.result() for one in asked]
    assert len({key["KeyMaterial"] for key in made}) == 8
    shown = machines.ec2.describe_key_pairs(KeyNames=[key["KeyName"] for key in made])["KeyPairs"]
    assert {key["KeyFingerprint"] for key in shown} == {key["KeyFingerprint"] for key in made}


def test_fingerprints_are_awss(machines, tmp_path):
    """SHA-1 of the private key's PKCS#8 form for a created RSA key, SHA-256 for ed25519."""
    made = machines.ec2.create_key_pair(KeyName="fingerprint", KeyType="rsa")
    der = subprocess.run(["openssl", "pkcs8", "-in", "/dev/stdin", "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt"],
                         input=made["KeyMaterial"].encode(), capture_output=True, check=True).stdout
    digest = subprocess.run(["openssl", "sha1", "-c"], input=der, capture_output=True, check=True).stdout.decode()
    assert made["KeyFingerprint"] == digest.split("= ")[1].strip()
    machines.ec2.delete_key_pair(KeyName="imported-ed25519")
    key, made = import_key(machines.ec2, tmp_path, "ed25519")
    shown = subprocess.run(["ssh-keygen", "-lf", str(key)], text=True, capture_output=True, check=True).stdout.split()[1]
    assert made["KeyFingerprint"].rstrip("=") == shown.removeprefix("SHA256:")


def test_what_is_no_key_is_refused_and_a_deleted_one_is_gone(machines):
    ec2 = machines.ec2
    with pytest.raises(ClientError) as caught:
        ec2.import_key_pair(KeyName="broken", PublicKeyMaterial=b"ssh-rsa AAAA")
    assert caught.value.response["Error"]["Code"] == "InvalidKey.Format"
    ec2.create_key_pair(KeyName="gone")
    ec2.delete_key_pair(KeyName="gone")
    ec2.delete_key_pair(KeyName="gone")
    with pytest.raises(ClientError) as caught:
        ec2.run_instances(ImageId=machines.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="gone")
    assert caught.value.response["Error"]["Code"] == "InvalidKeyPair.NotFound"


def test_the_key_of_the_launch_survives_a_stop(machines):
    machine = machines.run()
    machine.sh("true")
    machines.ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    machines.ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    eventually(machine.answers, what="the same key")
