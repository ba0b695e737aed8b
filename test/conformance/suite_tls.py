"""Every security policy, as testssl.sh and sslscan see it: its protocols and its ciphers are offered, and no others.

What each policy offers is what AWS documents; the policies are asked for by name, the answer comes from the wire.
"""
import concurrent.futures
import json
import subprocess
import xml.etree.ElementTree as ElementTree

import stack

TLS13 = "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256"
GCM = "ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384"
SHA2 = "ECDHE-RSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384"
SHA1 = "ECDHE-RSA-AES128-SHA ECDHE-RSA-AES256-SHA"
RSA = "AES128-GCM-SHA256 AES128-SHA256 AES256-GCM-SHA384 AES256-SHA256"
RSA_SHA1 = "AES128-SHA AES256-SHA"
EVERYTHING = f"{GCM} {SHA2} {SHA1} {RSA} {RSA_SHA1}"

PROTOCOLS = {"SSLv2": "SSLv2", "SSLv3": "SSLv3", "TLS1": "TLSv1.0", "TLS1_1": "TLSv1.1", "TLS1_2": "TLSv1.2",
             "TLS1_3": "TLSv1.3"}  # testssl.sh's name: sslscan's

# NAME: (oldest and newest minor version of TLS 1, ciphers of TLS 1.2 with an RSA certificate)
POLICIES = {
    "ELBSecurityPolicy-TLS13-1-3-2021-06": (3, 3, ""),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": (2, 3, GCM),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": (2, 3, f"{GCM} {SHA2}"),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": (2, 3, f"{GCM} {SHA2} {RSA}"),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": (2, 3, EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-1-2021-06": (1, 3, EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": (0, 3, EVERYTHING),
    "ELBSecurityPolicy-2016-08": (0, 2, EVERYTHING),
    "ELBSecurityPolicy-2015-05": (0, 2, EVERYTHING),
    "ELBSecurityPolicy-TLS-1-1-2017-01": (1, 2, EVERYTHING),
    "ELBSecurityPolicy-TLS-1-2-2017-01": (2, 2, f"{GCM} {SHA2} {RSA}"),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": (2, 2, EVERYTHING),
    "ELBSecurityPolicy-FS-2018-06": (0, 2, f"{GCM} {SHA2} {SHA1}"),
    "ELBSecurityPolicy-FS-1-1-2019-08": (1, 2, f"{GCM} {SHA2} {SHA1}"),
    "ELBSecurityPolicy-FS-1-2-2019-08": (2, 2, f"{GCM} {SHA2} {SHA1}"),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": (2, 2, f"{GCM} {SHA2}"),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": (2, 2, GCM),
}


def expected(policy):
    """{protocol: its ciphers}"""
    oldest, newest, ciphers = POLICIES[policy]
    found = {}
    for minor in range(oldest, newest + 1):
        mine = TLS13 if minor == 3 else ciphers
        # Before TLS 1.2 there is neither GCM nor SHA-2.
        found[f"TLSv1.{minor}"] = {name for name in mine.split() if minor >= 2 or name.endswith("-SHA")}
    return {protocol: names for protocol, names in found.items() if names}


def scanned(port):
    """{protocol: its ciphers}"""
    done = subprocess.run(["sslscan", "--no-colour", "--no-heartbleed", "--no-fallback", "--no-renegotiation",
                           "--no-compression", "--no-groups", "--xml=-", f"127.0.0.1:{port}"],
                          capture_output=True, text=True, check=True, timeout=300)
    found = {}
    for cipher in ElementTree.fromstring(done.stdout).iter("cipher"):
        found.setdefault(cipher.get("sslversion"), set()).add(cipher.get("cipher"))
    return found


def protocols(directory, port):
    """{protocol: whether testssl.sh finds it offered}"""
    path = f"{directory}/testssl-{port}.json"
    subprocess.run(["testssl", "--protocols", "--quiet", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
                    "--jsonfile", path, f"localhost:{port}"], capture_output=True, check=True, timeout=600)
    with open(path, encoding="utf-8") as file:
        findings = {finding["id"]: finding["finding"] for finding in json.load(file)}
    return {protocol: findings[name].startswith("offered") for name, protocol in PROTOCOLS.items()}


def run(directory, report):
    stack.need("sslscan", "testssl")
    with stack.echo_target() as target:
        config = stack.forward(target, stack.https(directory))
        base = config["Listeners"][0]
        config["Listeners"] = [base | {"SslPolicy": policy, "Port": stack.free_port()} for policy in POLICIES]
        ports = [listener["Port"] for listener in config["Listeners"]]
        with stack.balancer(directory, config), concurrent.futures.ThreadPoolExecutor(2) as pool:
            for policy, found in zip(POLICIES, pool.map(scanned, ports)):
                report(f"{policy}: ciphers", difference(expected(policy), found))
            for policy, found in zip(POLICIES, pool.map(lambda port: protocols(directory, port), ports)):
                wrong = [name for name, offered in found.items() if offered != (name in expected(policy))]
                report(f"{policy}: protocols", f"wrong about {', '.join(wrong)}: {found}" if wrong else None)


def difference(wanted, found):
    lines = [f"{protocol}: {'lacks' if name in wanted.get(protocol, ()) else 'offers'} {name}"
             for protocol in sorted(wanted.keys() | found.keys())
             for name in sorted(wanted.get(protocol, set()) ^ found.get(protocol, set()))]
    return ", ".join(lines) or None
