"""Cookies as a browser keeps them, and as whoever has the key can read and write them."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import struct
import time

from conftest import Target, answer

SECRET = bytes(range(32))
KEY = base64.b64encode(SECRET).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()
DAY = 86400


def named_targets(count, headers=b""):
    """Targets that answer with their number."""
    def handler(number):
        def respond(connection, request):
            connection.send(answer(b"%d" % number, headers=headers))
        return respond
    return [Target(handler(i)) for i in range(count)]


def with_key(balancer, key):
    """From now on the balancer's documents have this CookieKey."""
    balancer.members["CookieKey"] = key


class Cookie:
    """One Set-Cookie header."""

    def __init__(self, text):
        pair, *attributes = text.split("; ")
        self.name, self.value = pair.split("=", 1)
        self.attributes = attributes

    def attribute(self, name):
        return next((a.split("=", 1)[1] for a in self.attributes if a.startswith(name + "=")), None)


def cookies_of(response):
    return {cookie.name: cookie for cookie in map(Cookie, response.all("set-cookie"))}


class Browser:
    """Sends back the cookies that it was given."""

    def __init__(self, balancer, headers=""):
        self.balancer = balancer
        self.headers = headers
        self.jar = {}
        self.response = None

    def get(self, path="/", port=None):
        pairs = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        line = f"Cookie: {pairs}\r\n" if pairs else ""
        client = self.balancer.connect(port)
        client.send(f"GET {path} HTTP/1.1\r\nHost: e.com\r\n{self.headers}{line}\r\n".encode())
        self.response = client.message()
        client.close()
        self.jar.update({name: cookie.value for name, cookie in cookies_of(self.response).items()})
        return self.response.body.decode()


def leaves_a_failed_target_for_good(browser, targets, home):
    """Its session is at `home`, the number of a target; it does not go back when that is healthy again."""
    browser.balancer.set_healthy(targets[int(home)], False)
    second = browser.get()
    assert second != home
    browser.balancer.set_healthy(targets[int(home)], True)
    for _ in range(4):
        assert browser.get() == second


# ---- what is in the load balancer's cookies: src/balancer/cookie_seal.h ----

libcrypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for function in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
    getattr(libcrypto, function).restype = ctypes.c_void_p


def gcm(key, nonce, head, data):
    """AES-256-GCM: `data` encrypted, or decrypted, which is the same, and the tag of the former."""
    context, cipher = (ctypes.c_void_p(f()) for f in (libcrypto.EVP_CIPHER_CTX_new, libcrypto.EVP_aes_256_gcm))
    out, tag, size = ctypes.create_string_buffer(len(data) + 16), ctypes.create_string_buffer(16), ctypes.c_int()
    libcrypto.EVP_EncryptInit_ex(context, cipher, None, key, nonce)
    libcrypto.EVP_EncryptUpdate(context, None, ctypes.byref(size), head, len(head))
    libcrypto.EVP_EncryptUpdate(context, out, ctypes.byref(size), data, len(data))
    libcrypto.EVP_EncryptFinal_ex(context, ctypes.create_string_buffer(16), ctypes.byref(size))
    libcrypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag)
    libcrypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:len(data)], tag.raw


def key_of(name, day):
    text = b"pileus stickiness cookie\0" + name.encode() + b"\0alone\0" + struct.pack(">q", day)
    return hmac.new(SECRET, text, hashlib.sha256).digest()


def seal(name, entries):
    """The value of a cookie that says `entries`: tuples of group, target and end."""
    day = int(time.time()) // DAY
    head, nonce = struct.pack(">BH", 1, day & 0xffff), os.urandom(12)
    data = b"".join(struct.pack(">QQI", *entry) for entry in entries)
    sealed, tag = gcm(key_of(name, day), nonce, head, data)
    return base64.b64encode(head + nonce + sealed + tag).decode()


def unseal(name, value):
    raw = base64.b64decode(value)
    today = int(time.time()) // DAY
    day = today - ((today - struct.unpack(">H", raw[1:3])[0]) & 0xffff)
    data, _ = gcm(key_of(name, day), raw[3:15], raw[:3], raw[15:-16])
    assert gcm(key_of(name, day), raw[3:15], raw[:3], data) == (raw[15:-16], raw[-16:])
    return list(struct.iter_unpack(">QQI", data))
