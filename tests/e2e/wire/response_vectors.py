# SPDX-License-Identifier: Apache-2.0
"""What an app answers, and what the caller may see of it. Three outcomes:
whole   a complete response with these properties
bad     nothing of it: a 502 of the proxy's own, with its reason
cut     the head was passed on, the rest broke: the caller can tell that it is not complete
"""
from dataclasses import dataclass, field

GET = b'GET / HTTP/1.1\r\nHost: web\r\n\r\n'
HEAD = b'HEAD / HTTP/1.1\r\nHost: web\r\n\r\n'
OLD = b'GET / HTTP/1.0\r\nHost: web\r\n\r\n'
OLD_KEPT = b'GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n'


@dataclass
class Vector:
    name: str
    data: bytes
    want: str
    request: bytes = GET
    end: str = 'fin'  # what the app does behind its answer: fin, reset, keep
    status: int = 200
    reason: str = ''
    body: bytes = None
    has: dict = field(default_factory=dict)
    lacks: tuple = ()
    trailers: list = None
    interim: list = None  # statuses
    kept: bool = True  # the caller's connection goes on
    whole_only: bool = False


ALL = []


def whole(name, data, **k):
    ALL.append(Vector(name, data, 'whole', **k))


def bad(name, data, reason='upstream_protocol', **k):
    ALL.append(Vector(name, data, 'bad', status=502, reason=reason, **k))


def cut(name, data, **k):
    ALL.append(Vector(name, data, 'cut', **k))


def ok(*lines, body=b'', status=b'200 OK'):
    return b'HTTP/1.1 ' + status + b'\r\n' + b''.join(x + b'\r\n' for x in lines) + b'\r\n' + body


THREE = b'Content-Length: 3'
TE = b'Transfer-Encoding: chunked'

# --- ways to end a body (RFC 9112 6.3)
whole('body/length', ok(THREE, body=b'abc'), body=b'abc', has={'content-length': ['3']}, lacks=('transfer-encoding',))
whole('body/length-keep', ok(THREE, body=b'abc'), body=b'abc', end='keep')
whole('body/zero', ok(b'Content-Length: 0'), body=b'', has={'content-length': ['0']})
whole('body/chunked', ok(TE, body=b'3\r\nabc\r\n0\r\n\r\n'), body=b'abc', has={'transfer-encoding': ['chunked']}, lacks=('content-length',))
whole('body/chunked-extension', ok(TE, body=b'3;x="y"\r\nabc\r\n0;z\r\n\r\n'), body=b'abc')
whole('body/chunked-trailers', ok(TE, b'Trailer: X-T', body=b'3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'), body=b'abc', trailers=[('x-t', '1')])
whole('body/trailers-cleaned', ok(TE, body=b'0\r\nWeft-Hop: 1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nConnection: x\r\nX-T: 1\r\n\r\n'), body=b'', trailers=[('x-t', '1')])
whole('body/close', ok(body=b'abc'), body=b'abc', has={'transfer-encoding': ['chunked']})
whole('body/close-empty', ok(), body=b'')
whole('body/close-1.0', b'HTTP/1.0 200 OK\r\n\r\nabc', body=b'abc')
whole('body/length-1.0', b'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc', body=b'abc')
whole('body/1.0-keep-alive', b'HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc', body=b'abc', end='keep')
whole('body/close-to-old-caller', ok(body=b'abc'), request=OLD, body=b'abc', kept=False)
whole('body/chunked-to-old-caller', ok(TE, body=b'3\r\nabc\r\n0\r\n\r\n'), request=OLD, body=b'abc', kept=False, lacks=('transfer-encoding',))
whole('body/chunked-to-old-keep-alive', ok(TE, body=b'3\r\nabc\r\n0\r\n\r\n'), request=OLD_KEPT, body=b'abc', kept=False, lacks=('transfer-encoding',))
whole('body/length-to-old-keep-alive', ok(THREE, body=b'abc'), request=OLD_KEPT, body=b'abc', has={'connection': ['keep-alive']})
whole('body/large', ok(b'Content-Length: 300000', body=b'x' * 300000), body=b'x' * 300000, whole_only=True)
whole('body/connection-close', ok(THREE, b'Connection: close', body=b'abc'), body=b'abc', lacks=('connection',))

