"""The live table of the demonstration: queues and agents, drawn in place on a terminal, a line now and then elsewhere."""
import sys
import time


def level(q):
    return "   -" if q["service_level"] is None else f"{100 * q['service_level']:3.0f}%"


class Table:
    def __init__(self):
        self.lines, self.drawn = 0, 0.0

    def draw(self, live, last=False):
        now = time.monotonic()
        tty = sys.stdout.isatty()
        if not last and now - self.drawn < (0.5 if tty else 5.0):
            return
        self.drawn = now
        t, s = live["total"], live["agent_states"]
        if not tty:
            print(f"      waiting {t['waiting']}, talking {t['talking']}, agents ready {s['ready']} busy {s['on_interaction'] + s['wrap_up']}, "
                  f"offered {t['offered']}, answered {t['answered']}, abandoned {t['abandoned']}, rejected {t['rejected']}, service level {level(t).strip()}", flush=True)
            return
        rows = [f"  {'queue':24} {'waiting':>7} {'ringing':>7} {'talking':>7} {'offered':>8} {'answered':>8} {'abandoned':>9} {'rejected':>8} {'service':>8}"]
        for q in sorted(live["queues"], key=lambda q: (q["tenant"] or "", q["name"] or "")) + [t]:
            name = f"{q['tenant']}/{q['name']}" if "tenant" in q else "all"
            rows.append(f"  {name[:24]:24} {q['waiting']:7} {q['offered_now']:7} {q['talking']:7} {q['offered']:8} {q['answered']:8} {q['abandoned']:9} {q['rejected']:8} {level(q):>8}")
        rows.append("  agents: " + ", ".join(f"{v} {k.replace('_', ' ')}" for k, v in s.items() if v))
        if self.lines:
            sys.stdout.write(f"\x1b[{self.lines}A")
        sys.stdout.write("".join(f"\x1b[2K{r}\n" for r in rows))
        sys.stdout.flush()
        self.lines = len(rows)
