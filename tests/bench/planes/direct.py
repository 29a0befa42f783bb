# SPDX-License-Identifier: Apache-2.0
"""No proxies, no redirect: the baseline."""
REDIRECT = False
CASES = ["h1", "h2", "grpc", "conn", "body64k", "body1m", "h1r1000", "h1r4000", "h2r1000", "h2r4000", "fortio"]
def start(ctx, o): pass
def stop(ctx): pass
def pids(ctx): return {}
