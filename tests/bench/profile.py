# SPDX-License-Identifier: Apache-2.0
"""profile.py PLANE CASE [seconds]: perf record (cpu-clock) of both sidecars under a case's load; prints DSO and symbol shares."""
import importlib.machinery, importlib.util, os, subprocess, sys, threading
H = os.path.dirname(os.path.realpath(__file__))
l = importlib.machinery.SourceFileLoader("bench", H + "/harness"); s = importlib.util.spec_from_loader("bench", l); b = importlib.util.module_from_spec(s); l.exec_module(b)
plane, case, secs = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 4
c = b.Ctx()
try:
    c.up(); c.start_apps()
    p = b.Plane(c, plane).start()
    b.CASES[case][1](c, 1)
    r = {}
    t = threading.Thread(target=lambda: r.update(d=b.CASES[case][1](c, secs + 2)))
    t.start()
    for side in ("client", "server"):
        f = f"{c.work}/perf.{side}"
        subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-p", ",".join(map(str, p.pids[side])), "-o", f, "--", "sleep", str(secs / 2)], stderr=subprocess.DEVNULL)
    t.join()
    print(plane, case, r["d"].get("rps"))
    for side in ("client", "server"):
        f = f"{c.work}/perf.{side}"
        for k, n in (("dso", 8), ("dso,symbol", 28)):
            o = subprocess.run(["perf", "report", "-i", f, "--stdio", "-s", k, "--percent-limit", "0.7"], capture_output=True, text=True).stdout
            ls = [x for x in o.splitlines() if x.strip() and not x.startswith("#")]
            print(f"-- {side} by {k}"); print("\n".join(ls[:n]))
    p.stop()
finally:
    c.down()
