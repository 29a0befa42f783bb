#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plain sockets, run inside a pod; prints what it saw.

  probe.py wait HOST PORT             sends nothing: the first bytes the server says
  probe.py half HOST PORT TEXT        sends, shuts its side, then reads to the end
  probe.py send HOST PORT TEXT        sends, reads until the peer closes (2 s); \\r\\n as escapes
  probe.py talk HOST PORT N           N messages to and fro on one connection
"""
import socket, sys


def read_all(s):
    data = b''
    try:
        while chunk := s.recv(65536):
            data += chunk
    except OSError as e:
        return data, type(e).__name__
    return data, 'eof'


def main(what, host, port, text=''):
    with socket.create_connection((host, int(port)), timeout=5) as s:
        if what == 'wait':
            print(s.recv(200).decode())
            return
        if what == 'talk':
            for n in range(int(text)):
                message = b'\x00\x01message %d\n' % n
                s.sendall(message)
                if s.recv(len(message), socket.MSG_WAITALL) != message:
                    print('differs')
                    return
            print(text)
            return
        s.sendall(text.encode().decode('unicode_escape').encode('latin-1'))
        if what == 'half':
            s.shutdown(socket.SHUT_WR)
        else:
            s.settimeout(2)
        data, end = read_all(s)
        print(f'{data.decode("latin-1")}|{end}')


try:
    main(*sys.argv[1:])
except OSError as e:
    print(f'error {type(e).__name__}')
