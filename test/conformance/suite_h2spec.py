"""h2spec: is the front end an HTTP/2 server? Built from source with the machine's Go."""
import os
import subprocess
import xml.etree.ElementTree as ElementTree

import stack

def build():
    stack.need("go")
    folder = stack.source("summerwind/h2spec", "af83a65f0b62")
    program = os.path.join(folder, "h2spec.built")
    if not os.path.exists(program):
        stack.attempt(["go", "build", "-o", program, "./cmd/h2spec"], "h2spec cannot be built", cwd=folder, timeout=500)
    return program


def run(directory, report):
    program = build()
    with stack.echo_target() as target, stack.balancer(
            directory, stack.forward(target, stack.https(directory))) as port:
        subprocess.run([program, "-h", "127.0.0.1", "-p", str(port), "-t", "-k", "-o", "5", "-j",
                        f"{directory}/h2spec.xml"], stdout=subprocess.DEVNULL, check=False, timeout=900)
    for case in ElementTree.parse(f"{directory}/h2spec.xml").iter("testcase"):
        name = f"{case.get('package')} {case.get('classname')}"
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        report(name, None if bad is None else " ".join((bad.text or "").split()))
