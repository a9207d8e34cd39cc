// Package logs reads and rotates the logs of containers.
//
// A runtime writes what a container prints to a file, a line each, in the form
// that CRI prescribes:
//
//	2026-01-02T15:04:05.000000001Z stdout F a whole line
//	2026-01-02T15:04:05.000000002Z stderr P the first part of a long one, the
//	2026-01-02T15:04:05.000000003Z stderr F  rest of it
//
// [Rotate] moves a file that has grown too large aside, to the same name with
// the time after it, and makes the runtime open a new one. [Read] takes all of
// them for one log: it starts at the oldest, and with Follow stays at the
// newest, through further rotations, until the container has ended.
//
//	0.log.20260102-150405.000000000 ─▶ 0.log.20260102-160405.000000000 ─▶ 0.log
//
// In Kubernetes the kubelet's kuberuntime/logs and container log manager do
// this. It compresses rotated files and reads the newest alone; ours reads all.
//
// Reading order: line.go, read.go, tail.go, rotate.go.
package logs
