# SPDX-License-Identifier: Apache-2.0
"""What a client sends, and what may reach the app of it. Three outcomes:
refused    an error status, nothing reaches the app, the connection ends
forwarded  the app sees exactly these requests, in this form
cut        the app never sees a complete request, and the connection ends
"""
from dataclasses import dataclass, field


@dataclass
class Vector:
    name: str
    data: bytes
    want: str
    status: int = 200
    n: int = 1  # requests that reach the app
    has: dict = field(default_factory=dict)  # fields of the (last) request there: exactly these values
    lacks: tuple = ()
    target: str = None
    method: str = None
    version: str = None
    body: bytes = None
    trailers: list = None
    close: bool = False  # the connection ends after the answer
    side: str = 'both'  # or out, in
    eof: bool = False  # the client half-closes after sending
    whole_only: bool = False  # not worth splitting (large)
    reason: str = None


ALL = []
BASE = b'GET / HTTP/1.1\r\nHost: web\r\n'
POST = b'POST / HTTP/1.1\r\nHost: web\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'


def refused(name, data, status=400, **k):
    ALL.append(Vector(name, data, 'refused', status, n=0, close=True, **k))


def forwarded(name, data, **k):
    ALL.append(Vector(name, data, 'forwarded', **k))


def cut(name, data, **k):
    ALL.append(Vector(name, data, 'cut', 400, n=0, close=True, **k))


def get(*lines):
    return BASE + b''.join(x + b'\r\n' for x in lines) + b'\r\n'


def post(body, *lines):
    return POST + b''.join(x + b'\r\n' for x in lines) + b'\r\n' + body


# --- request line (RFC 9112 2.2, 3)
forwarded('line/plain', get(), method='GET', target='/', version='HTTP/1.1')
forwarded('line/crlf-before', b'\r\n\r\n' + get())
refused('line/lf-before', b'\n' + get())
refused('line/bare-lf', b'GET / HTTP/1.1\nHost: web\n\n')
refused('line/bare-lf-first-line', b'GET / HTTP/1.1\nHost: web\r\n\r\n')
refused('line/bare-cr-in-line', b'GET /\r HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/cr-cr-lf', b'GET / HTTP/1.1\r\r\nHost: web\r\n\r\n')
refused('line/tab-between', b'GET\t/ HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/two-spaces', b'GET  / HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/two-spaces-before-version', b'GET /  HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/trailing-space', b'GET / HTTP/1.1 \r\nHost: web\r\n\r\n')
refused('line/leading-space', b' GET / HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/space-in-target', b'GET /a b HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/nul-in-target', b'GET /a\0b HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/nul-in-method', b'G\0T / HTTP/1.1\r\nHost: web\r\n\r\n', side='out')
refused('line/8bit-in-target', b'GET /\xc3\xa9 HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/del-in-target', b'GET /\x7f HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/fragment', b'GET /a#b HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/fragment-in-query', b'GET /a?b#c HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/http-0.9', b'GET /\r\n\r\n')
refused('line/http-0.9-no-crlf', b'GET /\n', side='out')
refused('line/no-target', b'GET HTTP/1.1\r\nHost: web\r\n\r\n', side='out')
refused('line/relative-target', b'GET a HTTP/1.1\r\nHost: web\r\n\r\n')
refused('line/colon-in-method', b'GE:T / HTTP/1.1\r\nHost: web\r\n\r\n', side='out')
for v in (b'HTTP/2.0', b'HTTP/1.2', b'HTTP/0.9', b'HTTP/3.0', b'HTTP/1.10', b'HTTP/11', b'HTTP/1', b'HTTP/01.1', b'HTTP/1.1x', b'http/1.1', b'HTTP/1,1',
          b'ICE/1.0', b'RTSP/1.0', b'SOURCE/1.1'):
    refused(f'version/{v.decode()}', b'GET / ' + v + b'\r\nHost: web\r\n\r\n')

