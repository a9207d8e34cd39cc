// Package serviceaccount gives every namespace what its pods need to talk to the
// API server: a ServiceAccount named default, and a ConfigMap named
// kube-root-ca.crt with the certificates by which to know the server. To those who ask
// for a token that lasts, by a Secret, it gives one.
//
//	Namespace ──▶ [New]       ──▶ ServiceAccount default
//	          ──▶ [NewRootCA] ──▶ ConfigMap kube-root-ca.crt
//	Secret    ──▶ [NewTokens] ──▶ its token, or its end
//
// The first two are small on purpose: wanted state is a constant, so a reconciliation is
// "get it; create it if it is missing; put it right if it differs". Either comes back when
// somebody deletes it. A namespace that is being deleted gets nothing.
//
// Pods' tokens are no concern of this package: the API server issues them through the
// token subresource, and kubelets mount them. In Kubernetes the controller signs tokens for
// secrets itself, in an old format without an end; here it asks for one that is bound to
// the secret and ends in a hundred years, so it needs no key. There, a token that is
// taken out of its secret is good no more; here, once the secret is deleted.
//
// Reading order: serviceaccount.go, rootca.go, token.go.
package serviceaccount
