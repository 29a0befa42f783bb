# SPDX-License-Identifier: Apache-2.0
"""syscalls.py PLANE CASE [seconds] [strace|perf]: system calls and context switches per request of both sidecars under a case's load.

perf (the default) counts by tracepoints, which disturbs little; strace -c slows its victim, so more work falls into a turn."""
import importlib.machinery, importlib.util, os, re, signal, subprocess, sys, threading, time
H = os.path.dirname(os.path.realpath(__file__))
l = importlib.machinery.SourceFileLoader("bench", H + "/harness"); s = importlib.util.spec_from_loader("bench", l); b = importlib.util.module_from_spec(s); l.exec_module(b)
plane, case, secs = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3
how = sys.argv[4] if len(sys.argv) > 4 else "perf"


def tracer(pids, out):
    p = ",".join(map(str, pids))
    if how == "strace":
        return subprocess.Popen(["strace", "-c", "-f", "-o", out, *(x for i in pids for x in ("-p", str(i)))], stderr=subprocess.DEVNULL)
    return subprocess.Popen(["perf", "trace", "-s", "-o", out, "-p", p], stderr=subprocess.DEVNULL)


def counts(text):
    n = {}
    for line in text.splitlines():
        f = line.split()
        m = re.match(r"^\s+(\w+)\s+(\d+)\s+\d+\s+[\d.]+\s", line) if how == "perf" else None
        if m:
            n[m.group(1)] = n.get(m.group(1), 0) + int(m.group(2))
        elif how == "strace" and len(f) >= 5 and f[0].replace(".", "").isdigit() and f[3].isdigit() and f[-1] != "total":
            n[f[-1]] = n.get(f[-1], 0) + int(f[3])
    return n


c = b.Ctx()
try:
    c.up(); c.start_apps()
    p = b.Plane(c, plane).start()
    b.CASES[case][1](c, 1)
    sides = [x for x in ("client", "server") if p.pids[x]]
    out = {x: f"{c.work}/calls.{x}" for x in sides}
    tr = {x: tracer(p.pids[x], out[x]) for x in sides}
    time.sleep(1)
    w = {x: sum(map(b.ctxsw, p.pids[x])) for x in sides}
    r = b.CASES[case][1](c, secs)
    w = {x: sum(map(b.ctxsw, p.pids[x])) - w[x] for x in sides}
    for t in tr.values(): t.send_signal(signal.SIGINT)
    for t in tr.values(): t.wait(20)
    got = {x: counts(open(out[x]).read()) for x in sides}
    n = max(1, r["requests"])
    print(f"{plane} {case}: {n} requests, {r['rps']:.0f}/s, {r['errors'] + r.get('non2xx', 0)} errors ({how})")
    print(f"{'calls per request':20} " + " ".join(f"{x:>8}" for x in sides))
    for k in sorted({k for g in got.values() for k in g}, key=lambda k: -sum(g.get(k, 0) for g in got.values())):
        if any(g.get(k, 0) / n >= 0.005 for g in got.values()):
            print(f"{k:20} " + " ".join(f"{got[x].get(k, 0) / n:8.2f}" for x in sides))
    print(f"{'all':20} " + " ".join(f"{sum(got[x].values()) / n:8.2f}" for x in sides))
    print(f"{'context switches':20} " + " ".join(f"{w[x] / n:8.2f}" for x in sides))
    p.stop()
finally:
    c.down()
