#!/usr/bin/env python3
"""Write api/<service>.json from botocore's API models: the facts only, one a line.

usage: import_models.py BOTOCORE_DATA_DIR OUT_DIR SERVICE[=OPERATIONS_FILE]...

BOTOCORE_DATA_DIR is the `data` folder of an installed botocore. OPERATIONS_FILE lists the
operations to keep, one a line; without it every operation of the service is kept.
"""
import gzip
import json
import os
import sys

# Tables that name botocore's spelling on the left and ours on the right.
METADATA = ("apiVersion", "xmlNamespace", "protocol", "protocols", "jsonVersion", "targetPrefix",
            "endpointPrefix", "signingName", "serviceId", "awsQueryCompatible")
MEMBER_FACTS = ("shape", "locationName", "queryName", "idempotencyToken", "flattened", "jsonvalue",
                "timestampFormat", "xmlAttribute")
SHAPE_FACTS = ("type", "min", "max", "pattern", "enum", "flattened", "timestampFormat", "sensitive",
               "required", "union", "box")
# Pagination whose limit does not count the items of the result is the handler's own affair.
LIMITS_OF_OTHER_THINGS = ("MaxDatapoints",)
# Enums whose values the service looks up itself: its error names what is unknown, or case does not count.
OPEN_ENUMS = ("InstanceType", "Protocol")


def load(path):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    with gzip.open(path + ".gz", "rt", encoding="utf-8") as file:
        return json.load(file)


def pick(source, names):
    return {name: source[name] for name in names if source.get(name) not in (None, False)}


def reduce_shape(name, shape):
    out = pick(shape, SHAPE_FACTS)
    if name in OPEN_ENUMS:
        out.pop("enum", None)
    for inner in ("member", "key", "value"):
        if inner in shape:
            out[inner] = pick(shape[inner], MEMBER_FACTS)
    if "members" in shape:
        out["members"] = {name: pick(member, MEMBER_FACTS) for name, member in shape["members"].items()}
    if shape.get("exception"):
        error = shape.get("error", {})
        out["error"] = {"code": error.get("code"), "status": error.get("httpStatusCode"),
                        "fault": bool(shape.get("fault") or error.get("senderFault") is False)}
    return out


def shape_names(reduced):
    """Names of the shapes that a reduced shape refers to."""
    for inner in ("member", "key", "value"):
        if inner in reduced:
            yield reduced[inner]["shape"]
    for member in reduced.get("members", {}).values():
        yield member["shape"]


def reduce_pagination(operation, page, shapes):
    """The paginator's facts; where there is none, what the shapes themselves say."""
    members = lambda io: shapes[operation[io]["shape"]].get("members", {}) if io in operation else {}
    if page is None:
        if "NextToken" not in members("input") or "NextToken" not in members("output"):
            return None
        lists = [name for name, member in members("output").items()
                 if shapes[member["shape"]]["type"] == "list"]
        if len(lists) != 1:
            return None
        limits = [name for name in ("MaxResults", "MaxRecords") if name in members("input")]
        page = {"input_token": "NextToken", "output_token": "NextToken", "result_key": lists[0],
                "limit_key": limits[0] if limits else None}
    if page.get("limit_key") in LIMITS_OF_OTHER_THINGS or not isinstance(page["input_token"], str):
        return None
    result = page["result_key"]
    return {"in": page["input_token"], "out": page["output_token"], "limit": page.get("limit_key"),
            "results": result if isinstance(result, list) else [result]}


def reduce_operation(operation, page, shapes):
    out = {}
    for io in ("input", "output"):
        if io in operation:
            out[io] = operation[io]["shape"]
    if operation.get("output", {}).get("resultWrapper"):
        out["wrapper"] = operation["output"]["resultWrapper"]
    if operation.get("errors"):
        out["errors"] = sorted(error["shape"] for error in operation["errors"])
    pagination = reduce_pagination(operation, page, shapes)
    if pagination:
        out["pagination"] = pagination
    return out


def reduce_model(name, model, pages, wanted):
    """One service as api/ keeps it: only the wanted operations and the shapes they reach."""
    out = {"service": name, "metadata": pick(model["metadata"], METADATA)}
    if "awsQueryCompatible" in model["metadata"]:
        out["metadata"]["awsQueryCompatible"] = True
    operations = {key: operation for key, operation in sorted(model["operations"].items())
                  if wanted is None or key in wanted}
    out["operations"] = {key: reduce_operation(operation, pages.get(key), model["shapes"])
                         for key, operation in operations.items()}
    pending = []
    for operation in out["operations"].values():
        pending += [operation[io] for io in ("input", "output") if io in operation]
        pending += operation.get("errors", [])
    reached = {}
    while pending:
        shape = pending.pop()
        if shape not in reached:
            reached[shape] = reduce_shape(shape, model["shapes"][shape])
            pending += shape_names(reached[shape])
    out["shapes"] = dict(sorted(reached.items()))
    return out


def dump(value):
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def shape_lines(shape):
    members = shape.get("members")
    if not members:
        return dump(shape)
    head = dump({key: value for key, value in shape.items() if key != "members"})[:-1]
    rows = ",\n".join(f"    {dump(name)}: {dump(member)}" for name, member in members.items())
    return f'{head}, "members": {{\n{rows}}}}}'


def write(model, path):
    """JSON with one operation, shape or member a line."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{{"service": {dump(model["service"])},\n"metadata": {{\n')
        file.write(",\n".join(f"  {dump(k)}: {dump(v)}" for k, v in model["metadata"].items()))
        file.write('},\n"operations": {\n')
        file.write(",\n".join(f"  {dump(k)}: {dump(v)}" for k, v in model["operations"].items()))
        file.write('},\n"shapes": {\n')
        file.write(",\n".join(f"  {dump(k)}: {shape_lines(v)}" for k, v in model["shapes"].items()))
        file.write("}}\n")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    data, out_dir = sys.argv[1:3]
    for argument in sys.argv[3:]:
        service, _, operations_file = argument.partition("=")
        wanted = None
        if operations_file:
            with open(operations_file, encoding="utf-8") as file:
                wanted = set(file.read().split())
        newest = os.path.join(data, service, max(os.listdir(os.path.join(data, service))))
        model = load(os.path.join(newest, "service-2.json"))
        pages = load(os.path.join(newest, "paginators-1.json"))["pagination"]
        write(reduce_model(service, model, pages, wanted), os.path.join(out_dir, service + ".json"))


if __name__ == "__main__":
    main()
