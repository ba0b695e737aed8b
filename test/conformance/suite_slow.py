"""slowhttptest's four attacks, while another client goes on: it must not notice.

The attackers hold a thousand connections each. Before and during each attack bench-rate asks at a fixed rate, in an
open loop; every request must be answered, and the 99th percentile must stay where it was, or below 100 ms.
"""
import json
import os
import subprocess

import stack

RATE, SECONDS, CONNECTIONS = 500, 8, 1000
ATTACKS = {
    "slow headers": ["-H", "-i", "1"],
    "slow body": ["-B", "-i", "1", "-s", "8192"],
    "ranges": ["-R", "-a", "1", "-b", "3000"],
    "slow read": ["-X", "-w", "8", "-y", "16", "-n", "1", "-z", "1", "-k", "1"],
}


def bystander(build, port):
    command = [f"{build}/bench/bench-rate", f"--rate={RATE}", f"--seconds={SECONDS - 3}", "--connections=16"]
    done = subprocess.run([*command, str(port), "/"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout), None


def run(directory, report):
    stack.need("slowhttptest")
    build = os.path.dirname(os.path.dirname(os.path.dirname(stack.BALANCE)))
    target = stack.free_port()
    attributes = {"idle_timeout.timeout_seconds": "3"}
    with stack.program([f"{build}/bench/bench-origin", str(target), "65536"], target), stack.balancer(
            directory, stack.forward(target, attributes=attributes)) as port:
        before, error = bystander(build, port)
        report("before", error)
        for name, options in ATTACKS.items():
            attack = ["slowhttptest", *options, "-c", str(CONNECTIONS), "-r", "500", "-l", str(SECONDS), "-v", "0",
                      "-u", f"http://127.0.0.1:{port}/"]
            with subprocess.Popen(attack, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attacker:
                during, error = bystander(build, port)
                attacker.wait()
            report(name, error or harm(before, during))


def harm(before, during):
    if during["errors"] or during["requests"] < during["asked"]:
        return f"{during['errors']} errors, {during['requests']} of {during['asked']} answered"
    limit_us = max(100_000, 3 * before["p99"])
    return f"p99 {during['p99']:.0f} us, before {before['p99']:.0f} us" if during["p99"] > limit_us else None
