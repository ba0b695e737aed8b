"""How the demo shows what it reads: a live picture in a terminal, or a line now and then."""
import shutil
import sys
import time

BARS = " ▁▂▃▄▅▆▇█"


class LineView:
    """For logs and CI: what is said, and every change of capacity."""

    def __init__(self):
        self.start, self.last = time.monotonic(), None

    def say(self, text):
        print(f"[{time.monotonic() - self.start:6.1f} s] {text}", flush=True)

    def draw(self, state):
        shown = (state["desired"], len(state["members"]), len(state["healthy"]))
        if shown != self.last:
            self.last = shown
            cpu = "-" if state["cpu"] is None else f"{state['cpu']:.0f} %"
            self.say(f"desired {shown[0]}, instances {shown[1]}, healthy {shown[2]}, CPU {cpu}, {state['rate']} requests/s")

    def close(self):
        pass


class TerminalView:
    """Redraws the whole screen, on the terminal's second page so that nothing of the user's is lost."""

    def __init__(self):
        self.said = []
        sys.stdout.write("\x1b[?1049h\x1b[?25l")

    def say(self, text):
        self.said.append(text)

    def close(self):
        if self.said is not None:
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            print("\n".join(self.said))
            self.said = None

    def draw(self, state):
        width, height = shutil.get_terminal_size()
        lines = self.head(state) + self.targets(state) + self.activities(state)
        text = "\n".join(f"\x1b[K{line[:width + 16]}" for line in lines[:height - 1])
        sys.stdout.write(f"\x1b[H{text}\n\x1b[J")
        sys.stdout.flush()

    @staticmethod
    def head(state):
        cpu = 0 if state["cpu"] is None else state["cpu"]
        curve = "".join(BARS[min(8, max(1, round(n * 0.8)))] if n else " " for n in state["capacity"])
        return [
            f"\x1b[1mPileus demo\x1b[0m   {state['url']}   Ctrl-C ends it",
            f"{state['step']}",
            "",
            f"capacity  {len(state['in_service']):2} in service, {state['desired']:2} desired (2 to 10)   {curve}",
            f"CPU       {cpu:5.1f} % of 50 %   {'█' * round(cpu / 4):25}",
            f"requests  {state['rate']:5} a second, answered by {state['answered_by']} instances; "
            f"{state['failed']} of {state['total']} failed",
            "",
        ]

    @staticmethod
    def targets(state):
        lines = [f"\x1b[1m{'instance':21} {'zone':12} {'group':13} {'target':10} {'address':16}\x1b[0m"]
        for instance, member in state["members"].items():
            health = state["health"].get(instance, {}).get("State", "-")
            colour = {"healthy": 32, "unhealthy": 31, "draining": 33}.get(health, 0)
            lines.append(f"{instance:21} {member['AvailabilityZone']:12} {member['LifecycleState']:13} "
                         f"\x1b[{colour}m{health:10}\x1b[0m {state['addresses'].get(instance, '-'):16}")
        return lines + [""]

    @staticmethod
    def activities(state):
        lines = ["\x1b[1mactivities\x1b[0m"]
        for activity in state["activities"]:
            lines.append(f"{activity['StartTime']:%H:%M:%S} {activity['StatusCode']:11} {activity['Description']}")
            lines.append(f"         \x1b[2m{activity['Cause']}\x1b[0m")
        return lines
