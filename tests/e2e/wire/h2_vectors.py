# SPDX-License-Identifier: Apache-2.0
"""The same rules over HTTP/2: what a caller's frames become in front of the app, and back."""
import client, h2, origin as h1_origin

REQUEST = [(':method', 'GET'), (':scheme', 'http'), (':authority', 'web'), (':path', '/')]
POST = [(':method', 'POST'), *REQUEST[1:]]
ANSWER = [(':status', '200'), ('content-type', 'text/plain')]


class Origin(h1_origin.Origin):
    """Speaks HTTP/2. Connections outlive a test, so every request asks anew for what to do: reply(peer,
    stream, message), when it is complete or (at_head) begins. `seen` are the requests that were
    complete, `cut` those that were reset."""

    def begin(self, reply=None, at_head=False):
        super().begin(self.talk)
        self.seen, self.cut, self.reply, self.at_head = [], [], reply or answer, at_head

    def talk(self, c):
        p, done = h2.Peer(c.sock, server=True), set()
        c.sock.settimeout(60)
        while True:
            ready = lambda: next((s for s, m in p.streams.items() if s not in done and (m.ended or m.reset is not None or (self.at_head and m.fields))), None)
            if not p.until(ready):
                return
            s = ready()
            m = p.streams[s]
            done.add(s)
            (self.cut if m.reset is not None else self.seen).append(m)
            if m.reset is None:
                self.reply(p, s, m)


def answer(p, s, m):
    p.send(h2.headers(s, ANSWER, end=False) + h2.frame(h2.DATA, h2.END_STREAM, s, b'ok'))


def origin():
    o = Origin()
    o.begin()
    return o


OK, REFUSED, RESET = 'ok', 'refused', 'reset'
BODY = h2.frame(h2.DATA, h2.END_STREAM, 1, b'abc')


def get(*fields, base=REQUEST):
    return h2.headers(1, [*base, *fields])


def without(name):
    return h2.headers(1, [f for f in REQUEST if f[0] != name])


def with_(name, value, *more):
    return h2.headers(1, [(k, value if k == name else v) for k, v in REQUEST] + list(more))


def post(*fields, data=BODY):
    return h2.headers(1, [*POST, *fields], end=False) + data


