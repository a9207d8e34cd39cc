// Package pki is the cluster's trust: one certificate authority, the
// certificates it signs for servers and clients, and the key that service
// account tokens are signed with.
//
// # Model
//
// Everybody trusts one root, and a certificate's subject is an identity: the
// common name is the user's name, each organization is one of its groups
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/).
//
//	            ca.crt, ca.key                        sa.key, sa.pub
//	       +----------+-----------+                         |
//	       |          |           |                         |
//	apiserver.crt  kubelet's   client certificates    service account
//	(server)       (server)    CN=user O=group...     tokens (auth.Tokens)
//	                                |
//	                           kubeconfig files
//
// [Open] makes what is missing below a directory and loads what is there, so a
// second start finds the same authority. The files have kubeadm's names, which
// makes a directory of kubeadm usable here and ours there. Keys are written
// with mode 0600 and never leave the directory. [New] is the same without a
// directory, for tests and for clusters that live in one process.
//
// A second authority, front-proxy-ca, signs one thing: the certificate with which an
// API server passes requests on to another and says whose they are
// (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/).
// Whoever has such a certificate can be anybody, so that it must not be one that
// a user could get.
//
// # Lifetimes
//
// The authority lives ten years, a certificate one. [PKI.ServerTLS] and
// [PKI.ClientTLS] look at the age of their certificate in every handshake and
// sign a new one when less than a third of its life is left, so a process that
// runs for years needs no restart. Open signs the authority's certificate anew,
// with the same key and so still trusted by what trusts the old one, in its last
// year.
//
// # Damage
//
// A file that cannot be parsed, a key that does not fit its certificate or an
// authority's certificate without its key is reported as [ErrCorrupt] and left
// alone. Nothing is silently made anew where that would lock out those who
// trust the old one.
//
// # In Kubernetes
//
// kubeadm has a third authority for etcd, which a cluster in which the store is not a
// server of its own does not need, and signs the kubelets' certificates through
// the CertificateSigningRequest API.
//
// # Reading order
//
// pki.go (the authority and its directory), issue.go (signing), tls.go,
// frontproxy.go, kubeconfig.go, identities.go.
package pki
