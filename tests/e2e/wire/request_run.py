# SPDX-License-Identifier: Apache-2.0
"""Sends the request vectors and compares what came of each."""
import client, origin, request_vectors

PROBE = b'GET /probe HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n'


def method_of(v):
    return 'HEAD' if v.data.startswith(b'HEAD') else 'GET'


def seen_wrong(v, r):
    """What is wrong with the request as the app saw it."""
    for name, want in v.has.items():
        if r.get(name) != want:
            return f'{name} is {r.get(name)} there'
    for name in v.lacks:
        if r.get(name):
            return f'{name}: {r.get(name)} reached the app'
    for what in ('method', 'target', 'version', 'body', 'trailers'):
        want, got = getattr(v, what), getattr(r, what)
        if want is not None and want != got:
            return f'{what} is {got!r} there'
    if b'x-forwarded-client-cert' in r.head.lower() or b'weft-hop' in r.head.lower():
        return 'a field that no client may set reached the app'
    return ''


def forwarded_wrong(v, c, o):
    for _ in range(v.n):
        _, r = c.final(method_of(v))
        if r is None or not r.complete or r.status != v.status:
            return f'answered {r}, {c.ended}'
    if v.close is False:
        c.send(PROBE)
        _, r = c.final()
        if r is None or r.status != 200:
            return f'the connection was not kept: {r} {c.ended}'
    elif v.close and c.closed() != 'eof':
        return f'the connection was not closed: {c.ended} {c.buf[:60]}'
    seen = [r for r in o.requests if r.target != '/probe']
    if len(seen) != v.n:
        return f'{len(seen)} requests reached the app: {seen}'
    return seen_wrong(v, seen[-1])


def refused_wrong(v, c, o):
    _, r = c.final(method_of(v))
    if r is None or r.status != v.status or not r.complete:
        return f'answered {r}, {c.ended}'
    if v.reason and r.reason != v.reason:
        return f'reason {r.reason}'
    if v.side == 'out-kept':  # the head was in order, only its path was not
        c.send(PROBE)
        _, r = c.final()
        return '' if r and r.status == 200 else f'the connection was not kept: {r} {c.ended}'
    if c.closed() != 'eof':
        return f'the connection was not closed: {c.ended}'
    if c.buf:
        return f'more came behind the answer: {c.buf[:80]}'
    return f'bytes reached the app: {o.raw[:200]}' if o.raw else ''


def cut_wrong(v, c, o):
    _, r = c.final()
    if r is not None and r.status != v.status:
        return f'answered {r}'
    if c.closed() == 'timeout':
        return 'the connection was not closed'
    if c.buf:
        return f'more came behind the answer: {c.buf[:80]}'
    o.settle()
    return f'a complete request reached the app: {o.requests}' if o.requests else ''


JUDGES = {'forwarded': forwarded_wrong, 'refused': refused_wrong, 'cut': cut_wrong}


def once(v, port, o, pieces, seed):
    o.begin(origin.answer())
    c = client.Client(port)
    try:
        c.send(v.data, pieces, seed)
        if v.eof:
            c.fin()
        why = JUDGES[v.want](v, c, o)
    finally:
        c.close()
    if not why and not o.settle():
        why = 'a connection to the app was left open'
    broken = [x.broken for x in o.conns if x.broken]
    return why or (f'the app could not parse what came: {broken}' if broken else '')


def run(tally, only, o, ports):
    for n, v in enumerate(request_vectors.ALL):
        if only not in 'request/' + v.name:
            continue
        for side, port in ports.items():
            if v.side not in ('both', side, side + '-kept'):
                continue
            for pieces in ('whole',) if v.whole_only else ('whole', 'bytes', 'random'):
                why = once(v, port, o, pieces, n)
                if why:
                    why = f'{pieces}: {why}'
                    break
            tally.result(f'request/{side}/{v.name}', why)


def slow(o, port, first, rest, status):
    """A request that pauses where nothing is decided yet is read by the proxy all the same."""
    o.begin(origin.answer())
    c = client.Client(port)
    c.send(first)
    try:
        c.sock.settimeout(0.5)  # longer than the detection's patience
        c.sock.recv(1, 2)  # MSG_PEEK: returns at once only if the proxy ends the connection
    except TimeoutError:
        pass
    c.sock.settimeout(3)
    c.send(rest)
    _, r = c.final()
    c.close()
    if r is None or r.status != status:
        return f'answered {r} {c.ended}; the app got {o.raw[:100]}'
    return 'x-forwarded-client-cert reached the app' if b'client-cert' in o.raw.lower() else ''


def opaque(o, port, data):
    """What is not HTTP reaches an undeclared app as it is, and its bytes come back; nothing at all: the
    app may speak first."""
    greeting = b'' if data else b'220 app speaks first\r\n'

    def script(c):
        c.send(greeting)
        c.more()
        c.send(b'got ' + c.raw)
    o.begin(script)
    c = client.Client(port)
    c.send(data)
    got, _ = c.take(len(greeting))
    if greeting:
        c.send(data := b'ping')
    more, _ = c.take(4 + len(data))
    c.close()
    return '' if got + more == greeting + b'got ' + data else f'got {got + more} {c.ended}'


SPOOF = b'X-Forwarded-Client-Cert: By=a\r\n\r\n'
SLOW = (('G', b'G', b'ET / HTTP/1.1\r\nHost: web\r\n' + SPOOF, 200), ('GET-blank', b'GET ', b'/ HTTP/1.1\r\nHost: web\r\n' + SPOOF, 200), ('crlf', b'\r\nPO', b'ST / HTTP/1.1\r\nHost: web\r\n' + SPOOF, 200),
        ('absolute', b'GET http:', b'//web/ HTTP/1.1\r\nHost: web\r\n' + SPOOF, 200), ('unknown-method', b'BREW /', b' HTTP/1.1\r\nHost: web\r\n' + SPOOF, 501), ('half-a-head', b'GET / HTTP/1.1\r\nHost: web\r\n', SPOOF, 200))
OPAQUE = (('server-first', b''), ('binary', b'\0\0\0\x08\x04\xd2\x16\x2f'), ('redis', b'*1\r\n$4\r\nPING\r\n'), ('smtp', b'EHLO mail\r\n'), ('memcached', b'get key\r\n'), ('tls', b'\x16\x03\x01\x00\x05\x01\0\0\1\0'))


def run_detection(tally, only, o, ports, undeclared):
    for name, first, rest, status in SLOW:
        for side, port in ports.items():
            if only in f'detect/{side}/slow-{name}':
                tally.result(f'detect/{side}/slow-{name}', slow(o, port, first, rest, status))
    for name, data in OPAQUE:
        for side, port in undeclared.items():
            if only in f'detect/{side}/opaque-{name}':
                tally.result(f'detect/{side}/opaque-{name}', opaque(o, port, data))
