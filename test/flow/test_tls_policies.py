"""Each security policy negotiates its protocols and ciphers, and nothing else."""
import ssl

import pytest

from certificates import certificate, client_context, connect, get, https

VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1,
            "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
RSA = certificate("a.example.com", key="rsa")
EC = certificate("a.example.com")

GCM = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
       "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"]
SHA2 = ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"]
SHA1 = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA"]
KEY_RSA = ["AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"]
KEY_RSA_SHA1 = ["AES128-SHA", "AES256-SHA"]
OTHERS = ["ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256", "AES128-CCM", "CAMELLIA128-SHA"]
EVERY = GCM + SHA2 + SHA1 + KEY_RSA + KEY_RSA_SHA1

POLICIES = {
    "ELBSecurityPolicy-2016-08": (["TLSv1", "TLSv1.1", "TLSv1.2"], EVERY),
    "ELBSecurityPolicy-2015-05": (["TLSv1", "TLSv1.1", "TLSv1.2"], EVERY),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": (["TLSv1.3"], []),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": (["TLSv1.2", "TLSv1.3"], GCM + SHA2),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": (["TLSv1.2", "TLSv1.3"], GCM),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": (["TLSv1.2", "TLSv1.3"], GCM + SHA2 + KEY_RSA),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": (["TLSv1.2", "TLSv1.3"], EVERY),
    "ELBSecurityPolicy-TLS13-1-1-2021-06": (["TLSv1.1", "TLSv1.2", "TLSv1.3"], EVERY),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": (["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], EVERY),
    "ELBSecurityPolicy-TLS-1-2-2017-01": (["TLSv1.2"], GCM + SHA2 + KEY_RSA),
    "ELBSecurityPolicy-TLS-1-1-2017-01": (["TLSv1.1", "TLSv1.2"], EVERY),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": (["TLSv1.2"], EVERY),
    "ELBSecurityPolicy-FS-2018-06": (["TLSv1", "TLSv1.1", "TLSv1.2"], GCM + SHA2 + SHA1),
    "ELBSecurityPolicy-FS-1-1-2019-08": (["TLSv1.1", "TLSv1.2"], GCM + SHA2 + SHA1),
    "ELBSecurityPolicy-FS-1-2-2019-08": (["TLSv1.2"], GCM + SHA2 + SHA1),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": (["TLSv1.2"], GCM + SHA2),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": (["TLSv1.2"], GCM),
}


def negotiates(balancer, context):
    try:
        client = connect(balancer, "a.example.com", context)
    except (ssl.SSLError, OSError):
        return False
    client.close()
    return True


@pytest.mark.parametrize("policy", POLICIES)
def test_protocols_and_ciphers(balancer, policy):
    protocols, ciphers = POLICIES[policy]
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    balancer.start(listener=https(RSA, EC, policy=policy), default=fixed)
    assert [name for name, version in VERSIONS.items()
            if negotiates(balancer, client_context(version, version))] == protocols
    tls12 = VERSIONS["TLSv1.2"]
    assert {cipher for cipher in EVERY + OTHERS
            if negotiates(balancer, client_context(tls12, tls12, cipher))} == set(ciphers)


def test_the_order_of_the_policy_decides(balancer, target):
    """Not that of the client."""
    balancer.start([target], listener=https(RSA))
    tls12 = VERSIONS["TLSv1.2"]
    context = client_context(tls12, tls12, "AES256-SHA:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256")
    client = connect(balancer, "a.example.com", context)
    assert client.sock.cipher()[0] == "ECDHE-RSA-AES128-GCM-SHA256"
    assert get(client).status == 200
