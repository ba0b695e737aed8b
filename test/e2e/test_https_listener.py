"""HTTPS listeners: certificates of Certificate Manager, found by name; policies; changes that lose nothing."""
import socket
import ssl
import subprocess
import sys

import pytest
from backend import Backend, fixed, forward, needs_boto3_with, refuses
from conftest import ROOT, eventually

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402
from resting import blocks_in_memory_kb  # noqa: E402

OPTIONS = ["--clock-speed", "10"]
NAME, OTHER = "www.example.com", "api.example.com"
TLS13_ONLY, TLS12 = "ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-2-2021-06"


# A target that speaks TLS with a certificate that nobody has signed.
TLS_SERVER = r"""#!/bin/sh
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nobody -keyout /opt/key.pem -out /opt/certificate.pem
cat >/opt/server.js <<'JS'
const fs = require('fs');
const answer = (request, response) => response.end(`${request.socket.encrypted ? 'TLS' : 'plain'} ${request.headers['x-forwarded-proto']}\n`);
require('https').createServer({key: fs.readFileSync('/opt/key.pem'), cert: fs.readFileSync('/opt/certificate.pem')}, answer).listen(443);
JS
exec node /opt/server.js
"""


# A target that speaks HTTP/2 only; to gRPC's requests it answers OK in trailers.
HTTP2_SERVER = r"""#!/bin/sh
cat >/opt/server.js <<'JS'
require('http2').createServer().on('stream', (stream, headers) => {
  if (!(headers['content-type'] || '').startsWith('application/grpc')) {
    stream.respond({':status': 200});
    return stream.end(`HTTP/2 ${headers['x-forwarded-proto']}\n`);
  }
  stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
}).listen(80);
JS
exec node /opt/server.js
"""


class Site(Backend):
    """One target behind an HTTPS listener of the load balancer `front`."""

    def __init__(self, cloud, directory):
        super().__init__(cloud, count=1)
        self.acm, self.directory = cloud.boto("acm"), directory
        self.ca = directory / "ca.pem"
        self.ca.write_text(cloud.pileus("ca").stdout)
        self.certificate = self.request(NAME)
        self.targets = self.target_group("app", self.instances)
        self.front = self.balancer("front", fixed(200, "plain"))
        self.arn = self.listen(self.front, self.certificate, forward(self.targets))
        self.wait_healthy(self.targets, 1)
        self.host = self.host_name(self.instances[0])

    def request(self, name, **options):
        return self.acm.request_certificate(DomainName=name, **options)["CertificateArn"]

    def self_signed(self, name):
        """(certificate, key) of a new one."""
        files = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName=DNS:{name}", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        return tuple(file.read_bytes() for file in files)

    def listen(self, balancer, certificate, action, port=443, **options):
        return self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTPS", Port=port, Certificates=[{"CertificateArn": certificate}],
            DefaultActions=[action], **options)["Listeners"][0]["ListenerArn"]

    def curl(self, url, *options, name=NAME, ca=None, port=443):
        """The finished curl; it takes `name` for this machine."""
        return subprocess.run(["curl", "-sS", "--max-time", "10", "--cacert", ca or self.ca, "--resolve", f"{name}:{port}:127.0.0.1",
                               url, *options], text=True, capture_output=True)

    def get(self, path="/", *options, name=NAME, **more):
        done = self.curl(f"https://{name}{path}", *options, name=name, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def handshake(self, name=NAME, port=443, **options):
        """(the certificate's names, the version of TLS) of a connection that checks nothing but the authority."""
        context = ssl.create_default_context(cafile=options.get("ca", self.ca))
        context.check_hostname = False
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=name) as connection:
            return [value for _, value in connection.getpeercert()["subjectAltName"]], connection.version()


@pytest.fixture(scope="module")
def site(cloud, tmp_path_factory):
    made = Site(cloud, tmp_path_factory.mktemp("site"))
    eventually(lambda: made.curl(f"https://{NAME}/").returncode == 0, what="the HTTPS listener")
    return made


