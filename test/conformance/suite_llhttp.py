"""llhttp's cases: what its strict parser refuses we refuse, and what it takes we take."""
import glob
import os
import re

import http1
import stack

CASE = re.compile(r'<!-- meta=\{ ?"type": ?"(request|response)(?:-finish)?".*?-->\n```http\n(.*?)```.*?```log\n(.*?)```',
                  re.DOTALL)
PAUSED = ("21", "22")  # its caller's wish, not an error of the message


def unescape(text):
    """The escapes of these files."""
    text = re.sub(r"\\\n", "", text.removesuffix("\n"))
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    for name, byte in (("r", "\r"), ("n", "\n"), ("t", "\t"), ("f", "\f")):
        text = text.replace("\\" + name, byte)
    text = re.sub(r"\\x([0-9a-fA-F]+)", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\([0-7]{1,3})", lambda match: chr(int(match[1], 8)), text)
    return re.sub(r"\$\{(['\"])(.*?)\1\.repeat\((\d+)\)\}", lambda match: match[2] * int(match[3]), text)


def cases(folder):
    for path in sorted(glob.glob(f"{folder}/test/re*/*.md")):
        with open(path, encoding="utf-8") as file:
            sections = re.split(r"^#+ ", file.read(), flags=re.MULTILINE)
        for section in sections:
            if match := CASE.search(section):
                kind, text, log = match.groups()
                errors = [code for code in re.findall(r"error code=(\d+)", log) if code not in PAUSED]
                name = f"{os.path.basename(os.path.dirname(path))}/{os.path.basename(path)[:-3]} {section.splitlines()[0]}"
                yield name, kind, unescape(text).encode("utf-8", "surrogateescape"), bool(errors), log


def run(directory, report):
    folder = stack.source("nodejs/llhttp", "01e105a30fd0")
    for name, kind, data, must_fail, log in cases(folder):
        if not must_fail and "message complete" not in log:
            continue  # it ends, or is paused, in the middle
        report(name, http1.problem(kind, data, must_fail))
