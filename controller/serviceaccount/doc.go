// Package serviceaccount gives every namespace what its pods need to talk to the
// API server: a ServiceAccount named default, and a ConfigMap named
// kube-root-ca.crt with the certificates by which to know the server.
//
//	Namespace ──▶ [New]       ──▶ ServiceAccount default
//	          ──▶ [NewRootCA] ──▶ ConfigMap kube-root-ca.crt
//
// Both are small on purpose: wanted state is a constant, so a reconciliation is
// "get it; create it if it is missing; put it right if it differs". Either comes back when
// somebody deletes it. A namespace that is being deleted gets nothing.
//
// Tokens are no concern of this package: the API server issues them through the
// token subresource, and kubelets mount them.
//
// Reading order: serviceaccount.go, rootca.go.
package serviceaccount