def test_both_aws_commands_make_an_https_listener(site, aws):
    lb = site.front["LoadBalancerArn"]
    arn = aws(f"elbv2 create-listener --load-balancer-arn {lb} --protocol HTTPS --port 8443 --certificates CertificateArn={site.certificate} "
              f"--ssl-policy {TLS12} --default-actions Type=fixed-response,FixedResponseConfig={{StatusCode=200,MessageBody=cli}}",
              query="Listeners[0].ListenerArn")
    shown = aws(f"elbv2 describe-listeners --listener-arns {arn}", query="Listeners[0]")
    assert (shown["Protocol"], shown["SslPolicy"], shown["Certificates"]) == ("HTTPS", TLS12, [{"CertificateArn": site.certificate}])
    eventually(lambda: site.curl(f"https://{NAME}:8443/", port=8443).stdout == "cli", what="the listener on 8443")
    aws(f"elbv2 delete-listener --listener-arn {arn}")
    eventually(lambda: site.curl(f"https://{NAME}:8443/", port=8443).returncode == 7, what="the end of the listener")


def test_who_trusts_the_authority_is_served(site):
    assert site.get() == site.host + "\n"
    assert site.curl(f"https://{NAME}/", ca="/dev/null").returncode in (60, 77)
    assert site.curl("https://wrong.example.org/", name="wrong.example.org").returncode == 60


def test_a_connection_that_says_nothing_rests(cloud, site):
    """In the daemon too, where others use OpenSSL before the balancer does."""
    context = ssl.create_default_context(cafile=site.ca)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 5), server_hostname=NAME):
        before = eventually(lambda: blocks_in_memory_kb(cloud.record()["balancer"]), what="a block that is awake")
        eventually(lambda: blocks_in_memory_kb(cloud.record()["balancer"]) < before, what="its rest")


def test_targets_are_told_of_https(site):
    seen = site.get("/headers")
    assert '"x-forwarded-proto":"https"' in seen and '"x-forwarded-port":"443"' in seen


def test_targets_may_speak_tls_whatever_their_certificate(site):
    group = site.target_group("tls", [], Protocol="HTTPS", Port=443, HealthCheckProtocol="HTTPS")
    rule = site.elb.create_rule(ListenerArn=site.arn, Priority=1, Actions=[forward(group)],
                                Conditions=[{"Field": "path-pattern", "Values": ["/tls"]}])["Rules"][0]["RuleArn"]
    instance = site.launch(server=TLS_SERVER)
    site.wait_state(instance, "running")
    site.register(group, instance)
    site.wait_healthy(group, 1)
    assert site.get("/tls") == "TLS https\n"
    site.elb.delete_rule(RuleArn=rule)