# --- methods (RFC 9110 9)
for m in ('POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'REPORT', 'MKCOL', 'TRACE'):
    forwarded(f'method/{m}', f'{m} /m HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n'.encode(), method=m, target='/m')
forwarded('method/HEAD', b'HEAD / HTTP/1.1\r\nHost: web\r\n\r\n', method='HEAD')
for m in ('get', 'Get', 'BREW', 'X', 'GETX', 'GET_', '!#$', 'A' * 30):
    refused(f'method/unknown-{m}', f'{m} / HTTP/1.1\r\nHost: web\r\n\r\n'.encode(), 501, reason='method_unknown')
refused('method/connect', b'CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n', 501)
refused('method/connect-path', b'CONNECT / HTTP/1.1\r\nHost: web:80\r\n\r\n', 501)
refused('method/pri-not-preface', b'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', side='out')

# --- target forms (RFC 9112 3.2)
forwarded('target/absolute', b'GET http://web/a?b HTTP/1.1\r\nHost: web\r\n\r\n', target='/a?b', has={'host': ['web']})
forwarded('target/absolute-no-path', b'GET http://web HTTP/1.1\r\nHost: web\r\n\r\n', target='/')
forwarded('target/absolute-query-only', b'GET http://web?q=1 HTTP/1.1\r\nHost: web\r\n\r\n', target='/?q=1')
forwarded('target/absolute-case', b'GET HTTP://WEB/ HTTP/1.1\r\nHost: web\r\n\r\n', target='/')
forwarded('target/absolute-options', b'OPTIONS http://web HTTP/1.1\r\nHost: web\r\n\r\n', target='*')
refused('target/absolute-other-host', b'GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n')
refused('target/absolute-other-port', b'GET http://web:81/ HTTP/1.1\r\nHost: web\r\n\r\n')
refused('target/absolute-no-host-field', b'GET http://web/ HTTP/1.1\r\n\r\n')
refused('target/absolute-empty-host', b'GET http:/// HTTP/1.1\r\nHost: \r\n\r\n')
refused('target/absolute-user-info', b'GET http://u:p@web/ HTTP/1.1\r\nHost: web\r\n\r\n')
refused('target/other-scheme', b'GET ftp://web/ HTTP/1.1\r\nHost: web\r\n\r\n')
refused('target/no-scheme', b'GET web:80 HTTP/1.1\r\nHost: web\r\n\r\n')
forwarded('target/asterisk-options', b'OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n', target='*', method='OPTIONS')
refused('target/asterisk-get', b'GET * HTTP/1.1\r\nHost: web\r\n\r\n')
refused('target/too-long', b'GET /' + b'a' * 17000 + b' HTTP/1.1\r\nHost: web\r\n\r\n', 414, whole_only=True, reason='target_too_long')
forwarded('target/long', b'GET /' + b'a' * 16000 + b' HTTP/1.1\r\nHost: web\r\n\r\n', whole_only=True)

# --- Host (RFC 9112 3.2)
refused('host/missing', b'GET / HTTP/1.1\r\n\r\n')
refused('host/twice', b'GET / HTTP/1.1\r\nHost: web\r\nHost: web\r\n\r\n')
refused('host/twice-different', b'GET / HTTP/1.1\r\nHost: web\r\nhost: evil\r\n\r\n')
forwarded('host/empty', b'GET / HTTP/1.1\r\nHost:\r\n\r\n', has={'host': ['']})
forwarded('host/port', b'GET / HTTP/1.1\r\nHost: web:80\r\n\r\n', has={'host': ['web:80']})
forwarded('host/ipv6', b'GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', has={'host': ['[::1]:80']})
forwarded('host/case-kept', b'GET / HTTP/1.1\r\nHost: WeB\r\n\r\n', has={'host': ['WeB']})
for n, v in (('space', b'a b'), ('slash', b'a/b'), ('at', b'u@web'), ('question', b'a?b'), ('hash', b'a#b'), ('backslash', b'a\\b'),
             ('angle', b'<a>'), ('quote', b'"a"'), ('8bit', b'\xe9')):
    refused(f'host/{n}', b'GET / HTTP/1.1\r\nHost: ' + v + b'\r\n\r\n')

# --- field lines (RFC 9112 5)
refused('field/space-before-colon', get(b'X-A : 1'))
refused('field/tab-before-colon', get(b'X-A\t: 1'))
refused('field/te-space-before-colon', CHUNKED.replace(b'Encoding:', b'Encoding :') + b'0\r\n\r\n')
refused('field/no-colon', get(b'X-A'))
refused('field/empty-name', get(b': 1'))
refused('field/obs-fold-space', get(b'X-A: 1', b' 2'))
refused('field/obs-fold-tab', get(b'X-A: 1', b'\t2'))
refused('field/fold-on-first', b'GET / HTTP/1.1\r\n Host: web\r\n\r\n')
refused('field/fold-te', POST + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n')
refused('field/bare-lf', BASE + b'X-A: 1\nX-B: 2\r\n\r\n')
refused('field/bare-cr', BASE + b'X-A: 1\rX-B: 2\r\n\r\n')
refused('field/cr-cr-lf', BASE + b'X-A: 1\r\r\n\r\n')
refused('field/nul-in-value', get(b'X-A: a\0b'))
refused('field/nul-in-name', get(b'X\0A: b'))
refused('field/ctl-in-value', get(b'X-A: a\x01b'))
refused('field/del-in-value', get(b'X-A: a\x7fb'))
refused('field/8bit-in-name', get(b'X-\xe9: b'))
for c in b'"(),/;<=>?@[\\]{}':
    refused(f'field/name-with-{c:02x}', get(b'X' + bytes([c]) + b'A: 1'))
forwarded('field/empty-value', get(b'X-A:'), has={'x-a': ['']})
forwarded('field/ows', get(b'X-A: \t 1 \t '), has={'x-a': ['1']})
forwarded('field/tab-inside', get(b'X-A: a\tb'), has={'x-a': ['a\tb']})
forwarded('field/8bit-value', get(b'X-A: \xe9'), has={'x-a': ['\xe9']})
forwarded('field/token-chars', get(b"!#$%&'*+-.^_`|~0aZ: 1"), has={"!#$%&'*+-.^_`|~0az": ['1']})
forwarded('field/repeated', get(b'X-A: 1', b'X-B: x', b'x-a: 2'), has={'x-a': ['1', '2']})
refused('field/too-many', get(*[b'X-%d: 1' % i for i in range(200)]), 431, whole_only=True, reason='head_too_large')
refused('field/too-large', get(b'X-A: ' + b'a' * 70000), 431, whole_only=True, reason='head_too_large')
refused('field/too-large-name', get(b'X' * 70000 + b': a'), 431, whole_only=True)
forwarded('field/large', get(b'X-A: ' + b'a' * 30000), whole_only=True)
refused('head/ends-early', BASE + b'X-A: 1', eof=True, side='none')

# --- hop-by-hop fields, and what no client may say (RFC 9110 7.6)
forwarded('hop/connection-named', get(b'Connection: X-A, close-not', b'X-A: 1', b'X-B: 2'), lacks=('x-a', 'connection'), has={'x-b': ['2']})
forwarded('hop/connection-two-lines', get(b'Connection: x-a', b'X-A: 1', b'X-B: 2', b'Connection: X-B'), lacks=('x-a', 'x-b', 'connection'))
forwarded('hop/connection-names-host', get(b'Connection: host'), has={'host': ['web']})
forwarded('hop/connection-names-length', post(b'abc', b'Connection: content-length', b'Content-Length: 3'), body=b'abc')
forwarded('hop/connection-names-te', POST + b'Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', body=b'abc')
forwarded('hop/connection-empty-items', get(b'Connection: ,, ,x-a', b'X-A: 1'), lacks=('x-a',))
forwarded('hop/keep-alive', get(b'Keep-Alive: timeout=5', b'Connection: keep-alive'), lacks=('keep-alive', 'connection'))
forwarded('hop/proxy-connection', get(b'Proxy-Connection: keep-alive'), lacks=('proxy-connection',))
forwarded('hop/te-trailers', get(b'TE: trailers, deflate;q=0.5', b'Connection: TE'), has={'te': ['trailers']})
forwarded('hop/te-other', get(b'TE: gzip', b'Connection: TE'), lacks=('te',))
forwarded('hop/h2c-upgrade', get(b'Connection: Upgrade, HTTP2-Settings', b'Upgrade: h2c', b'HTTP2-Settings: AAMAAABkAAQAAP__'),
          lacks=('upgrade', 'http2-settings', 'connection'))
forwarded('hop/close', get(b'Connection: close'), close=True, lacks=('connection',))
forwarded('hop/close-in-list', get(b'Connection: x-a, Close'), close=True)
forwarded('trust/xfcc', get(b'X-Forwarded-Client-Cert: By=spiffe://a;URI=spiffe://b'), lacks=('x-forwarded-client-cert',))
forwarded('trust/xfcc-case-twice', get(b'x-forwarded-CLIENT-cert: a', b'X-FORWARDED-CLIENT-CERT: b'), lacks=('x-forwarded-client-cert',))
forwarded('trust/weft-hop', get(b'Weft-Hop: 1;app=h2'), lacks=('weft-hop',))
forwarded('trust/weft-hop-twice', get(b'weft-hop: 1;app=h1.0', b'WEFT-HOP: 1;unprocessed'), lacks=('weft-hop',))
forwarded('trust/xfcc-trailer', CHUNKED + b'0\r\nX-Forwarded-Client-Cert: a\r\nWeft-Hop: 1\r\nX-T: 1\r\n\r\n', trailers=[('x-t', '1')])
forwarded('trust/request-id-kept', get(b'X-Request-Id: abc'), has={'x-request-id': ['abc']})

# --- content-length (RFC 9112 6.2, 6.3)
forwarded('length/body', post(b'abc', b'Content-Length: 3'), body=b'abc', has={'content-length': ['3']}, lacks=('transfer-encoding',))
forwarded('length/zero', post(b'', b'Content-Length: 0'), body=b'', has={'content-length': ['0']})
forwarded('length/leading-zeros', post(b'abc', b'Content-Length: 0003'), body=b'abc')
forwarded('length/none', post(b''), body=b'', lacks=('transfer-encoding',))
forwarded('length/get-with-body', BASE + b'Content-Length: 3\r\n\r\nabc', body=b'abc')
for n, v in (('plus', b'+3'), ('minus', b'-3'), ('hex', b'0x3'), ('space-inside', b'3 3'), ('comma', b'3, 3'), ('comma-other', b'3,4'), ('empty', b''), ('float', b'3.0'),
             ('word', b'three'), ('overflow', b'18446744073709551619'), ('huge', b'9' * 40), ('nul', b'3\0'), ('trailing', b'3;'), ('underscore', b'0_3')):
    refused(f'length/{n}', post(b'abc', b'Content-Length: ' + v))
refused('length/twice-same', post(b'abc', b'Content-Length: 3', b'Content-Length: 3'))
refused('length/twice-different', post(b'abc', b'Content-Length: 3', b'Content-Length: 0'))
refused('length/name-underscore-smuggle', post(b'abc', b'Content-Length: 3', b'Content Length: 0'))
forwarded('length/underscore-name', post(b'abc', b'Content-Length: 3', b'Content_Length: 0'), body=b'abc')
cut('length/short-eof', post(b'ab', b'Content-Length: 3'), eof=True)

# --- transfer-encoding (RFC 9112 6.1)
forwarded('te/chunked', CHUNKED + b'3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n', body=b'abcdefg', has={'transfer-encoding': ['chunked']}, lacks=('content-length',))
forwarded('te/case', CHUNKED.replace(b'chunked', b'ChUnKeD') + b'0\r\n\r\n', body=b'')
forwarded('te/ows', CHUNKED.replace(b'chunked', b' \t chunked  ') + b'0\r\n\r\n', body=b'')
refused('te/tab-behind', CHUNKED.replace(b'chunked', b'chunked\t') + b'0\r\n\r\n')  # parsers differ on it
for n, v in (('gzip', b'gzip'), ('identity', b'identity'), ('gzip-chunked', b'gzip, chunked'), ('chunked-gzip', b'chunked, gzip'), ('twice-list', b'chunked, chunked'),
             ('quoted', b'"chunked"'), ('param', b'chunked;q=1'), ('x', b'xchunked'), ('suffix', b'chunkedx'), ('empty', b''), ('comma-before', b',chunked'),
             ('comma-after', b'chunked,'), ('vt', b'\x0bchunked'), ('8bit-space', b'\xa0chunked'), ('cow', b'cow')):
    refused(f'te/{n}', CHUNKED.replace(b'chunked', v) + b'0\r\n\r\n')
refused('te/two-lines', POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n')
refused('te/two-lines-same', POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
refused('te/http-1.0', b'POST / HTTP/1.0\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
SMUGGLED = b'GET /evil HTTP/1.1\r\nHost: web\r\n\r\n'
refused('smuggle/cl-te', POST + b'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG')
refused('smuggle/te-cl', POST + b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n' + SMUGGLED + b'0\r\n\r\n')
refused('smuggle/cl-0-te', POST + b'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + SMUGGLED)
refused('smuggle/te-te-obscured', POST + b'Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n' + SMUGGLED)
refused('smuggle/te-tab-name', POST + b'Transfer-Encoding\t: chunked\r\nContent-Length: 4\r\n\r\n' + SMUGGLED)
refused('smuggle/cl-in-fold', POST + b'X-A: 1\r\n Content-Length: 34\r\n\r\n' + SMUGGLED)
refused('smuggle/lf-hidden-te', POST + b'X-A: 1\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n')
refused('smuggle/cr-hidden-te', POST + b'X-A: 1\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n')
forwarded('smuggle/body-is-data', post(SMUGGLED, b'Content-Length: %d' % len(SMUGGLED)), body=SMUGGLED, n=1)

# --- chunks (RFC 9112 7.1)
forwarded('chunk/upper-hex', CHUNKED + b'A\r\n0123456789\r\n0\r\n\r\n', body=b'0123456789')
forwarded('chunk/leading-zeros', CHUNKED + b'0003\r\nabc\r\n000\r\n\r\n', body=b'abc')
forwarded('chunk/extension', CHUNKED + b'3;a=b\r\nabc\r\n0;c\r\n\r\n', body=b'abc')
forwarded('chunk/extension-quoted', CHUNKED + b'3;a="b;c"\r\nabc\r\n0\r\n\r\n', body=b'abc')
forwarded('chunk/trailers', CHUNKED + b'0\r\nX-T: 1\r\nX-U: 2\r\n\r\n', trailers=[('x-t', '1'), ('x-u', '2')])
forwarded('chunk/trailers-cleaned', CHUNKED + b'0\r\nHost: evil\r\nContent-Length: 5\r\nConnection: x\r\nTE: y\r\nX-T: 1\r\n\r\n', trailers=[('x-t', '1')])
forwarded('chunk/binary', CHUNKED + b'5\r\n\0\r\n\r\n\r\n0\r\n\r\n', body=b'\0\r\n\r\n')
for n, v in (('negative', b'-3\r\nabc\r\n'), ('plus', b'+3\r\nabc\r\n'), ('0x', b'0x3\r\nabc\r\n'), ('empty', b'\r\nabc\r\n'), ('word', b'zz\r\nabc\r\n'), ('overflow', b'10000000000000003\r\nabc\r\n'),
             ('huge', b'f' * 40 + b'\r\nabc\r\n'), ('space-before', b' 3\r\nabc\r\n'), ('space-after', b'3 \r\nabc\r\n'), ('tab-after', b'3\t\r\nabc\r\n'), ('lf-only', b'3\nabc\r\n'), ('lf-after-data', b'3\r\nabc\n'),
             ('no-crlf-after-data', b'3\r\nabc'), ('too-long-data', b'3\r\nabcd\r\n'), ('cr-in-size', b'3\rx\nabc\r\n'), ('underscore', b'0_3\r\nabc\r\n'), ('dot', b'3.0\r\nabc\r\n'),
             ('extension-lf', b'3;a\nabc\r\n'), ('extension-cr', b'3;a\rb\r\nabc\r\n'), ('extension-nul', b'3;a\0\r\nabc\r\n'), ('crcrlf', b'3\r\r\nabc\r\n'),
             ('extension-flood', b'1;' + b'a' * 5000 + b'\r\nx\r\n'), ('extension-flood-many', b'1;aaaaaaaa\r\nx\r\n' * 600)):
    cut(f'chunk/{n}', CHUNKED + v + b'0\r\n\r\n', whole_only=len(v) > 1000)
for n, v in (('trailer-space-colon', b'X-T : 1\r\n'), ('trailer-fold', b'X-T: 1\r\n 2\r\n'), ('trailer-lf', b'X-T: 1\n'), ('trailer-no-colon', b'X-T\r\n'), ('trailer-nul', b'X-T: \0\r\n'),
             ('trailer-many', b''.join(b'X-%d: 1\r\n' % i for i in range(200))), ('trailer-large', b'X-T: ' + b'a' * 70000 + b'\r\n'), ('trailer-bad-name', b'X(T: 1\r\n'), ('trailer-te', b'Transfer-Encoding: chunked\r\n')):
    cut(f'chunk/{n}', CHUNKED + b'3\r\nabc\r\n0\r\n' + v + b'\r\n', whole_only=len(v) > 1000)
cut('chunk/eof-in-size', CHUNKED + b'3', eof=True)
cut('chunk/eof-in-data', CHUNKED + b'3\r\nab', eof=True)
cut('chunk/eof-before-last', CHUNKED + b'3\r\nabc\r\n', eof=True)
cut('chunk/eof-in-trailers', CHUNKED + b'0\r\nX-T: 1\r\n', eof=True)
cut('chunk/last-without-end', CHUNKED + b'0\r\n', eof=True)

# --- connection handling (RFC 9112 9)
forwarded('pipeline/three', get() + post(b'abc', b'Content-Length: 3') + get(b'X-A: 3'), n=3, has={'x-a': ['3']})
forwarded('pipeline/after-chunked', CHUNKED + b'3\r\nabc\r\n0\r\n\r\n' + get(), n=2)
forwarded('pipeline/after-close', get(b'Connection: close') + get(), n=1, close=True)
forwarded('pipeline/crlf-between', get() + b'\r\n' + get(), n=2)
forwarded('pipeline/after-length-zero', post(b'', b'Content-Length: 0') + SMUGGLED, n=2, target='/evil')
forwarded('1.0/plain', b'GET / HTTP/1.0\r\n\r\n', close=True, lacks=('connection',))
forwarded('1.0/keep-alive', b'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', lacks=('connection',))
forwarded('1.0/keep-alive-host', b'GET / HTTP/1.0\r\nHost: web\r\nConnection: Keep-Alive\r\n\r\n', has={'host': ['web']})
forwarded('1.0/body', b'POST / HTTP/1.0\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc', body=b'abc', close=True)
forwarded('1.0/close-wins', b'GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n', close=True)
forwarded('expect/unknown', post(b'abc', b'Expect: 200-maybe', b'Content-Length: 3'), has={'expect': ['200-maybe']}, body=b'abc')
forwarded('expect/continue', post(b'abc', b'Expect: 100-continue', b'Content-Length: 3'), has={'expect': ['100-continue']}, body=b'abc', close=None)
forwarded('expect/continue-no-body', get(b'Expect: 100-continue'), lacks=('expect',))
forwarded('expect/continue-1.0', b'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', lacks=('expect',), body=b'abc', close=True)

# --- path hygiene: outbound, where routes decide by the path
for n, sent, want in (('unreserved', '/%61%2Db%7E', '/a-b~'), ('dot', '/a/./b', '/a/b'), ('dotdot', '/a/../b', '/b'), ('dotdot-end', '/a/b/..', '/a/'), ('dot-end', '/a/.', '/a/'),
                      ('encoded-dotdot', '/a/%2e%2E/b', '/b'), ('hex-upper', '/%e2%82%ac', '/%E2%82%AC'), ('double-slash', '//a//b', '//a//b'), ('query-kept', '/a/../b?x=/../%2F', '/b?x=/../%2F'),
                      ('percent-percent', '/%2561', '/%2561'), ('dots-in-name', '/a..b/.c/...', '/a..b/.c/...'), ('plus', '/a+b', '/a+b'), ('semicolon', '/a;b=c', '/a;b=c')):
    forwarded(f'path/{n}', f'GET {sent} HTTP/1.1\r\nHost: web\r\n\r\n'.encode(), target=want, side='out')
for n, sent in (('encoded-slash', '/a%2Fb'), ('encoded-slash-lower', '/a%2fb'), ('encoded-backslash', '/a%5Cb'), ('backslash', '/a\\b'), ('encoded-nul', '/a%00b'), ('bad-escape', '/a%zzb'), ('short-escape', '/a%2'),
                ('above-root', '/..'), ('above-root-deep', '/a/../../b'), ('encoded-above-root', '/%2e%2e/b')):
    refused(f'path/{n}', f'GET {sent} HTTP/1.1\r\nHost: web\r\n\r\n'.encode(), side='out-kept', reason='path_refused')
forwarded('path/absolute-form-normalised', b'GET http://web/a/../b HTTP/1.1\r\nHost: web\r\n\r\n', target='/b', side='out')
