"""h1spec: how strict is the front end about HTTP/1.1, as it is and in its strictest mode? TypeScript, run by deno."""
import os
import re
import subprocess

import stack


def run(directory, report):
    folder = stack.source("uNetworking/h1spec", "f0a5650a20c5")
    deno = os.path.join(stack.node_modules("deno", ["deno@2.9.6"]), ".bin/deno")
    for mode in ("defensive", "strictest"):
        attributes = {"routing.http.desync_mitigation_mode": mode}
        with stack.echo_target() as target, stack.balancer(
                directory, stack.forward(target, attributes=attributes)) as port:
            command = [deno, "run", "--allow-net", f"{folder}/http_test.ts", "127.0.0.1", str(port)]
            for name, failure in results(command):
                report(f"{mode}: {name}", failure)


def results(command):
    """(case, failure or None)"""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                          env=os.environ | {"NO_COLOR": "1"})
    for line in (done.stdout + done.stderr).splitlines():
        if match := re.match(r"([✅❌]) (.+?): (.*)", line):
            mark, name, said = match.groups()
            yield name, None if mark == "✅" else said
