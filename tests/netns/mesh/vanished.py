# SPDX-License-Identifier: Apache-2.0
"""Endpoints whose host vanishes, beside one that lives and does not read. See vanished.sh."""
import os, socket, subprocess, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', '..', 'e2e', 'wire'))
import h2, lab

OPTIONS = ('--dead-timeout', '2s', '--outlier-failures', '0')
UPLOAD = 16 << 20


def exactly(s, n):
    data = b''
    while len(data) < n:
        got = s.recv(n - len(data))
        if not got:
            raise OSError('the end')
        data += got
    return data


def frames(s):
    while True:
        head = exactly(s, 9)
        yield head[3], head[4], int.from_bytes(head[5:9], 'big'), exactly(s, int.from_bytes(head[:3], 'big'))


class Origin:
    """Listens; `talk` has one connection. `made`: how many there were."""

    def __init__(self, talk):
        self.talk, self.made = talk, 0
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            c, _ = self.listener.accept()
            self.made += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            self.talk(c)
        except OSError:
            pass

    def packets(self, how):
        """-I: from now on none comes in or goes out; -D: they do again."""
        for end in ('--dport', '--sport'):
            subprocess.run(['iptables', '-w', how, 'INPUT', '-p', 'tcp', end, str(self.port), '-j', 'DROP'], check=True)


def http1(c):
    data = b''
    while got := c.recv(65536):
        data += got
        if data.endswith(b'\r\n\r\n'):
            c.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
            data = b''


def http2(c):
    """Answers every request but those of /watch, which begin and stay open."""
    inflater = h2.Inflater()
    exactly(c, len(h2.PREFACE))
    c.sendall(h2.frame(h2.SETTINGS, 0, 0))
    for kind, flags, stream, payload in frames(c):
        if kind == h2.SETTINGS and not flags & h2.ACK:
            c.sendall(h2.frame(h2.SETTINGS, h2.ACK, 0))
        if kind == h2.HEADERS:
            watch = (':path', '/watch') in inflater.fields(payload)
            c.sendall(h2.frame(h2.HEADERS, h2.END_HEADERS | (0 if watch else h2.END_STREAM), stream, h2.block([(':status', '200')])))


def lazy(c):
    """Reads nothing for three times the dead timeout, then all."""
    time.sleep(6)
    got = 0
    while got < UPLOAD:
        got += len(c.recv(1 << 20))
    c.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')


def dial(world, name, seconds=60):
    s = socket.create_connection(('127.0.0.1', world.outbound[name]), seconds)
    s.settimeout(seconds)
    return s


def ask(world, name, path='/'):
    """The head of the answer, and how long it took. A POST: a GET would be repeated."""
    begun = time.monotonic()
    with dial(world, name) as s:
        s.sendall(f'POST {path} HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode())
        data = b''
        while got := s.recv(65536):
            data += got
    return data.decode('latin-1'), time.monotonic() - begun


def status(answer):
    return answer[9:12]


def vanishes(world, name, origin):
    answer, _ = ask(world, name)
    if status(answer) != '200':
        return f'before: {answer!r}'
    time.sleep(4)  # silence on a kept connection is no sign of death
    answer, _ = ask(world, name)
    if status(answer) != '200' or origin.made != 1:
        return f'after a silence: {answer!r}, {origin.made} connections'
    origin.packets('-I')
    try:
        answer, took = ask(world, name)
    finally:
        origin.packets('-D')
    if status(answer) != '504' or 'weft-reason: upstream_stalled' not in answer:
        return f'vanished: {answer!r} after {took:.1f} s'
    if took > 30:
        return f'noticed after {took:.1f} s'
    answer, took = ask(world, name)
    if status(answer) != '200' or origin.made != 2:
        return f'back again: {answer!r}, {origin.made} connections'
    return ''


def watch_ends(world, origin):
    """An answer that has begun is cut with the connection, as soon as a request finds it dead."""
    with dial(world, 'two') as s:
        s.sendall(b'GET /watch HTTP/1.1\r\nHost: two\r\n\r\n')
        if not s.recv(65536).startswith(b'HTTP/1.1 200'):
            return 'no watch'
        origin.packets('-I')
        try:
            answer, took = ask(world, 'two')
            try:
                rest = s.recv(65536)
                return '' if status(answer) == '504' and not rest else f'{answer!r}, then {rest!r}'
            except ConnectionResetError:
                return '' if status(answer) == '504' else f'{answer!r}'
        finally:
            origin.packets('-D')


def reader_lives(world):
    """A shut window is no vanished host: its acknowledgements say so."""
    with dial(world, 'lazy') as s:
        s.sendall(f'POST / HTTP/1.1\r\nHost: lazy\r\nContent-Length: {UPLOAD}\r\n\r\n'.encode())
        s.sendall(bytes(UPLOAD))
        answer = s.recv(65536).decode('latin-1')
        return '' if status(answer) == '200' else f'{answer!r}'


def main():
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    one, two, slow = Origin(http1), Origin(http2), Origin(lazy)
    docs = [*lab.service('one', '10.96.0.1', [one.port], 'http'), *lab.service('two', '10.96.0.2', [two.port], 'kubernetes.io/h2c'),
            *lab.service('lazy', '10.96.0.3', [slow.port], 'http')]
    world = lab.Lab(sys.argv[1], docs, outbound=('one', 'two', 'lazy'), options=OPTIONS)
    t = lab.Tally()
    t.result('http1/vanishes', vanishes(world, 'one', one))
    t.result('http2/vanishes', vanishes(world, 'two', two))
    t.result('http2/watch-ends', watch_ends(world, two))
    t.result('lives-and-does-not-read', reader_lives(world))
    t.exit(world)


main()
