#!/usr/bin/env python3
"""The whole loop before your eyes: `./dev demo` (live view, ends with Ctrl-C) or `./dev demo --once`.

A group of 2 to 10 instances at 50 % CPU stands behind a load balancer in two zones. Load drives it up, one
instance is killed and replaced, the load ends and the group shrinks. `--once` plays this to its end without a
terminal and exits 0 only if the group grew, healed and shrank.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/lib"))
sys.path.insert(0, str(Path(__file__).parent))
from load import Load  # noqa: E402
from stack import Stack  # noqa: E402
from view import LineView, TerminalView  # noqa: E402

CLOCK_SPEED = 60        # one cloud minute a second
VCPU_SHARE = 0.05       # t3.micro has two: an instance may use a tenth of a CPU
CPU_PER_REQUEST_S = 0.006
STEP_TIMEOUT_S = 240


class Daemon:
    """`pileus start` with a data folder of its own."""

    def __init__(self, data, port):
        self.data, self.port = data, port
        shutil.rmtree(data, ignore_errors=True)
        self.process = subprocess.Popen(
            [ROOT / "build/pileus", "start", "--data", data, "--listen", f"127.0.0.1:{port}",
             "--clock-speed", str(CLOCK_SPEED), "--vcpu-share", str(VCPU_SHARE)],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = self.process.stdout.readline()
        if line != "Ready.\n":
            sys.exit((line + self.process.stdout.read()).strip())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=90)
        shutil.rmtree(self.data, ignore_errors=True)


class Demo:
    def __init__(self, stack, view):
        self.stack, self.view = stack, view
        self.load = Load("127.0.0.1", stack.port, rate=1, path="/work", name=stack.host, connections=256)
        self.capacity = deque(maxlen=60)
        self.step_text = ""

    def look(self):
        """One reading of everything, drawn."""
        state = self.stack.read()
        recent = [o for o in self.load.outcomes[-2000:] if o.end > time.monotonic() - 1]
        state.update(rate=len(recent), failed=len(self.load.failures), total=len(self.load.outcomes), step=self.step_text,
                     answered_by=len({o.body for o in recent if o.status == 200}))
        self.capacity.append(len(state["in_service"]))
        state["capacity"] = list(self.capacity)
        self.view.draw(state)
        return state

    def drive(self, utilisation, state):
        """Load that keeps every healthy instance that busy."""
        busy = max(1, len(state["healthy"])) * VCPU_SHARE * 2 * utilisation
        self.load.rate = max(1, busy / CPU_PER_REQUEST_S)

    def until(self, text, reached, utilisation):
        self.step_text = text
        self.view.say(text)
        deadline = time.monotonic() + STEP_TIMEOUT_S
        while time.monotonic() < deadline:
            state = self.look()
            self.drive(utilisation, state)
            if reached(state):
                return state
            time.sleep(0.5)
        raise RuntimeError(f"did not happen within {STEP_TIMEOUT_S} s: {text}")

    def play(self):
        self.until("two instances start", lambda s: len(s["healthy"]) == 2, 0.1)
        self.load.start()
        self.until("load rises: the group grows", lambda s: len(s["in_service"]) >= 5, 0.75)
        state = self.until("the load stays: it settles", lambda s: len(s["healthy"]) == s["desired"] == len(s["members"]), 0.4)
        victim, desired = state["in_service"][0], state["desired"]
        killed = time.monotonic()
        self.stack.kill(victim)
        self.until(f"{victim} is killed: the group heals",
                   lambda s: victim not in s["in_service"] and victim not in s["members"] and len(s["healthy"]) >= desired, 0.4)
        self.until("the load ends: the group shrinks", lambda s: s["desired"] == 2 and len(s["members"]) == 2, 0.05)
        lost = self.load.failures
        in_flight = [outcome for outcome in lost if outcome.start <= killed <= outcome.end]
        self.view.say(f"grew, healed and shrank; {len(self.load.outcomes)} requests, {len(lost)} of them failed,"
                      f" and {len(in_flight)} of those were in flight when the instance was killed")

    def wander(self):
        """After the play, up and down until Ctrl-C."""
        while True:
            self.until("load rises again", lambda s: len(s["in_service"]) >= 4, 0.75)
            self.until("load falls again", lambda s: s["desired"] == 2, 0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="play to the end without a terminal; exit 0 only if all of it happened")
    parser.add_argument("--data", default=ROOT / "build/demo", help="data folder (default build/demo)")
    parser.add_argument("--port", type=int, default=4566, help="port of the endpoint (default 4566)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo needs root, for namespaces and network links: run ./dev demo")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    view = LineView() if options.once or not sys.stdout.isatty() else TerminalView()
    demo, daemon = None, Daemon(Path(options.data), options.port)
    try:
        view.say(f"endpoint http://127.0.0.1:{options.port} (PILEUS_DATA={options.data})")
        stack = Stack(options.port, Path(options.data))
        for line in stack.addresses():
            view.say(line)
        demo = Demo(stack, view)
        demo.play()
        if not options.once:
            demo.wander()
    except KeyboardInterrupt:
        pass
    except RuntimeError as failure:
        view.close()
        sys.exit(f"demo: {failure}")
    finally:
        view.close()
        if demo:
            demo.load.stop()
        print("stopping; every instance, link and rule goes with it")
        daemon.stop()


if __name__ == "__main__":
    main()
