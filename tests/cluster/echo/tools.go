// SPDX-License-Identifier: Apache-2.0
//go:build tools

// Package tools keeps the echo programs in go.mod.
package tools

import (
	_ "istio.io/istio/pkg/test/echo/cmd/client"
	_ "istio.io/istio/pkg/test/echo/cmd/server"
)
