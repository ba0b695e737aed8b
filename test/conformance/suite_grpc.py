"""gRPC through an HTTPS listener and a GRPC target group must be gRPC without them: each case, in grpc_cases.py."""
import json
import subprocess
import os

import stack


def run(directory, report):
    python = stack.python_with("grpc", ["grpcio==1.74.0"])
    program = [python, os.path.join(os.path.dirname(os.path.abspath(__file__)), "grpc_cases.py")]
    target = stack.free_port()
    group = {"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "0-99"}}
    with stack.program([*program, "serve", str(target)], target), stack.balancer(
            directory, stack.forward(target, stack.https(directory), group)) as port:
        direct = results(program, [str(target)])
        through = results(program, [str(port), stack.certificate(directory)[0]])
    for name, result in direct.items():
        same = through.get(name) == result
        report(name, None if same else f"direct {result}, through the balancer {through.get(name)}")


def results(program, arguments):
    """{case: what came of it}"""
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)