# name, frames, outcome, status, checks on what the app saw
REQUESTS = [
    ('plain', get(), OK, 200, {'path': '/'}),
    ('body', post(), OK, 200, {'body': b'abc'}),
    ('body-length', post(('content-length', '3')), OK, 200, {'body': b'abc', 'content-length': ['3']}),
    ('trailers', post(data=h2.frame(h2.DATA, 0, 1, b'abc') + h2.headers(1, [('x-t', '1')])), OK, 200, {'body': b'abc', 'trailers': [('x-t', '1')]}),
    ('trailers-cleaned', post(data=h2.headers(1, [('x-forwarded-client-cert', 'a'), ('weft-hop', '1'), ('x-t', '1')])), OK, 200, {'trailers': [('x-t', '1')]}),
    ('te-trailers', get(('te', 'trailers')), OK, 200, {'te': ['trailers']}),
    ('xfcc', get(('x-forwarded-client-cert', 'By=a')), OK, 200, {'x-forwarded-client-cert': []}),
    ('weft-hop', get(('weft-hop', '1;app=h1.0')), OK, 200, {'weft-hop': []}),
    ('cookie-crumbs', get(('cookie', 'a=1'), ('cookie', 'b=2')), OK, 200, {'cookie': ['a=1; b=2']}),
    ('host-alone', h2.headers(1, [f for f in REQUEST if f[0] != ':authority'] + [('host', 'web')]), OK, 200, {':authority': ['web'], 'host': []}),
    ('host-same', get(('host', 'web')), OK, 200, {':authority': ['web'], 'host': []}),
    ('repeated', get(('x-a', '1'), ('x-a', '2')), OK, 200, {'x-a': ['1', '2']}),
    ('8bit-value', get(('x-a', b'\xe9')), OK, 200, {'x-a': ['\xe9']}),
    ('options-star', h2.headers(1, [(':method', 'OPTIONS'), (':scheme', 'http'), (':authority', 'web'), (':path', '*')]), OK, 200, {'path': '*'}),
    ('path-normalised', with_(':path', '/a/../b%2De?x=/../'), OK, 200, {'path-out': '/b-e?x=/../'}),
    ('empty-data', post(data=h2.frame(h2.DATA, 0, 1) * 5 + BODY), OK, 200, {'body': b'abc'}),
    ('padded-data', post(data=h2.frame(h2.DATA, h2.END_STREAM | 8, 1, b'\x04abc\0\0\0\0')), OK, 200, {'body': b'abc'}),
    ('host-other', get(('host', 'evil')), REFUSED, 400, {}),
    ('authority-user-info', with_(':authority', 'u@web'), REFUSED, 400, {}),
    ('path-fragment', with_(':path', '/a#b'), REFUSED, 400, {}),
    ('path-encoded-slash', with_(':path', '/a%2Fb'), REFUSED, 400, {'side': 'out'}),
    ('path-backslash', with_(':path', '/a\\b'), REFUSED, 400, {'side': 'out'}),
    ('path-encoded-nul', with_(':path', '/%00'), REFUSED, 400, {'side': 'out'}),
    ('path-above-root', with_(':path', '/../a'), REFUSED, 400, {'side': 'out'}),
    ('path-too-long', with_(':path', '/' + 'a' * 16384), REFUSED, 414, {}),
    ('method-unknown', with_(':method', 'BREW'), REFUSED, 501, {}),
    ('method-lower', with_(':method', 'get'), REFUSED, 501, {}),
    ('connect', h2.headers(1, [(':method', 'CONNECT'), (':authority', 'web:80')]), REFUSED, 501, {}),
    ('too-large', get(*[('x-a', 'a' * 10000)] * 7), 'refused-or-reset', 431, {}),
    ('too-many-fields', get(*[(f'x-{i}', '1') for i in range(200)]), REFUSED, 431, {}),
    ('no-method', without(':method'), RESET, 0, {}),
    ('no-scheme', without(':scheme'), RESET, 0, {}),
    ('no-path', without(':path'), RESET, 0, {}),
    ('no-authority', without(':authority'), RESET, 0, {}),
    ('empty-path', with_(':path', ''), RESET, 0, {}),
    ('relative-path', with_(':path', 'a'), RESET, 0, {}),
    ('star-get', with_(':path', '*'), RESET, 0, {}),
    ('method-twice', get((':method', 'GET')), RESET, 0, {}),
    ('path-twice', get((':path', '/b')), RESET, 0, {}),
    ('unknown-pseudo', get((':x', 'y')), RESET, 0, {}),
    ('status-in-request', get((':status', '200')), RESET, 0, {}),
    ('pseudo-behind-field', h2.headers(1, [('x', 'y'), *REQUEST]), RESET, 0, {}),
    ('method-space', with_(':method', 'GET /evil'), 'refused-or-reset', 501, {}),
    ('method-crlf', with_(':method', 'GET / HTTP/1.1\r\nx: y'), 'refused-or-reset', 501, {}),
    ('path-crlf', with_(':path', '/ HTTP/1.1\r\nx: y'), 'refused-or-reset', 400, {}),
    ('path-space', with_(':path', '/a b'), 'refused-or-reset', 400, {}),
    ('authority-crlf', with_(':authority', 'web\r\nx: y'), 'refused-or-reset', 400, {}),
    ('authority-slash', with_(':authority', 'web/a'), 'refused-or-reset', 400, {}),
    ('scheme-bad', with_(':scheme', 'ht tp'), 'refused-or-reset', 400, {}),
    ('connection', get(('connection', 'close')), RESET, 0, {}),
    ('connection-named', get(('connection', 'x-a'), ('x-a', '1')), RESET, 0, {}),
    ('keep-alive', get(('keep-alive', '1')), RESET, 0, {}),
    ('proxy-connection', get(('proxy-connection', 'close')), RESET, 0, {}),
    ('transfer-encoding', post(('transfer-encoding', 'chunked')), RESET, 0, {}),
    ('upgrade', get(('upgrade', 'h2c')), RESET, 0, {}),
    ('te-gzip', get(('te', 'gzip')), RESET, 0, {}),
    ('upper-case-name', get(('X-A', '1')), RESET, 0, {}),
    ('name-space', get(('x a', '1')), RESET, 0, {}),
    ('name-colon', get(('x:a', '1')), RESET, 0, {}),
    ('name-crlf', get(('x\r\ny', '1')), RESET, 0, {}),
    ('name-empty', get(('', '1')), RESET, 0, {}),
    ('value-cr', get(('x', 'a\rb')), RESET, 0, {}),
    ('value-lf', get(('x', 'a\nb')), RESET, 0, {}),
    ('value-nul', get(('x', 'a\0b')), RESET, 0, {}),
    ('value-crlf-smuggle', get(('x', 'a\r\ntransfer-encoding: chunked')), RESET, 0, {}),
    ('length-word', post(('content-length', 'x')), RESET, 0, {}),
    ('length-plus', post(('content-length', '+3')), RESET, 0, {}),
    ('length-twice', post(('content-length', '3'), ('content-length', '3')), RESET, 0, {}),
    ('length-differs', post(('content-length', '3'), ('content-length', '4')), RESET, 0, {}),
    ('length-too-small', post(('content-length', '2')), RESET, 0, {}),
    ('length-too-large', post(('content-length', '4')), RESET, 0, {}),
    ('length-without-body', get(('content-length', '3')), RESET, 0, {}),
    ('trailers-pseudo', post(data=h2.headers(1, [(':path', '/')])), RESET, 0, {}),
    ('trailers-without-end', post(data=h2.headers(1, [('x-t', '1')], end=False)), RESET, 0, {}),
    ('trailers-bad-value', post(data=h2.headers(1, [('x-t', 'a\nb')])), RESET, 0, {}),
]

