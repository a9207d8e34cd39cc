// Package api compares our API server with the real kube-apiserver, request by
// request, and runs the real components of Kubernetes against ours.
//
//	differ                  requests as text, answers made comparable
//	testdata/requests       the requests: hand-written, file by file
//	testdata/kinds.yaml     an object of each kind; every verb is tried on each
//	docs/differences.md     what still differs, written by the test
//	testdata/audit          requests and a policy, whose audit logs are compared
//
// # Reading order
//
// testdata/requests/errors.txt, differential_test.go, differ/differ.go.
package api
