// Package demo is the application that `coracle demo` shows a cluster with: its
// manifests, and in the folder app its program.
package demo

import "embed"

// Files are the manifests: app.yaml and hpa.yaml.
//
//go:embed *.yaml
var Files embed.FS
