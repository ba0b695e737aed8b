"""Certificates for tests, made by openssl, and clients and targets that speak TLS."""
import functools
import socket
import ssl
import subprocess
import tempfile
import warnings

from conftest import Connection, Target, WAIT


class Certificate:
    def __init__(self, certificate, key, chain=None):
        self.certificate, self.key, self.chain = certificate, key, chain

    def words(self):
        """As the configuration has it."""
        words = {"Certificate": self.certificate, "PrivateKey": self.key}
        if self.chain:
            words["CertificateChain"] = self.chain
        return words

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate)


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=WAIT)


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


@functools.lru_cache(maxsize=None)
def certificate(*names, key="ec", serial=1):
    """A self-signed certificate for these names; `key` is "ec" or "rsa"."""
    kind = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}[key]
    with tempfile.TemporaryDirectory() as folder:
        _openssl("req", "-x509", "-nodes", "-newkey", *kind, "-days", "2", "-set_serial", str(serial),
                 "-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names),
                 "-keyout", folder + "/key", "-out", folder + "/certificate")
        return Certificate(_read(folder + "/certificate"), _read(folder + "/key"))


@functools.lru_cache(maxsize=None)
def issued(name):
    """A certificate signed by another one, which is its chain."""
    with tempfile.TemporaryDirectory() as folder:
        _openssl("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-days", "2", "-subj", "/CN=authority", "-keyout", folder + "/ca.key", "-out", folder + "/ca")
        _openssl("req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={name}",
                 "-keyout", folder + "/key", "-out", folder + "/request")
        _openssl("x509", "-req", "-in", folder + "/request", "-CA", folder + "/ca", "-CAkey", folder + "/ca.key",
                 "-CAcreateserial", "-days", "2", "-out", folder + "/certificate")
        return Certificate(_read(folder + "/certificate"), _read(folder + "/key"), _read(folder + "/ca"))


def https(*certificates, policy=None, **words):
    """The members of an HTTPS listener."""
    listener = {"Protocol": "HTTPS", "Certificates": [c.words() for c in certificates], **words}
    if policy:
        listener["SslPolicy"] = policy
    return listener


def client_context(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_3, ciphers="ALL", alpn=None):
    """A client that takes any certificate, and old protocols too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers + ":@SECLEVEL=0")
    with warnings.catch_warnings():  # old protocols are what some tests are about
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = minimum, maximum
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def server_context(own, alpn=()):
    """A server with this certificate, which speaks whatever its peer does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(own.key + own.certificate)
        file.flush()
        context.load_cert_chain(file.name)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsTarget(Target):
    """A target whose connections begin with a handshake."""

    def __init__(self, handler=None, minimum=None):
        self.context = server_context(certificate("nobody.knows"))
        if minimum:
            self.context.minimum_version = minimum
        self.handshakes = []
        super().__init__(handler)

    def _serve(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:
            return
        self.handshakes.append((sock.version(), sock.session_reused))
        super()._serve(sock)


def connect(balancer, name=None, context=None, session=None, port=None):
    """A TLS connection to the balancer; its socket is `.sock`."""
    sock = socket.create_connection(("127.0.0.1", port or balancer.port), timeout=WAIT)
    try:
        return Connection((context or client_context()).wrap_socket(sock, server_hostname=name, session=session))
    except BaseException:
        sock.close()
        raise


def get(connection, path="/", headers=""):
    connection.send(f"GET {path} HTTP/1.1\r\nHost: e.com\r\n{headers}\r\n".encode("latin-1"))
    return connection.message()
