"""slowhttptest's four attacks, while another client goes on: it must not notice.

The attackers make a thousand connections each, and hold them, but for the one with ranges: whether they did is a case
too. Before and during each, bench-rate asks at a fixed rate, in an open loop; every request must be answered, and the
99th percentile must stay where it was, or below 100 ms.
"""
import csv
import json
import os
import subprocess

import stack

RATE, SECONDS, CONNECTIONS = 500, 8, 1000
ATTACKED = CONNECTIONS // 4  # at least, however busy the machine is
ATTACKS = {
    "slow headers": ["-H", "-i", "1"],
    "slow body": ["-B", "-i", "1", "-s", "8192"],
    "ranges": ["-R", "-a", "1", "-b", "2000"],
    "slow read": ["-X", "-w", "8", "-y", "16", "-n", "1", "-z", "1", "-k", "1"],
}


def bystander(build, port):
    command = [f"{build}/bench/bench-rate", f"--rate={RATE}", f"--seconds={SECONDS - 3}", "--connections=16"]
    done = subprocess.run([*command, str(port), "/"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout), None


def configuration(target, bodies):
    """Bodies go to a target that waits for them, as bench-origin does not."""
    config = stack.forward(target, attributes={"idle_timeout.timeout_seconds": "3"})
    config["TargetGroups"].append({"TargetGroupName": "bodies", "Protocol": "HTTP",
                                   "Targets": [{"Id": "127.0.0.1", "Port": bodies}]})
    post = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}}
    config["Listeners"][0]["Rules"] = [{"Priority": 1, "Conditions": [post],
                                        "Actions": [{"Type": "forward", "TargetGroupName": "bodies"}]}]
    return config


def run(directory, report):
    stack.need("slowhttptest")
    build = os.path.dirname(os.path.dirname(os.path.dirname(stack.BALANCE)))
    target = stack.free_port()
    with stack.program([f"{build}/bench/bench-origin", str(target), "65536"], target), \
            stack.echo_target() as bodies, stack.balancer(directory, configuration(target, bodies)) as port:
        before, error = bystander(build, port)
        report("before", error)
        if error:
            return
        for name, options in ATTACKS.items():
            statistics = f"{directory}/{options[0]}"
            attack = ["slowhttptest", *options, "-c", str(CONNECTIONS), "-r", "500", "-l", str(SECONDS), "-v", "0",
                      "-g", "-o", statistics, "-u", f"http://127.0.0.1:{port}/"]
            with subprocess.Popen(attack, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attacker:
                during, error = bystander(build, port)
                attacker.wait()
            made, held = attacked(f"{statistics}.csv")
            report(name, error or harm(before, during))
            few = (made if name == "ranges" else held) < ATTACKED
            report(f"{name}: there is an attack", f"{made} connections, at most {held} at once" if few else None)
            if during:
                print(f"  {name}: p99 {during['p99']:.0f} us, without {before['p99']:.0f} us; {made} connections, "
                      f"at most {held} at once", flush=True)


def attacked(path):
    """How many connections an attacker made, and held at once."""
    with open(path, encoding="ascii") as file:
        rows = [(int(row["Connected"]), int(row["Closed"])) for row in csv.DictReader(file)]
    return max(sum(row) for row in rows), max(connected for connected, _ in rows)


def harm(before, during):
    if during["errors"] or during["requests"] < during["asked"]:
        return f"{during['errors']} errors, {during['requests']} of {during['asked']} answered"
    limit_us = max(100_000, 3 * before["p99"])
    return f"p99 {during['p99']:.0f} us, before {before['p99']:.0f} us" if during["p99"] > limit_us else None
