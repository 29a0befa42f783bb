#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Open-loop HTTP/1.1 load, half GET and half POST, run inside a pod. One JSON line per response.

load.py --url http://web/ --rps 500 --seconds 60 --connections 16 --per-connection 50 --out FILE
"""
import argparse, asyncio, json, time, urllib.parse


async def read_response(reader):
    head = await reader.readuntil(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    status = int(lines[0].split()[1])
    fields = {k.strip().lower(): v.strip() for k, _, v in (l.partition(':') for l in lines[1:] if l)}
    if fields.get('transfer-encoding') == 'chunked':
        while True:
            size = int((await reader.readuntil(b'\r\n')).split(b';')[0], 16)
            await reader.readexactly(size + 2)
            if size == 0:
                break
    else:
        await reader.readexactly(int(fields.get('content-length', 0)))
    return status, fields


async def connection(o, url, due, write):
    """Takes due times from the queue; a new TCP connection after --per-connection requests."""
    reader = writer = None
    target = (url.path or '/') + (f'?{url.query}' if url.query else '')
    used = 0
    while (item := await due.get()) is not None:
        n, when = item
        post = n % 2 == 1
        body = b'x' * 100 if post else b''
        request = (f"{'POST' if post else 'GET'} {target} HTTP/1.1\r\nhost: {url.netloc}\r\nx-request-id: load-{n}\r\n"
                   + (f'content-length: {len(body)}\r\n' if post else '') + '\r\n').encode() + body
        result = {'n': n, 'post': post, 'start': time.time()}
        try:
            if writer is None or used >= o.per_connection:
                if writer:
                    writer.close()
                reader, writer = await asyncio.wait_for(asyncio.open_connection(url.hostname, url.port or 80), 5)
                used = 0
            writer.write(request)
            status, fields = await asyncio.wait_for(read_response(reader), 20)
            used += 1
            result.update(status=status, reason=fields.get('weft-reason', ''), tag=fields.get('x-version', ''))
            if fields.get('connection') == 'close':
                writer.close()
                writer = None
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, asyncio.LimitOverrunError) as e:
            result['error'] = repr(e)[:200]
            if writer:
                writer.close()
            writer = None
        result['ms'] = round((time.time() - when) * 1000, 2)
        write(result)
    if writer:
        writer.close()


async def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('--url', required=True)
    a.add_argument('--rps', type=float, default=500)
    a.add_argument('--seconds', type=float, default=60)
    a.add_argument('--connections', type=int, default=16)
    a.add_argument('--per-connection', type=int, default=50)
    a.add_argument('--out', required=True)
    o = a.parse_args()
    url, due, total = urllib.parse.urlparse(o.url), asyncio.Queue(), int(o.rps * o.seconds)
    with open(o.out, 'w', buffering=1) as out:
        workers = [asyncio.create_task(connection(o, url, due, lambda r: out.write(json.dumps(r) + '\n')))
                   for _ in range(o.connections)]
        start = time.time()
        for n in range(total):
            when = start + n / o.rps
            if (wait := when - time.time()) > 0:
                await asyncio.sleep(wait)
            due.put_nowait((n, when))
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)


asyncio.run(main())