# --- responses without a body (RFC 9110 6.4.1)
whole('none/204', ok(status=b'204 No Content'), status=204, end='keep', lacks=('content-length', 'transfer-encoding'))
whole('none/204-length', ok(b'Content-Length: 0', status=b'204 No Content'), status=204, end='keep', lacks=('content-length',))
whole('none/204-length-3', ok(THREE, status=b'204 No Content'), status=204, lacks=('content-length',))
whole('none/204-body', ok(THREE, status=b'204 No Content', body=b'abc'), status=204, lacks=('content-length',))
whole('none/304', ok(b'ETag: "a"', status=b'304 Not Modified'), status=304, end='keep', has={'etag': ['"a"']}, lacks=('content-length', 'transfer-encoding'))
whole('none/304-length', ok(THREE, status=b'304 Not Modified'), status=304, has={'content-length': ['3']})
whole('none/head-length', ok(THREE), request=HEAD, end='keep', has={'content-length': ['3']})
whole('none/head', ok(), request=HEAD, end='keep', lacks=('content-length',))
whole('none/head-chunked', ok(TE), request=HEAD, end='keep', lacks=('content-length',))
whole('none/head-body', ok(THREE, body=b'abc'), request=HEAD, has={'content-length': ['3']})
whole('none/head-204', ok(status=b'204 No Content'), request=HEAD, status=204)
whole('none/head-close', ok(b'Connection: close'), request=HEAD)