def test_targets_may_speak_http2_and_grpc(site):
    instance = site.launch(server=HTTP2_SERVER)
    site.wait_state(instance, "running")
    rules = []
    for priority, (version, options) in enumerate({"HTTP2": {}, "GRPC": {"HealthCheckPath": "/check", "Matcher": {"GrpcCode": "0"}}}.items(), 2):
        group = site.target_group(version.lower(), [instance], ProtocolVersion=version, **options)
        rules.append(site.elb.create_rule(ListenerArn=site.arn, Priority=priority, Actions=[forward(group)], Conditions=[
            {"Field": "path-pattern", "Values": [f"/{version.lower()}*"]}])["Rules"][0]["RuleArn"])
        site.wait_healthy(group, 1)
        refuses("InvalidLoadBalancerAction", site.elb.create_rule, ListenerArn=site.front["Listener"], Priority=priority,
                Actions=[forward(group)], Conditions=[{"Field": "path-pattern", "Values": ["/"]}])
    status = ["-o", "/dev/null", "-w", "%{http_code}"]
    assert site.get("/http2", "--http2") == "HTTP/2 https\n"
    assert site.get("/http2", "--http1.1", *status) == "464"
    grpc = ["--http2", "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "", "-D", "-", "-o", "/dev/null"]
    assert "grpc-status: 0" in site.get("/grpc.Service/Method", *grpc)
    assert site.get("/grpc.Service/Method", "--http2", *status) == "464"
    for rule in rules:
        site.elb.delete_rule(RuleArn=rule)


def test_a_plain_listener_sends_clients_to_https(site):
    to_https = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    rule = site.elb.create_rule(ListenerArn=site.front["Listener"], Priority=1, Actions=[to_https],
                                Conditions=[{"Field": "host-header", "Values": [NAME]}])["Rules"][0]["RuleArn"]
    # On the host's shared address a Host that is no load balancer's name says nothing: connect to a node.
    node = site.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/front/*"]}])["NetworkInterfaces"][0]
    address = node["Association"]["PublicIp"]
    both = ["--connect-to", f"{NAME}:80:{address}:80", "--connect-to", f"{NAME}:443:{address}:443", "-L"]
    eventually(lambda: site.curl(f"http://{NAME}/", *both).stdout == site.host + "\n", what="the redirect")
    site.elb.delete_rule(RuleArn=rule)


def test_load_balancers_share_the_hosts_port_by_name(site):
    second = site.balancer("second", fixed(200, "second"))
    site.listen(second, site.request(OTHER), fixed(200, "second by TLS"))
    eventually(lambda: site.curl(f"https://{OTHER}/", name=OTHER).stdout == "second by TLS", what="the second load balancer")
    assert site.get() == site.host + "\n"
    site.elb.delete_load_balancer(LoadBalancerArn=second["LoadBalancerArn"])
    eventually(lambda: site.handshake(OTHER)[0] == [NAME], what="the end of the second load balancer")


def test_more_certificates_are_found_by_name(site, aws):
    other = site.request(f"*.{OTHER}", SubjectAlternativeNames=[OTHER], KeyAlgorithm="EC_prime256v1")
    assert site.handshake(OTHER)[0] == [NAME]
    aws(f"elbv2 add-listener-certificates --listener-arn {site.arn} --certificates CertificateArn={other}")
    eventually(lambda: site.handshake(OTHER)[0] == [f"*.{OTHER}", OTHER], what="the other certificate")
    assert site.handshake(f"a.{OTHER}")[0] == [f"*.{OTHER}", OTHER] and site.handshake()[0] == [NAME]
    assert site.get(name=OTHER) == site.host + "\n"
    shown = aws(f"elbv2 describe-listener-certificates --listener-arn {site.arn}", query="Certificates")
    assert [(row["CertificateArn"], row["IsDefault"]) for row in shown] == [(site.certificate, True), (other, False)]
    assert aws.fails(f"acm delete-certificate --certificate-arn {other}") == "ResourceInUseException"
    aws(f"elbv2 remove-listener-certificates --listener-arn {site.arn} --certificates CertificateArn={other}")
    eventually(lambda: site.handshake(OTHER)[0] == [NAME], what="the certificate's end")
    aws(f"acm delete-certificate --certificate-arn {other}")


def test_a_policy_decides_which_versions_of_tls_work(site, aws):
    assert TLS13_ONLY in aws("elbv2 describe-ssl-policies", query="SslPolicies[].Name")
    shown = aws(f"elbv2 describe-ssl-policies --names {TLS13_ONLY}", query="SslPolicies[0]")
    assert shown["SslProtocols"] == ["TLSv1.3"] and shown["Ciphers"][0]["Priority"] == 1
    old = ["--tls-max", "1.2"]
    site.elb.modify_listener(ListenerArn=site.arn, SslPolicy=TLS13_ONLY)
    eventually(lambda: site.curl(f"https://{NAME}/", *old).returncode == 35, what="the policy")
    assert site.handshake()[1] == "TLSv1.3"
    site.elb.modify_listener(ListenerArn=site.arn, SslPolicy=TLS12)
    eventually(lambda: site.curl(f"https://{NAME}/", *old).returncode == 0, what="the older policy")


def test_attributes_of_the_listener_set_headers(site, aws):
    needs_boto3_with(site.elb, "ModifyListenerAttributes")
    hsts, renamed = "routing.http.response.strict_transport_security.header_value", "routing.http.request.x_amzn_tls_version.header_name"
    aws(["elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", site.front["LoadBalancerArn"], "--attributes",
         "Key=routing.http.x_amzn_tls_version_and_cipher_suite.enabled,Value=true"])
    if aws.name == "debian":  # it is older than these attributes
        site.elb.modify_listener_attributes(ListenerArn=site.arn, Attributes=[{"Key": hsts, "Value": "max-age=60"}, {"Key": renamed, "Value": "X-TLS"}])
    else:
        aws(["elbv2", "modify-listener-attributes", "--listener-arn", site.arn, "--attributes",
             f"Key={hsts},Value=max-age=60", f"Key={renamed},Value=X-TLS"])
    eventually(lambda: "strict-transport-security: max-age=60" in site.get("/", "-i", "--http1.1").lower(), what="the header for clients")
    assert '"x-tls":"TLSv1.3"' in site.get("/headers") and "x-amzn-tls-cipher-suite" in site.get("/headers")
    site.elb.modify_listener_attributes(ListenerArn=site.arn, Attributes=[{"Key": hsts, "Value": ""}, {"Key": renamed, "Value": ""}])


def test_a_reimport_under_load_loses_nothing(site):
    name = "imported.example.com"
    certificate, key = site.self_signed(name)
    arn = site.acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    listener = site.listen(site.front, arn, forward(site.targets), port=9443)
    served = lambda: ssl.get_server_certificate(("127.0.0.1", 9443))
    eventually(lambda: socket.socket().connect_ex(("127.0.0.1", 9443)) == 0, what="the listener")
    assert served() == certificate.decode()
    trusting_all = ssl._create_unverified_context()
    with Load("127.0.0.1", 9443, 100, name=name, tls=trusting_all, connections=2) as load:
        for _ in range(5):
            certificate, key = site.self_signed(name)
            site.acm.import_certificate(CertificateArn=arn, Certificate=certificate, PrivateKey=key)
            eventually(lambda: served() == certificate.decode(), what="the new certificate")
    assert len(load.outcomes) > 50 and not load.failures, load.failures[:3]
    site.elb.delete_listener(ListenerArn=listener)


def test_security_groups_decide_about_443_too(site):
    everywhere = [{"CidrIp": "0.0.0.0/0"}]
    group = site.ec2.create_security_group(GroupName="only-80", Description="x", VpcId=site.vpc)["GroupId"]
    site.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": everywhere}])
    site.elb.set_security_groups(LoadBalancerArn=site.front["LoadBalancerArn"], SecurityGroups=[group])
    eventually(lambda: site.curl(f"https://{NAME}/", "--max-time", "1").returncode == 28, what="443 to be closed")
    site.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": everywhere}])
    eventually(lambda: site.curl(f"https://{NAME}/").returncode == 0, what="443 to be open")
    site.elb.set_security_groups(LoadBalancerArn=site.front["LoadBalancerArn"], SecurityGroups=[site.group])


def test_certificates_outlive_the_daemon(site, cloud):
    before = ssl.get_server_certificate(("127.0.0.1", 443))
    cloud.pileus("stop", "--keep")
    cloud.process.wait(timeout=30)
    cloud.start()
    eventually(lambda: site.curl(f"https://{NAME}/").stdout == site.host + "\n", what="the listener after a restart")
    assert ssl.get_server_certificate(("127.0.0.1", 443)) == before


def test_what_does_not_fit_is_refused(site):
    needs_boto3_with(site.elb, "CreateListener", "MutualAuthentication")
    own = [{"CertificateArn": site.certificate}]
    missing = [{"CertificateArn": site.certificate[:-4] + "0000"}]
    def create(code, **options):
        refuses(code, site.elb.create_listener, **{"LoadBalancerArn": site.front["LoadBalancerArn"], "Protocol": "HTTPS", "Port": 444,
                                                   "DefaultActions": [fixed(200)], **options})
    create("ValidationError")
    create("CertificateNotFound", Certificates=missing)
    create("TooManyCertificates", Certificates=own + missing)
    create("SSLPolicyNotFound", Certificates=own, SslPolicy="ELBSecurityPolicy-None")
    create("ALPNPolicyNotFound", Certificates=own, AlpnPolicy=["HTTP2Only"])
    create("UnsupportedOperation", Certificates=own, MutualAuthentication={"Mode": "passthrough"})
    create("InvalidConfigurationRequest", Certificates=own, Protocol="HTTP")
    create("InvalidLoadBalancerAction", Certificates=own, DefaultActions=[
        {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTP", "StatusCode": "HTTP_301"}}])
    refuses("CertificateNotFound", site.elb.add_listener_certificates, ListenerArn=site.arn, Certificates=missing)
    refuses("OperationNotPermitted", site.elb.remove_listener_certificates, ListenerArn=site.arn, Certificates=own)
    refuses("InvalidConfigurationRequest", site.elb.add_listener_certificates, ListenerArn=site.front["Listener"], Certificates=own)
    refuses("ResourceInUseException", site.acm.delete_certificate, CertificateArn=site.certificate)
