// Package imports keeps the project's import rules true, by a test: which part may
// know which.
//
//	cmd ─▶ cluster ─▶ apiserver, controller, scheduler, kubelet, network ─▶ client ─▶ api
//	                      │                               │
//	                      ▼                               ▼
//	                    store                          runtime
//
// The rules are a table in imports_test.go, each with its reason. They are what
// makes every part replaceable: a scheduler that imported the kubelet could not be
// run against somebody else's. Only what is built into programs counts; tests may
// bring parts together, since that is what they are for.
//
// The idea is that of the deptest packages of other Go projects.
package imports