# --- interim responses (RFC 9110 15.2)
INFO = b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
whole('interim/100', b'HTTP/1.1 100 Continue\r\n\r\n' + ok(THREE, body=b'abc'), interim=[100], body=b'abc')
whole('interim/102', b'HTTP/1.1 102 Processing\r\n\r\n' + ok(THREE, body=b'abc'), interim=[102], body=b'abc')
whole('interim/103', INFO + ok(THREE, body=b'abc'), interim=[103], body=b'abc')
whole('interim/several', b'HTTP/1.1 100 Continue\r\n\r\n' + INFO * 3 + b'HTTP/1.1 199 \r\n\r\n' + ok(THREE, body=b'abc'), interim=[100, 103, 103, 103, 199], body=b'abc')
whole('interim/hop-fields', b'HTTP/1.1 103 X\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: 1\r\n\r\n' + ok(THREE, body=b'abc'), interim=[103], body=b'abc')
whole('interim/length-ignored', b'HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n' + ok(THREE, body=b'abc'), interim=[103], body=b'abc')
whole('interim/not-to-old-caller', INFO + ok(THREE, body=b'abc'), request=OLD, interim=[], body=b'abc', kept=False)
bad('interim/101-unasked', b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw')
bad('interim/flood', INFO * 50 + ok(THREE, body=b'abc'), interim=None, whole_only=True)
bad('interim/then-nothing', INFO, reason='upstream_reset')

# --- status lines (RFC 9112 4)
for code in (200, 201, 299, 400, 404, 418, 500, 503, 599, 600, 999):
    whole(f'status/{code}', ok(THREE, body=b'abc', status=b'%d X' % code), status=code, body=b'abc')
whole('status/no-phrase', ok(THREE, body=b'abc', status=b'200 '), body=b'abc')
whole('status/no-phrase-no-space', ok(THREE, body=b'abc', status=b'200'), body=b'abc')
whole('status/8bit-phrase', ok(THREE, body=b'abc', status=b'200 \xe9'), body=b'abc')
for n, line in (('000', b'HTTP/1.1 000 X'), ('099', b'HTTP/1.1 099 X'), ('20', b'HTTP/1.1 20 X'), ('2000', b'HTTP/1.1 2000 X'), ('word', b'HTTP/1.1 abc X'), ('plus', b'HTTP/1.1 +20 X'), ('none', b'HTTP/1.1'),
                ('tab', b'HTTP/1.1\t200 X'), ('two-spaces', b'HTTP/1.1  200 X'), ('2.0', b'HTTP/2.0 200 X'), ('1.2', b'HTTP/1.2 200 X'), ('0.9', b'HTTP/0.9 200 X'), ('lower', b'http/1.1 200 X'), ('icy', b'ICY 200 OK'),
                ('rtsp', b'RTSP/1.0 200 OK'), ('space', b' HTTP/1.1 200 X'), ('nul-phrase', b'HTTP/1.1 200 a\0b'), ('cr-phrase', b'HTTP/1.1 200 a\rb'), ('garbage', b'\x16\x03\x01\x00'), ('html', b'<html>')):
    bad(f'status/bad-{n}', line + b'\r\nContent-Length: 3\r\n\r\nabc')

# --- fields (RFC 9112 5)
for n, lines in (('space-before-colon', (b'X-A : 1', THREE)), ('no-colon', (b'X-A', THREE)), ('empty-name', (b': 1', THREE)), ('obs-fold', (b'X-A: 1', b' 2', THREE)), ('nul', (b'X-A: a\0b', THREE)), ('ctl', (b'X-A: a\1b', THREE)),
                 ('bare-cr', (b'X-A: 1\rX-B: 2', THREE)), ('bare-lf', (b'X-A: 1\nX-B: 2', THREE)), ('8bit-name', (b'X-\xe9: 1', THREE)), ('length-twice', (THREE, THREE)), ('length-differs', (THREE, b'Content-Length: 4')),
                 ('length-list', (b'Content-Length: 3, 3',)), ('length-plus', (b'Content-Length: +3',)), ('length-minus', (b'Content-Length: -3',)), ('length-empty', (b'Content-Length:',)),
                 ('length-huge', (b'Content-Length: 99999999999999999999',)), ('length-and-te', (THREE, TE)), ('te-gzip', (b'Transfer-Encoding: gzip',)), ('te-gzip-chunked', (b'Transfer-Encoding: gzip, chunked',)),
                 ('te-twice', (TE, TE)), ('te-chunked-tab', (TE + b'\t',)), ('te-x', (b'Transfer-Encoding: xchunked',))):
    bad(f'field/{n}', ok(*lines, body=b'abc'))
bad('field/lf-lines', b'HTTP/1.1 200 OK\nContent-Length: 3\n\nabc')
bad('field/te-1.0', b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
bad('field/too-many', ok(*[b'X-%d: 1' % i for i in range(200)], THREE, body=b'abc'), whole_only=True)
bad('field/too-large', ok(b'X-A: ' + b'a' * 70000, THREE, body=b'abc'), whole_only=True)
whole('field/large', ok(b'X-A: ' + b'a' * 30000, THREE, body=b'abc'), body=b'abc', whole_only=True)
whole('field/8bit', ok(b'X-A: \xe9', THREE, body=b'abc'), has={'x-a': ['\xe9']})
whole('field/repeated', ok(b'Set-Cookie: a=1', b'Set-Cookie: b=2', THREE, body=b'abc'), has={'set-cookie': ['a=1', 'b=2']})

# --- hop-by-hop fields (RFC 9110 7.6.1)
whole('hop/connection-named', ok(b'Connection: X-A, keep-alive', b'X-A: 1', b'X-B: 2', THREE, body=b'abc'), lacks=('x-a', 'connection'), has={'x-b': ['2']})
whole('hop/listed', ok(b'Keep-Alive: timeout=5', b'Proxy-Connection: keep-alive', b'Upgrade: h2c', b'TE: trailers', THREE, body=b'abc'), lacks=('keep-alive', 'proxy-connection', 'upgrade', 'te'))
whole('hop/names-length', ok(b'Connection: content-length', THREE, body=b'abc'), body=b'abc', has={'content-length': ['3']})
whole('hop/weft-hop', ok(b'Weft-Hop: 1;unprocessed', THREE, body=b'abc'), lacks=('weft-hop',))
whole('hop/weft-hop-not-believed', ok(b'Weft-Hop: 1;unprocessed', THREE, status=b'503 X', body=b'abc'), status=503, body=b'abc', lacks=('weft-hop', 'weft-reason'))

# --- cut short: never complete (RFC 9112 8)
for end in ('fin', 'reset'):
    bad(f'cut/nothing-{end}', b'', reason='upstream_reset', end=end)
    bad(f'cut/status-line-{end}', b'HTTP/1.1 200', reason='upstream_reset', end=end)
    bad(f'cut/head-{end}', b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', reason='upstream_reset', end=end)
    cut(f'cut/length-{end}', ok(THREE, body=b'ab'), end=end)
    cut(f'cut/chunk-size-{end}', ok(TE, body=b'3\r\nabc\r\n5'), end=end)
    cut(f'cut/chunk-data-{end}', ok(TE, body=b'3\r\nab'), end=end)
    cut(f'cut/no-last-chunk-{end}', ok(TE, body=b'3\r\nabc\r\n'), end=end)
    cut(f'cut/trailers-{end}', ok(TE, body=b'3\r\nabc\r\n0\r\nX-T: 1\r\n'), end=end)
    cut(f'cut/last-chunk-open-{end}', ok(TE, body=b'3\r\nabc\r\n0\r\n'), end=end)
    cut(f'cut/chunked-to-old-caller-{end}', ok(TE, body=b'3\r\nabc\r\n'), request=OLD, end=end)
    cut(f'cut/length-to-old-caller-{end}', ok(THREE, body=b'ab'), request=OLD, end=end)
cut('cut/close-delimited-reset', ok(body=b'abc'), end='reset')
cut('cut/close-delimited-reset-old-caller', ok(body=b'abc'), request=OLD, end='reset')
for n, v in (('word', b'zz\r\nabc\r\n'), ('negative', b'-1\r\nabc\r\n'), ('overflow', b'10000000000000003\r\nabc\r\n'), ('empty', b'\r\nabc\r\n'), ('lf', b'3\nabc\r\n'), ('no-crlf', b'3\r\nabcd\r\n'), ('0x', b'0x3\r\nabc\r\n')):
    cut(f'chunk/{n}', ok(TE, body=b'3\r\nabc\r\n' + v + b'0\r\n\r\n'))
cut('chunk/trailer-fold', ok(TE, body=b'0\r\nX-T: 1\r\n 2\r\n\r\n'))
cut('chunk/extension-flood', ok(TE, body=b'1;' + b'a' * 5000 + b'\r\nx\r\n0\r\n\r\n'), whole_only=True)
