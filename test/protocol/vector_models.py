#!/usr/bin/env python3
"""Reduce the models of the protocol vectors to the form of api/, so that the tools and the code
that serve AWS's real models are what the vectors test.

usage: vector_models.py VECTORS_DIR OUT.json
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools"))
import import_models  # noqa: E402

PROTOCOLS = ("ec2", "query", "json", "json_1_0", "json_1_0-query-compatible", "smithy-rpc-v2-cbor",
             "smithy-rpc-v2-cbor-query-compatible", "smithy-rpc-v2-cbor-non-query-compatible")


def cases(vectors):
    """Yields (name of the case's service, suite, case, direction)."""
    for direction in ("input", "output"):
        for protocol in PROTOCOLS:
            path = os.path.join(vectors, "tests/unit/protocols", direction, protocol + ".json")
            if not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                suites = json.load(file)
            for number, suite in enumerate(suites):
                for index, case in enumerate(suite["cases"]):
                    name = f"{direction}_{protocol}_{number}_{index}".replace("-", "_")
                    yield name, suite, case, direction


def main():
    vectors, out = sys.argv[1:]
    models = []
    for name, suite, case, _ in cases(vectors):
        model = {"metadata": suite["metadata"], "shapes": suite["shapes"],
                 "operations": {case["given"]["name"]: case["given"]}}
        models.append(import_models.reduce_model(name, model, {}, None))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(models, file)


if __name__ == "__main__":
    main()
