#!/usr/bin/env python3
"""Rules of the house that the compiler does not know. Prints each breach; exits 1 if there is one.

- src/LAYERS: no include outside the list, no include cycle, every include spelled from src/
- no dead file: every header is included, every source is listed in a meson.build
- functions of at most 70 lines, files of at most 900, every folder of src/ has a README.md
- no banned call, no banned file name, no TODO without an owner
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX, FILE_LINES_MAX = 70, 900
LINE_LENGTH_MAX = 110  # of tables that clang-format leaves alone; it keeps the rest at 100
BANNED_CALLS = {
    "strcpy": "snprintf or buf_append", "strcat": "buf_append", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "read", "atoi": "strtol", "strtok": "strtok_r",
    "system": "fork and exec", "sleep": "a timer of the loop", "usleep": "a timer of the loop",
    "rand": "os/random.h", "random": "os/random.h",
}
CLOCK_CALLS = {"time", "gettimeofday", "clock_gettime"}  # outside os/
BANNED_NAMES = {"util", "utils", "common", "misc", "helper", "helpers"}

breaches = []


def breach(path, line, text):
    breaches.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def sources():
    listed = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).exists()]


def read_layers():
    layers = {}
    for line in (ROOT / "src/LAYERS").read_text().splitlines():
        if line and not line.startswith("#"):
            folder, _, allowed = line.partition(":")
            layers[folder] = set(allowed.split()) | {folder}
    return layers


def strip_comments(text):
    """Blanks comments and string contents, keeping line numbers."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def includes(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if found:
            yield number, found.group(1)


def check_layers(files, texts):
    layers, graph = read_layers(), {}
    check_order(layers)
    for path in files:
        relative = path.relative_to(ROOT)
        if relative.parts[0] != "src" or len(relative.parts) < 3:
            continue  # src/main.c chooses the command: it may include everything
        folder, node = relative.parts[1], str(Path(*relative.parts[1:]))
        if folder not in layers:
            breach(path, 1, f"folder {folder} is not in src/LAYERS")
            continue
        graph[node] = []
        for number, name in includes(path, texts[path]):
            graph[node].append(name)
            target = name.split("/")[0]
            if target not in layers:
                breach(path, number, f'"{name}" is not spelled from src/: "{folder}/..."')
            elif target not in layers[folder] or ".." in Path(name).parts:
                breach(path, number, f"{folder} must not include {name} (src/LAYERS)")
    check_cycles(graph)


def check_order(layers):
    """The list is in the order of the layers: a folder names only folders above it."""
    seen = set()
    for folder, allowed in layers.items():
        seen.add(folder)
        for later in sorted(allowed - seen):
            breach(ROOT / "src/LAYERS", 1, f"{folder} names {later}, which is not above it")


def check_cycles(graph):
    state = {}

    def visit(node, trail):
        if state.get(node) == "done":
            return
        if node in trail:
            cycle = " -> ".join(trail[trail.index(node):] + [node])
            breach(ROOT / "src" / node, 1, f"include cycle: {cycle}")
            return
        for target in graph.get(node, []):
            visit(target, trail + [node])
        state[node] = "done"

    for node in graph:
        visit(node, [])


def check_dead_files(files, texts):
    included = {name for path in files for _, name in includes(path, texts[path])}
    # Not below build folders: a test that was killed may have left a very deep tree there.
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(("build", "."))]
    builds = [ROOT / "meson.build", *(path for folder in folders for path in folder.glob("**/meson.build"))]
    listed = "".join(path.read_text() for path in builds)
    for path in files:
        relative = path.relative_to(ROOT)
        if path.suffix == ".h":
            names = {str(Path(*relative.parts[i:])) for i in range(len(relative.parts))}
            if not names & included:
                breach(path, 1, "dead header: nobody includes it")
        elif re.sub(r"_test$|^fuzz_", "", path.stem) not in listed:
            breach(path, 1, "dead source: no meson.build lists it")


def check_functions(path, code):
    start = None
    for number, line in enumerate(code.splitlines(), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start - 1 > FUNCTION_LINES_MAX:
                breach(path, start, f"function of {number - start - 1} lines (limit {FUNCTION_LINES_MAX})")
            start = None


def check_words(path, code, text):
    in_os = "src/os/" in str(path)
    production = "/src/" in str(path)
    for number, line in enumerate(code.splitlines(), 1):
        for call in re.findall(r"(?<![\w.>])(\w+)\s*\(", line):
            if call in BANNED_CALLS:
                breach(path, number, f"{call}() is banned: use {BANNED_CALLS[call]}")
            if call in CLOCK_CALLS and production and not in_os:
                breach(path, number, f"{call}() only in os/: time comes from os/clock.h")
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME)\b(?!\()", line):
            breach(path, number, "TODO without an owner: TODO(name)")
        if len(line) > LINE_LENGTH_MAX:
            breach(path, number, f"line of {len(line)} characters")


def check_folders():
    for folder in read_layers():
        if not (ROOT / "src" / folder / "README.md").exists():
            breach(ROOT / "src" / folder, 1, "no README.md")


def main():
    files = sources()
    texts = {path: path.read_text() for path in files}
    check_layers(files, texts)
    check_dead_files(files, texts)
    check_folders()
    for path in files:
        code = strip_comments(texts[path])
        if path.stem in BANNED_NAMES:
            breach(path, 1, "a name that means nothing")
        if len(texts[path].splitlines()) > FILE_LINES_MAX:
            breach(path, 1, f"more than {FILE_LINES_MAX} lines: is this one idea?")
        check_functions(path, code)
        check_words(path, code, texts[path])
    print("\n".join(breaches) or "clean")
    return bool(breaches)


if __name__ == "__main__":
    sys.exit(main())
