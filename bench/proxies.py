"""The proxies that are measured, configured for the same work.

Fair means: the same number of threads; connections to targets are kept and used by any client (HAProxy: http-reuse
always; nginx: keepalive for more connections than the load has); no limit on requests a connection; Host as it came,
and X-Forwarded-For, -Proto and -Port added as ALB does; no access log; targets checked every 30 s where the proxy can;
for TLS the same certificate (P-256), TLS 1.2 and 1.3 with AES-128-GCM first, tickets as each has them by default.
"""
import json
import subprocess

HAPROXY_CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def certificate(directory):
    """Makes DIRECTORY/certificate.pem, key.pem and both in both.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=127.0.0.1", "-keyout", f"{directory}/key.pem", "-out",
                    f"{directory}/certificate.pem"], check=True, capture_output=True)
    write(f"{directory}/both.pem", read(f"{directory}/certificate.pem") + read(f"{directory}/key.pem"))


def target_addresses(row):
    """The origin listens on all of 127/8: one process is as many targets as wanted."""
    return [f"127.0.{i // 250}.{i % 250 + 1}" for i in range(row.targets)]


def pileus(directory, port, origin, row, options):
    listener = {"Protocol": "HTTP", "Address": "127.0.0.1", "Port": port,
                "DefaultActions": [{"Type": "forward", "TargetGroupName": "app"}]}
    if row.tls:
        listener |= {"Protocol": "HTTPS", "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                     "Certificates": [{"Certificate": read(f"{directory}/certificate.pem"),
                                       "PrivateKey": read(f"{directory}/key.pem")}]}
    listener["Rules"] = [{"Priority": str(i + 1),
                          "Conditions": [{"Field": "path-pattern", "Values": [f"/rule-{i}/*"]}],
                          "Actions": [{"Type": "forward", "TargetGroupName": "app"}]} for i in range(row.rules)]
    config = {"Workers": options.threads, "Listeners": [listener],
              "TargetGroups": [{"TargetGroupName": "app", "Protocol": "HTTP",
                                "Targets": [{"Id": address, "Port": origin} for address in target_addresses(row)]}]}
    path = write(f"{directory}/pileus.json", json.dumps(config))
    return [f"{options.build}/test/flow/pileus-balance", "--config", path]


def haproxy(directory, port, origin, row, options):
    bind = f"bind 127.0.0.1:{port}"
    if row.tls:
        bind += f" ssl crt {directory}/both.pem alpn {'h2,' if row.http2 else ''}http/1.1"
    rules = "".join(f"    use_backend app if {{ path_beg /rule-{i}/ }}\n" for i in range(row.rules))
    servers = "".join(f"    server s{i} {address}:{origin} check inter 30s\n"
                      for i, address in enumerate(target_addresses(row)))
    path = write(f"{directory}/haproxy.cfg", f"""
global
    nbthread {options.threads}
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphersuites {HAPROXY_CIPHERS}
    tune.h2.max-concurrent-streams 128
    tune.ssl.cachesize {20000 if row.resumed else 0}
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 10s
    timeout tunnel 60s
    option forwardfor
    option httpchk GET /
    http-reuse always
frontend front
    {bind}
    http-request set-header X-Forwarded-Proto {row.scheme}
    http-request set-header X-Forwarded-Port {port}
{rules}    default_backend app
backend app
    balance roundrobin
{servers}""")
    return ["haproxy", "-db", "-f", path]


def nginx(directory, port, origin, row, options):
    listen = f"listen 127.0.0.1:{port} backlog=4096"
    tls = ""
    if row.tls:
        listen += " ssl http2" if row.http2 else " ssl"
        tls = f"""ssl_certificate {directory}/certificate.pem;
        ssl_certificate_key {directory}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_conf_command Ciphersuites {HAPROXY_CIPHERS};"""
    forward = f"""proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection {'upgrade' if row.websocket else '""'};
            {'proxy_set_header Upgrade websocket;' if row.websocket else ''}
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Port {port};
            proxy_set_header Host $http_host;"""
    rules = "".join(f"        location /rule-{i}/ {{ {forward} }}\n" for i in range(row.rules))
    servers = "".join(f"server {address}:{origin};\n" for address in target_addresses(row))
    path = write(f"{directory}/nginx.conf", f"""
worker_processes {options.threads};
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    http2_max_concurrent_streams 128;
    upstream app {{ {servers} keepalive 2048; keepalive_requests 1000000000; }}
    server {{
        {listen};
        {tls}
        location / {{ {forward} }}
{rules}    }}
}}
""")
    return ["nginx", "-c", path, "-p", directory, "-e", f"{directory}/nginx.log"]


def relay(_directory, port, origin, row, options):
    """Parses nothing: one client connection to one target connection. Has no TLS and cannot choose."""
    if row.tls or row.close or row.rules or row.targets > 1:
        return None
    return [f"{options.build}/bench/bench-relay", str(port), str(origin)]


PROXIES = {"pileus": pileus, "haproxy": haproxy, "nginx": nginx, "relay": relay}
