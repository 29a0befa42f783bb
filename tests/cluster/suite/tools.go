// SPDX-License-Identifier: Apache-2.0
//go:build tools

// Package tools keeps the suite in go.mod.
package tools

import (
	_ "sigs.k8s.io/gateway-api/conformance"
)