# name, what the app answers, expectation: status, or 'reset', with checks
RESPONSES = [
    ('plain', h2.headers(1, ANSWER, end=False) + h2.frame(h2.DATA, 1, 1, b'abc'), 200, {'body': b'abc'}),
    ('no-body', h2.headers(1, [(':status', '204')]), 204, {'body': b''}),
    ('trailers', h2.headers(1, ANSWER, end=False) + h2.frame(h2.DATA, 0, 1, b'abc') + h2.headers(1, [('x-t', '1')]), 200, {'trailers': [('x-t', '1')]}),
    ('trailers-only-after-head', h2.headers(1, ANSWER, end=False) + h2.headers(1, [('grpc-status', '0')]), 200, {'trailers': [('grpc-status', '0')]}),
    ('interim', h2.headers(1, [(':status', '103'), ('link', 'x')], end=False) * 2 + h2.headers(1, ANSWER), 200, {'interim': [103, 103]}),
    ('weft-hop', h2.headers(1, [*ANSWER, ('weft-hop', '1;unprocessed')]), 200, {'weft-hop': []}),
    ('length', h2.headers(1, [*ANSWER, ('content-length', '3')], end=False) + h2.frame(h2.DATA, 1, 1, b'abc'), 200, {'content-length': ['3']}),
    ('no-status', h2.headers(1, [('x', 'y')]), 502, {}),
    ('bad-status', h2.headers(1, [(':status', '20')]), 502, {}),
    ('101', h2.headers(1, [(':status', '101')], end=False), 502, {}),
    ('connection', h2.headers(1, [*ANSWER, ('connection', 'close')]), 502, {}),
    ('value-lf', h2.headers(1, [*ANSWER, ('x', 'a\nb')]), 502, {}),
    ('upper-case', h2.headers(1, [*ANSWER, ('X-A', 'b')]), 502, {}),
    ('reset-before-head', h2.rst(1, h2.INTERNAL_ERROR), 502, {}),
    ('interim-then-reset', h2.headers(1, [(':status', '103')], end=False) + h2.rst(1, h2.CANCEL), 502, {}),
    ('length-too-small', h2.headers(1, [*ANSWER, ('content-length', '2')], end=False) + h2.frame(h2.DATA, 1, 1, b'abc'), 'reset', {}),
    ('length-too-large', h2.headers(1, [*ANSWER, ('content-length', '4')], end=False) + h2.frame(h2.DATA, 1, 1, b'abc'), 'reset', {}),
    ('reset-in-body', h2.headers(1, ANSWER, end=False) + h2.frame(h2.DATA, 0, 1, b'ab') + h2.rst(1, h2.INTERNAL_ERROR), 'reset', {}),
    ('goaway-in-body', h2.headers(1, ANSWER, end=False) + h2.frame(h2.DATA, 0, 1, b'ab') + h2.frame(h2.GOAWAY, 0, 0, b'\0\0\0\0\0\0\0\2'), 'reset', {}),
]


