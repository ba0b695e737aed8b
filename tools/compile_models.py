#!/usr/bin/env python3
"""Compile api/*.json to one C file of constant tables (src/model/model.h says what they mean).

usage: compile_models.py OUT.c MODEL.json...
"""
import json
import re
import sys
import unicodedata

PROTOCOLS = {"ec2": "EC2", "query": "QUERY", "json": "JSON", "smithy-rpc-v2-cbor": "CBOR"}
TYPES = {"structure": "STRUCTURE", "list": "LIST", "map": "MAP", "string": "STRING",
         "character": "STRING", "boolean": "BOOLEAN", "byte": "INTEGER", "short": "INTEGER",
         "integer": "INTEGER", "long": "LONG", "bigInteger": "LONG", "float": "FLOAT",
         "double": "DOUBLE", "bigDecimal": "DOUBLE", "blob": "BLOB", "timestamp": "TIMESTAMP"}
TIMES = {None: "DEFAULT", "iso8601": "ISO8601", "rfc822": "RFC822", "unixTimestamp": "UNIX"}
INTEGER_RANGES = {"byte": (-128, 127), "short": (-32768, 32767)}


# --- patterns: AWS's (Java) regular expressions to POSIX extended ones over bytes ---------------

class Untranslatable(Exception):
    pass


HIGH = set(range(0x80, 0x100))  # every byte of a character beyond ASCII
CLASSES = {"d": set(b"0123456789"), "s": set(b" \t\n\r\f\v"),
           "w": set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")}
CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}
EVERY_BYTE = set(range(1, 0x100))


def property_bytes(name):
    """Bytes of \\p{name}: exact within ASCII; beyond it any character is taken."""
    if not re.fullmatch(r"[A-Z][a-z]?", name):
        raise Untranslatable(name)
    return {c for c in range(1, 128) if unicodedata.category(chr(c)).startswith(name)} | HIGH


