#!/usr/bin/env python3
"""Run smithy's protocol vectors against our codecs, from the server's side.

Input vectors: what a client sent is decoded, and must give what the client meant. Output and error
vectors: the result is encoded, botocore's own parser reads it, and must find the result.

usage: protocol_vectors.py MODEL_PROBE VECTORS_DIR [CASE_ID]
"""
import base64
import datetime
import json
import math
import subprocess
import sys

import vector_models

# What does not apply to a server that decodes bodies by the model, by case id.
GZIP = "is about the header of compressed bodies, and carries no body; the front decompresses them"
LEFT_OUT = "is about what a client leaves out; the server cannot see it"
HEADER = "the code is in a header, which the front writes; see test/unit/front"
FLATTENED = "botocore's parser names flattened items otherwise than the vector does; we answer as the vector"
EXCEPTIONS = {
    "Ec2XmlLists": FLATTENED,
    "QueryXmlLists": FLATTENED,
    **{f"SDKAppliedContentEncoding_{p}": GZIP for p in ("ec2Query", "awsQuery", "awsJson1_0", "awsJson1_1")},
    **{f"SDKAppendsGzipAndIgnoresHttpProvidedEncoding_{p}": GZIP
       for p in ("ec2Query", "awsQuery", "awsJson1_0", "awsJson1_1")},
    "Ec2EmptyQueryLists": LEFT_OUT,
    "QueryEmptyQueryMaps": LEFT_OUT,
    "QueryCompatibleAwsJson10CustomCodeError": HEADER,
    "QueryCompatibleRpcV2CborCustomCodeError": HEADER,
}


class Probe:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def plain(shapes, member, value):
    """A vector's value in the form that handlers see: blobs base64, timestamps numbers."""
    shape = shapes[member["shape"]]
    kind = shape["type"]
    if kind == "structure":
        return {name: plain(shapes, shape["members"][name], item)
                for name, item in value.items() if item is not None and name in shape["members"]}
    if kind == "list":
        return [plain(shapes, shape["member"], item) for item in value if item is not None]
    if kind == "map":
        return {key: plain(shapes, shape["value"], item) for key, item in value.items() if item is not None}
    if kind == "blob":
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    if kind == "timestamp":
        return value.timestamp() if isinstance(value, datetime.datetime) else float(value)
    if kind in ("float", "double"):
        if isinstance(value, str):
            return value
        if math.isnan(value):
            return "NaN"
        return float(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def without_tokens(shapes, member, value, wanted):
    """Drops the client tokens that the client made up."""
    members = shapes[member["shape"]].get("members", {})
    return {name: item for name, item in value.items()
            if name in wanted or not members[name].get("idempotencyToken")}


def protocol_of(suite):
    return suite["metadata"]["protocol"]


def check_input(probe, name, suite, case):
    body = case["serialized"].get("body", "")
    if not protocol_of(suite).endswith("cbor"):
        body = base64.b64encode(body.encode()).decode()
    given = case["given"]
    answer = probe.ask(service=name, operation=given["name"], protocol=protocol_of(suite), decode=body)
    if "in" not in answer:
        return f"refused: {answer}"
    if "input" not in given:
        return None
    wanted = plain(suite["shapes"], given["input"], case["params"])
    found = without_tokens(suite["shapes"], given["input"], answer["in"], wanted)
    return None if found == wanted else f"found {found}, wanted {wanted}"


def parse(suite, case, body, status):
    """What botocore makes of our answer."""
    import botocore.model
    import botocore.parsers
    model = botocore.model.ServiceModel({"metadata": suite["metadata"], "shapes": suite["shapes"],
                                         "operations": {case["given"]["name"]: case["given"]}})
    operation = model.operation_model(case["given"]["name"])
    parser = botocore.parsers.create_parser(protocol_of(suite))
    response = {"body": body, "status_code": status,
                "headers": {"x-amzn-requestid": "id", "smithy-protocol": "rpc-v2-cbor"}}
    shape = operation.output_shape
    if status >= 300:
        shape = None
    return parser.parse(response, shape)


def check_result(probe, name, suite, case):
    given = case["given"]
    member = given.get("output")
    wanted = plain(suite["shapes"], member, case.get("result", {})) if member else {}
    answer = probe.ask(service=name, operation=given["name"], protocol=protocol_of(suite), encode=wanted)
    if "body" not in answer:
        return f"refused: {answer}"
    parsed = parse(suite, case, base64.b64decode(answer["body"]), 200)
    parsed.pop("ResponseMetadata", None)
    found = plain(suite["shapes"], member, parsed) if member else {}
    return None if found == wanted else f"found {found}, wanted {wanted}"


def check_error(probe, name, suite, case):
    code, message = case["errorCode"], case.get("errorMessage", "")
    answer = probe.ask(service=name, operation=case["given"]["name"], protocol=protocol_of(suite),
                       code=code, message=message)
    error = parse(suite, case, base64.b64decode(answer["body"]), answer["status"])["Error"]
    if (error["Code"], error.get("Message") or "") != (code, message):
        return f"found {error}, wanted {code}: {message}"
    wanted = case["response"]["status_code"]
    return None if answer["status"] == wanted else f"status {answer['status']}, wanted {wanted}"


def main():
    probe_path, vectors = sys.argv[1:3]
    only = sys.argv[3] if len(sys.argv) > 3 else None
    sys.path.insert(0, vectors)
    probe, passed, failed, excepted = Probe(probe_path), 0, 0, 0
    for name, suite, case, direction in vector_models.cases(vectors):
        if only and case["id"] != only:
            continue
        if case["id"] in EXCEPTIONS:
            excepted += 1
            continue
        check = check_input if direction == "input" else check_error if "error" in case else check_result
        reason = check(probe, name, suite, case)
        passed += reason is None
        if reason:
            failed += 1
            print(f"FAILED {direction} {protocol_of(suite)} {case['id']}: {reason}")
    print(f"{passed} vectors passed, {failed} failed, {excepted} do not apply:")
    for case_id, reason in EXCEPTIONS.items():
        print(f"  {case_id}: {reason}")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
