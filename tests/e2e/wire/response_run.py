# SPDX-License-Identifier: Apache-2.0
"""Lets the origin answer the response vectors and looks at what the caller sees; then what needs more
than one message: early answers, answers that were not asked for, uploads that are not wanted."""
import client, response_vectors
from request_run import PROBE

POST_10 = b'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\n'


def script_of(v, pieces, seed):
    def script(c):
        c.request()
        for piece in client.cut(v.data, pieces, seed) if v.data else ():
            c.send(piece)
        if v.end == 'reset':
            # The bytes must have left before the reset, which takes them along otherwise.
            c.sock.settimeout(0.05)
            c.drain()
            c.reset()
        elif v.end == 'fin':
            c.fin()
            c.drain()
        else:
            c.request()
            c.send(OK)
            c.fin()
            c.drain()
    return script


OK = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'


def probe_script(c):
    c.request()
    c.send(OK)


def response_wrong(v, r):
    for name, want in v.has.items():
        if r.get(name) != want:
            return f'{name} is {r.get(name)}'
    for name in (*v.lacks, 'weft-hop', 'keep-alive', 'x-forwarded-client-cert'):
        if r.get(name):
            return f'{name}: {r.get(name)} reached the caller'
    if v.body is not None and r.body != v.body:
        return f'the body is {r.body[:80]}'
    return '' if v.trailers is None or r.trailers == v.trailers else f'trailers are {r.trailers}'


def whole_wrong(v, c, interim, r):
    if r is None or r.status != v.status or not r.complete:
        return f'answered {r}, {c.ended}'
    if v.interim is not None and [i.status for i in interim] != v.interim:
        return f'interim responses {interim}'
    if any(i.get(n) for i in interim for n in ('connection', 'x-a', 'keep-alive', 'content-length')):
        return f'interim responses {interim}'
    return response_wrong(v, r)


def bad_wrong(v, c, interim, r):
    if r is None or not r.complete:
        return f'answered {r}, {c.ended}'
    return '' if (r.status, r.reason) == (v.status, v.reason) else f'{r.status} {r.reason}, not {v.status} {v.reason}'


def cut_wrong(v, c, interim, r):
    if r is not None and r.status != v.status:
        return f'answered {r}, {c.ended}'
    if r is not None and r.complete:
        return f'a cut response looks complete: {r}'
    return '' if c.ended == 'reset' else f'ended by {c.ended}, not by a reset'


JUDGES = {'whole': whole_wrong, 'bad': bad_wrong, 'cut': cut_wrong}


def once(v, port, o, pieces, seed):
    o.begin(script_of(v, pieces, seed))
    c = client.Client(port)
    c.send(v.request)
    interim, r = c.final(v.request.split()[0].decode())
    why = JUDGES[v.want](v, c, interim, r)
    if not why and v.want != 'cut' and v.kept:
        if v.end != 'keep':
            o.settle()  # bytes behind the answer, still on their way, would rightly make the next one malformed
            o.begin(probe_script)
        c.send(PROBE)
        _, r = c.final()
        why = '' if r and r.status == 200 else f'the connection was not kept: {r} {c.ended}'
    elif not why and v.want != 'cut' and c.closed() != 'eof':
        why = f'the connection was not closed: {c.ended}'
    c.close()
    o.settle()
    return why


def early(o, port, answer):
    """An answer while the upload is under way: the caller gets it, the app is not fed for ever."""
    def script(c):
        c.requests.append(c.head())
        c.send(answer)
        c.fin()
        c.drain()
    o.begin(script)
    c = client.Client(port)
    c.send(POST_10 + b'x' * 1000)
    _, r = c.final()
    if r is None or r.status != 413 or not r.complete:
        return f'answered {r}, {c.ended}'
    c.send(b'x' * 999000)
    o.begin(probe_script)
    c.send(PROBE)
    _, r = c.final()
    c.close()
    if r is None or r.status != 200:
        return f'the connection was not kept behind the rest of the upload: {r} {c.ended}'
    return '' if o.settle() else 'the connection to the app stays'


def poison(o, port):
    """Bytes behind a complete answer must not answer the next request."""
    def script(c):
        r = c.request()
        if r.target == '/1':
            c.send(b'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil')
            c.drain()
        else:
            c.send(b'HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nmine')
    o.begin(script)
    c = client.Client(port)
    for target in (b'/1', b'/2'):
        c.send(b'GET ' + target + b' HTTP/1.1\r\nHost: web\r\n\r\n')
        _, r = c.final()
        if r is None or r.body != b'mine':
            return f'{target} answered {r}'
    c.close()
    return '' if len(o.conns) == 2 else f'{len(o.conns)} connections to the app'


def expect(o, port, status):
    """100-continue end to end; and a final answer instead of it."""
    def script(c):
        r = c.head()
        if status == 100:
            c.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            c.body(r)
            c.requests.append(r)
        c.send(b'HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' % (200 if status == 100 else status))
    o.begin(script)
    c = client.Client(port)
    c.send(b'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
    r = c.response()
    if r is None or r.status != status:
        return f'answered {r}, {c.ended}'
    if status != 100:
        return '' if r.get('connection') == ['close'] else 'the connection goes on with the upload in doubt'
    if o.requests:
        return 'the app was not waiting'
    c.send(b'abc')
    _, r = c.final()
    c.close()
    return '' if r and r.status == 200 and o.requests[0].body == b'abc' else f'answered {r}'


def expect_not_heard(o, port):
    """The caller does not wait, the app does not say 100: nothing is stuck."""
    o.begin(probe_script)
    c = client.Client(port)
    c.send(b'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc')
    _, r = c.final()
    c.close()
    return '' if r and r.status == 200 and o.requests[0].body == b'abc' else f'answered {r}'


def caller_gone(o, port, how):
    """The caller goes away in its upload: the app cannot take what it got for complete."""
    o.begin(lambda c: (c.requests.append(c.head()), c.drain()))
    c = client.Client(port)
    c.send(POST_10 + b'x' * 1000)
    if not o.wait(lambda: o.conns and o.conns[0].requests):
        return 'nothing reached the app'
    c.fin() if how == 'fin' else c.reset()
    if not o.settle():
        return 'the app still waits'
    c.close()
    return '' if o.conns[0].ended == 'reset' else f'the app saw the upload end by {o.conns[0].ended}'


def run(tally, only, o, ports):
    for n, v in enumerate(response_vectors.ALL):
        if only not in 'response/' + v.name:
            continue
        for side, port in ports.items():
            for pieces in ('whole',) if v.whole_only or v.end == 'reset' else ('whole', 'bytes', 'random'):
                why = once(v, port, o, pieces, n)
                if why:
                    why = f'{pieces}: {why}'
                    break
            tally.result(f'response/{side}/{v.name}', why)
    early_answer = b'HTTP/1.1 413 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno'
    for name, test, args in (('early-answer', early, (early_answer,)), ('poison', poison, ()), ('expect-100', expect, (100,)), ('expect-417', expect, (417,)), ('expect-401', expect, (401,)), ('expect-not-heard', expect_not_heard, ()),
                             ('caller-fin-in-upload', caller_gone, ('fin',)), ('caller-reset-in-upload', caller_gone, ('reset',))):
        for side, port in ports.items():
            if only in f'response/{side}/{name}':
                tally.result(f'response/{side}/{name}', test(o, port, *args))
                o.settle()