def seen_wrong(checks, m, side):
    for name in ('x-forwarded-client-cert', 'weft-hop'):
        if m.get(name) or name in dict(m.trailers or ()):
            return f'{name} reached the app'
    for name, want in checks.items():
        if name in ('body', 'trailers'):
            got = getattr(m, name)
        elif name == 'path-out' and side == 'in':
            continue
        elif name in ('path', 'path-out'):
            got = m.get(':path')[0]
        else:
            got = m.get(name)
        if got != want:
            return f'{name} is {got} there'
    return ''


def request_wrong(v, side, port, o):
    name, frames, want, status, checks = v
    o.begin()
    p = h2.dial(port)
    p.send(frames)
    m = p.message(1)
    if want == 'refused-or-reset':
        want = RESET if m.reset == h2.PROTOCOL_ERROR else REFUSED
    if want == RESET:
        if m.reset != h2.PROTOCOL_ERROR or m.fields:
            return f'answered {m} {p.goaway} {p.closed}'
    elif m.status != status or not m.ended:
        return f'answered {m} {p.goaway} {p.closed}'
    if want != OK and o.seen:
        return f'a complete request reached the app: {o.seen}'
    if want == OK:
        if len(o.seen) != 1:
            return f'{len(o.seen)} requests reached the app'
        why = seen_wrong(checks, o.seen[0], side)
        if why:
            return why
    p.send(h2.headers(3, REQUEST))  # the connection goes on
    m = p.message(3)
    p.sock.close()
    return '' if m.status == 200 else f'the connection does not go on: {m} {p.goaway} {p.closed}'


def response_wrong(v, port, o):
    name, frames, want, checks = v

    o.begin(lambda p, s, m: p.send(h2.onto(s, frames)))
    p = h2.dial(port)
    p.send(h2.headers(1, REQUEST))
    m = p.message(1)
    p.sock.close()
    if want == 'reset':
        return '' if m.reset is not None and not m.ended else f'answered {m}'
    if m.status != want or not m.ended:
        return f'answered {m} {p.goaway} {p.closed}'
    for name, value in checks.items():
        got = getattr(m, name) if name in ('body', 'trailers', 'interim') else m.get(name)
        if got != value:
            return f'{name} is {got}'
    return ''


def client_reset(port, o):
    """The caller resets its upload: the app's stream is reset too, the connection goes on."""
    o.begin()
    p = h2.dial(port)
    p.send(post(data=h2.frame(h2.DATA, 0, 1, b'abc')))
    p.send(h2.headers(3, REQUEST))
    if p.message(3).status != 200:
        return 'another stream of the connection fails'
    p.send(h2.rst(1, h2.CANCEL))
    ok = o.wait(lambda: o.cut)
    p.sock.close()
    return '' if ok and not any(m.body for m in o.seen) else f'the app saw {o.seen}'


def client_gone(port, o):
    o.begin()
    p = h2.dial(port)
    p.send(post(data=h2.frame(h2.DATA, 0, 1, b'abc')))
    p.send(h2.headers(3, REQUEST))
    p.message(3)
    p.sock.close()
    return '' if o.wait(lambda: o.cut) else 'the app was not told'