class Pattern:
    """Translates one pattern; `at` is the position in `text`."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def take(self, regex):
        match = re.compile(regex).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def escape(self):
        """After a backslash: (bytes, code point or None if it is a class)."""
        for regex in (r"u([0-9a-fA-F]{4})", r"x([0-9a-fA-F]{2})"):
            match = self.take(regex)
            if match:
                return self.point(int(match[1], 16))
        match = self.take(r"p\{(\w+)\}")
        if match:
            return property_bytes(match[1]), None
        char = self.take(r"(?s).")[0]
        if char.lower() in CLASSES:
            bytes_ = CLASSES[char.lower()]
            return (bytes_ if char.islower() else EVERY_BYTE - bytes_), None
        if char in CONTROLS:
            return self.point(CONTROLS[char])
        if char.isalnum():
            raise Untranslatable(char)
        return self.point(ord(char))

    @staticmethod
    def point(code):
        return ({code} if code < 0x80 else set(HIGH)), code

    def bracket(self):
        negated = bool(self.take(r"\^"))
        out = set()
        while not self.take(r"\]"):
            if self.take(r"&&|\["):
                raise Untranslatable("class arithmetic")
            bytes_, low = self.one_of_bracket()
            if low is not None and self.take(r"-(?!\])"):
                high = self.one_of_bracket()[1]
                if high is None:
                    raise Untranslatable("range")
                bytes_ = set(range(low, min(high, 0x7f) + 1)) | (HIGH if high >= 0x80 else set())
            out |= bytes_
        out.discard(0)
        return EVERY_BYTE - out if negated else out

    def one_of_bracket(self):
        if self.take(r"\\"):
            return self.escape()
        return self.point(ord(self.take(r"(?s).")[0]))

    def translate(self):
        out = []
        while self.at < len(self.text):
            if self.take(r"\\"):
                out.append(posix_class(self.escape()[0]))
            elif self.take(r"\["):
                out.append(posix_class(self.bracket()))
            elif self.take(r"\."):
                out.append(posix_class(EVERY_BYTE - {10, 13}))
            elif self.take(r"\(\?:"):
                out.append("(")
            elif self.take(r"\(\?|[*+?}]\?|[*+?}]\+"):
                raise Untranslatable("group or lazy quantifier")
            else:
                out.append(self.take(r"(?s).")[0])
        return "^(" + "".join(out) + ")$"


def posix_class(bytes_):
    """A POSIX bracket expression for a set of bytes (a lone literal where that is enough)."""
    if len(bytes_) == 1:
        char = chr(next(iter(bytes_)))
        return char if char.isalnum() or char in "_/:-,=@#%&~ " else f"[{char}]" if char != "^" else "\\^"
    first = "]" if ord("]") in bytes_ else ""
    last = ("^" if ord("^") in bytes_ else "") + ("-" if ord("-") in bytes_ else "")
    rest = sorted(bytes_ - {ord("]"), ord("^"), ord("-")})
    out, at = "", 0
    while at < len(rest):
        end = at
        while end + 1 < len(rest) and rest[end + 1] == rest[end] + 1:
            end += 1
        out += chr(rest[at]) if end == at else chr(rest[at]) + "-" + chr(rest[end])
        at = end + 1
    # "[." "[=" and "[:" begin something else: keep '[' away from them by putting it in front.
    return "[" + first + out + last + "]"


# POSIX has no look-ahead. What such patterns say, in other words (here: labels that begin with no hyphen).
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
BY_HAND = {
    r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])":
        f"^([*][.])?({LABEL}[.])+[A-Za-z0-9][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]$",
}


def translate_pattern(text):
    """The POSIX expression, or None if there is none."""
    if text in BY_HAND:
        return BY_HAND[text]
    try:
        posix = Pattern(text).translate()
    except Untranslatable:
        return None
    return None if "[[:" in posix or "[[." in posix or "[[=" in posix else posix


# --- C ------------------------------------------------------------------------------------------

def c_string(text):
    if text is None:
        return "NULL"
    out = ""
    for char in text.encode("latin-1", "replace"):
        out += f"\\{char:03o}" if char < 32 or char > 126 or char in b'"\\?' else chr(char)
    return f'"{out}"'


def upper_first(text):
    return text[:1].upper() + text[1:]


class Service:
    def __init__(self, model, out):
        self.model, self.out = model, out
        self.name = re.sub(r"\W", "_", model["service"])
        self.protocol = model["metadata"]["protocol"]
        self.index = {name: number for number, name in enumerate(model["shapes"])}
        self.untranslated = 0

    def shape_ref(self, name):
        return "NULL" if name is None else f"&{self.name}_shapes[{self.index[name]}]"

    def query_name(self, name, member):
        if self.protocol == "ec2":
            return member.get("queryName") or upper_first(member.get("locationName", name))
        return member.get("locationName", name)

    def member_row(self, name, member, required):
        shape = self.model["shapes"][member["shape"]]
        flags = [flag for flag, is_set in (
            ("MODEL_REQUIRED", name in required),
            ("MODEL_IDEMPOTENCY_TOKEN", member.get("idempotencyToken")),
            ("MODEL_RENAMED", "locationName" in member),
            ("MODEL_FLATTENED", member.get("flattened") or shape.get("flattened")),
            ("MODEL_ATTRIBUTE", member.get("xmlAttribute"))) if is_set]
        time = TIMES[member.get("timestampFormat", shape.get("timestampFormat"))]
        fields = [c_string(name), c_string(member.get("locationName", name)),
                  c_string(self.query_name(name, member)), self.shape_ref(member["shape"]),
                  " | ".join(flags) or "0", "MODEL_TIME_" + time]
        return "    {" + ", ".join(fields) + "},\n"

    def members_of(self, shape):
        """(name, member) rows of a shape: a list has one, a map a key and a value."""
        if shape["type"] == "list":
            return [("member", shape["member"])]
        if shape["type"] == "map":
            return [("key", shape["key"]), ("value", shape["value"])]
        return list(shape.get("members", {}).items())

    def shape_row(self, name, shape):
        number = self.index[name]
        members = self.members_of(shape)
        if members:
            rows = "".join(self.member_row(m, facts, shape.get("required", ())) for m, facts in members)
            self.out.append(f"static const struct model_member {self.name}_members_{number}[] = {{\n{rows}}};\n")
        values = shape.get("enum", ())
        if values:
            rows = "".join(f"    {c_string(value)},\n" for value in values)
            self.out.append(f"static const char *const {self.name}_enum_{number}[] = {{\n{rows}}};\n")
        posix = translate_pattern(shape["pattern"]) if "pattern" in shape else None
        self.untranslated += "pattern" in shape and posix is None
        low, high = INTEGER_RANGES.get(shape["type"], (None, None))
        low, high = shape.get("min", low), shape.get("max", high)
        flags = [flag for flag, is_set in (
            ("MODEL_HAS_MIN", low is not None), ("MODEL_HAS_MAX", high is not None),
            ("MODEL_SENSITIVE", shape.get("sensitive"))) if is_set]
        fields = [f".name = {c_string(name)}", f".type = MODEL_{TYPES[shape['type']]}"]
        if flags:
            fields.append(f".flags = {' | '.join(flags)}")
        if members:
            fields.append(f".members = {self.name}_members_{number}, .member_count = {len(members)}")
        if values:
            fields.append(f".enum_values = {self.name}_enum_{number}, .enum_count = {len(values)}")
        if posix:
            fields.append(f".pattern = {c_string(posix)}, .pattern_text = {c_string(shape['pattern'])}")
        if low is not None:
            fields.append(f".minimum = {low}")
        if high is not None:
            fields.append(f".maximum = {high}")
        return "    {" + ", ".join(fields) + "},\n"

    def operation_row(self, name, operation):
        return (f"    {{.name = {c_string(operation.get('name', name))}, "
                f".input = {self.shape_ref(operation.get('input'))}, "
                f".output = {self.shape_ref(operation.get('output'))}, "
                f".wrapper = {c_string(operation.get('wrapper'))}}},\n")

    def error_rows(self):
        rows = ""
        for name, shape in self.model["shapes"].items():
            if "error" in shape:
                error = shape["error"]
                fault = "true" if error["fault"] else "false"
                status = error["status"] or (500 if error["fault"] else 400)
                rows += (f"    {{{c_string(name)}, {c_string(error['code'] or name)}, {status}, {fault}, "
                         f"{self.shape_ref(name)}}},\n")
        return rows

    def write(self):
        model, meta, name, out = self.model, self.model["metadata"], self.name, self.out
        out.append(f"\n/* {model['service']} */\n")
        out.append(f"static const struct model_shape {name}_shapes[{len(model['shapes']) or 1}];\n")
        shapes = "".join(self.shape_row(key, shape) for key, shape in model["shapes"].items())
        out.append(f"static const struct model_shape {name}_shapes[] = {{\n{shapes or '    {0},'}}};\n")
        operations = "".join(self.operation_row(key, operation)
                             for key, operation in sorted(model["operations"].items()))
        out.append(f"static const struct model_operation {name}_operations[] = {{\n{operations}}};\n")
        errors = self.error_rows()
        out.append(f"static const struct model_error {name}_errors[] = {{\n{errors}    {{0}},\n}};\n")
        protocols = " | ".join("MODEL_" + PROTOCOLS[p] for p in meta.get("protocols", [self.protocol]))
        namespace = meta.get("xmlNamespace")
        if isinstance(namespace, dict):
            namespace = namespace.get("uri")
        if namespace and self.protocol == "ec2":
            namespace = namespace.rstrip("/") + "/"  # as EC2 answers, whatever the model says
        out.append(f"""static const struct model_service {name}_service = {{
    .name = {c_string(model['service'])}, .version = {c_string(meta.get('apiVersion', ''))},
    .xml_namespace = {c_string(namespace)}, .protocols = {protocols},
    .json_version = {c_string(meta.get('jsonVersion'))},
    .target_prefix = {c_string(meta.get('targetPrefix', ''))},
    .signing_name = {c_string(meta.get('signingName', meta.get('endpointPrefix', '')))},
    .query_compatible = {'true' if meta.get('awsQueryCompatible') else 'false'},
    .operations = {name}_operations, .operation_count = {len(model['operations'])},
    .shapes = {name}_shapes, .shape_count = {len(model['shapes'])},
    .errors = {name}_errors, .patterns_skipped = {self.untranslated},
}};
""")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    out = ["/* Generated from api/ by tools/compile_models.py. */\n#include \"model/model.h\"\n"]
    services = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        for model in content if isinstance(content, list) else [content]:
            services.append(Service(model, out))
            services[-1].write()
    rows = "".join(f"    &{service.name}_service,\n" for service in services)
    out.append(f"\nconst struct model_service *const model_services[] = {{\n{rows}    NULL,\n}};\n")
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write("".join(out))


if __name__ == "__main__":
    main()
