#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real meshes on this machine: real redirection, real mutual TLS, real apps. Usage: mesh.py BINARY_DIR [PART...]

Parts: routing security protocols life (default: all). Run through mesh.sh, which checks for root.
"""
import os, sys
import lab, life, protocols, routing, security, world

PARTS = ('routing', 'security', 'protocols', 'life')


def main(bin_dir, *parts):
    parts = parts or PARTS
    work = lab.Work(bin_dir)
    flag = os.path.join(work.path, 'ready')
    open(flag, 'w').close()
    m = lab.Mesh(work, 'a', world.main_docs(flag))
    m.write('routes', routing.routes())
    other = lab.Mesh(work, 'b', world.load_docs(work.bin))
    meshes = [m, other]
    try:
        m.start('--access-log', 'all')
        if 'life' in parts:
            other.start('--access-log', 'all', '--workload-cert-ttl', '20s')
            other.started()
            rotation = life.Rotation(other)
        m.started()
        for name, part in (('routing', lambda: routing.run(m, flag)), ('security', lambda: security.run(m)), ('protocols', lambda: protocols.run(m))):
            if name in parts:
                print(f'# {name}', flush=True)
                part()
        if 'life' in parts:
            print('# life', flush=True)
            life.run(m, other, rotation)
            meshes = []
    finally:
        for mesh in meshes:
            mesh.down()
        work.remove()
    lab.finish()


main(*sys.argv[1:])