def early_answer(port, o):
    """A final answer before the upload's end: whole, then RST_STREAM(NO_ERROR) or patience."""
    o.begin(lambda p, s, m: p.send(h2.headers(s, [(':status', '413')])), at_head=True)
    p = h2.dial(port)
    p.send(post(data=h2.frame(h2.DATA, 0, 1, b'abc')))
    m = p.message(1)
    p.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b'def') if m.reset is None else b'')
    o.begin()
    p.send(h2.headers(3, REQUEST))
    after = p.message(3)
    p.sock.close()
    return '' if m.status == 413 and m.ended and m.reset in (None, 0) and after.status is not None else f'{m} {after} {p.goaway}'


def run(tally, only, o, ports):
    cases = [(f'h2/{side}/request/{v[0]}', request_wrong, (v, side, port, o)) for v in REQUESTS for side, port in ports.items() if v[4].get('side', side) == side]
    cases += [(f'h2/{side}/response/{v[0]}', response_wrong, (v, port, o)) for v in RESPONSES for side, port in ports.items()]
    cases += [(f'h2/{side}/{f.__name__}', f, (port, o)) for f in (client_reset, client_gone, early_answer) for side, port in ports.items()]
    for name, f, args in cases:
        if only in name:
            tally.result(name, f(*args))


# HTTP/1 callers of a port that speaks HTTP/2 (REQ-057): bytes in, what the app sees
TRANSLATED = [
    ('get', b'GET /a?b HTTP/1.1\r\nHost: web\r\nX-A: 1\r\n\r\n', {'path': '/a?b', ':authority': ['web'], 'host': [], 'x-a': ['1'], 'body': b''}),
    ('length', b'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc', {'body': b'abc', 'content-length': ['3']}),
    ('chunked', b'POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n', {'body': b'abc', 'transfer-encoding': [], 'trailers': [('x-t', '1')]}),
    ('hop-by-hop', b'GET / HTTP/1.1\r\nHost: web\r\nConnection: x-a, keep-alive\r\nX-A: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\n\r\n',
     {'x-a': [], 'connection': [], 'keep-alive': [], 'upgrade': [], 'proxy-connection': []}),
    ('te', b'GET / HTTP/1.1\r\nHost: web\r\nTE: trailers, gzip\r\nConnection: te\r\n\r\n', {'te': ['trailers']}),
    ('absolute', b'GET http://web/a HTTP/1.1\r\nHost: web\r\n\r\n', {'path': '/a', ':authority': ['web']}),
    ('options-star', b'OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n', {'path': '*'}),
    ('upper-case', b'GET / HTTP/1.1\r\nHOST: web\r\nX-UPPER: V\r\n\r\n', {'x-upper': ['V'], 'X-UPPER': []}),
    ('trust', b'GET / HTTP/1.1\r\nHost: web\r\nX-Forwarded-Client-Cert: a\r\nWeft-Hop: 1\r\n\r\n', {'x-forwarded-client-cert': [], 'weft-hop': []}),
    ('http-1.0', b'GET / HTTP/1.0\r\nHost: web\r\n\r\n', {'path': '/'}),
]


def translated_wrong(v, port, o):
    _, data, checks = v
    o.begin(lambda p, s, m: p.send(h2.headers(s, [*ANSWER, ('x-r', '1')], end=False) + h2.frame(h2.DATA, 0, s, b'ok') + h2.headers(s, [('x-t', '2')])))
    c = client.Client(port)
    c.send(data)
    _, r = c.final()
    c.close()
    if r is None or r.status != 200 or r.body != b'ok' or not r.complete or r.get('x-r') != ['1']:
        return f'answered {r} {c.ended}'
    if b'HTTP/1.1' in data and r.trailers != [('x-t', '2')]:
        return f'the trailers are {r.trailers}'
    return seen_wrong(checks, o.seen[0], 'out') if len(o.seen) == 1 else f'{len(o.seen)} requests reached the app'


def run_translated(tally, only, o, port):
    for v in TRANSLATED:
        if only in f'h2/translated/{v[0]}':
            tally.result(f'h2/translated/{v[0]}', translated_wrong(v, port, o))
