#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where does a connection end up?

  init_probe.py serve PORT...                       answers each connection with one line: the port
                                                    that took it and its original destination
  init_probe.py ask [--uid N] [--gid N] ADDR PORT   connects and prints that line, or the error
"""
import argparse
import os
import selectors
import socket
import struct

SO_ORIGINAL_DST = 80


def original(conn):
    """ADDR:PORT before redirection; for a connection that was not redirected, where it arrived."""
    addr = conn.getsockname()
    mapped = addr[0].startswith("::ffff:")
    try:
        if mapped or conn.family == socket.AF_INET:
            raw = conn.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
            port, ip = struct.unpack_from("!2xH4s", raw)
            return f"{socket.inet_ntop(socket.AF_INET, ip)}:{port}"
        raw = conn.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
        port, ip = struct.unpack_from("!2xH4x16s", raw)
        return f"[{socket.inet_ntop(socket.AF_INET6, ip)}]:{port}"
    except OSError:
        host = addr[0][7:] if mapped else f"[{addr[0]}]"
        return f"{host}:{addr[1]}"


def serve(ports):
    sel = selectors.DefaultSelector()
    for port in ports:
        s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        sel.register(s, selectors.EVENT_READ, port)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            conn, _ = key.fileobj.accept()
            with conn:
                conn.sendall(f"{key.data} {original(conn)}\n".encode())


def ask(uid, gid, addr, port):
    "x".encode("idna")  # loaded now: the other user may not be able to read it
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    try:
        with socket.create_connection((addr, port), timeout=5) as s:
            print(s.makefile().readline().strip())
    except OSError as e:
        print(f"error {e.strerror or e}")


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(dest="what", required=True)
    q = sub.add_parser("serve")
    q.add_argument("ports", type=int, nargs="+")
    q = sub.add_parser("ask")
    q.add_argument("--uid", type=int, default=1000)
    q.add_argument("--gid", type=int, default=1000)
    q.add_argument("addr")
    q.add_argument("port", type=int)
    a = p.parse_args()
    if a.what == "serve":
        serve(a.ports)
    else:
        ask(a.uid, a.gid, a.addr, a.port)


main()
