// Package probe asks containers how they are: startup, liveness and readiness
// probes by command, HTTP, TCP and gRPC.
//
//	Loop:  wait initialDelay ─▶ Prober.Do ─▶ Counter ─▶ report, if it changed
//	            ▲                                │
//	            └────────── period ──────────────┘
//
// A [Prober] asks once. A [Counter], a value, turns single outcomes into a
// result: only successThreshold outcomes in a row make a success, only
// failureThreshold in a row a failure. [Loop] does both again and again until
// its context ends.
//
// Everything goes through the Dial and Exec functions of the Prober, so that
// the same code probes pods in their own network namespace and pods on an
// in-memory network. See
// https://kubernetes.io/docs/concepts/workloads/pods/probes/.
//
// In Kubernetes the prober manager and its workers do this, in the same way. It
// starts each worker with a random delay after a restart; ours does not.
//
// Reading order: loop.go, counter.go, prober.go, http.go, grpc.go.
package probe
