// SPDX-License-Identifier: Apache-2.0
// Command coredns is CoreDNS with only the plugins that a cluster's DNS needs: the stock program
// carries some fifty more, with the SDKs of several clouds, at several times the build time.
package main

import (
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"

	"github.com/coredns/coredns/coremain"
)

func main() { coremain.Run() }
