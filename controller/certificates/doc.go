// Package certificates answers requests for certificates: who may have one, who
// signs it, and when the request is forgotten.
//
//	kubelet ──create──▶ CertificateSigningRequest
//	                      spec: request (PKCS #10), signerName, usages, username …
//	   [NewApproving] ──▶ status.conditions: Approved      or a person: kubectl certificate approve
//	   [NewSigning]   ──▶ status.certificate (PEM)
//	kubelet ◀──watch──
//	   [NewCleaner]   ──▶ deleted, an hour after it is settled, a day after nobody cared
//
// A signer's name says what its certificates are good for, and each has its
// rules of what a request must look like (signer.go). The four of Kubernetes are
// served, by one authority, that of the cluster:
//
//	kubernetes.io/kube-apiserver-client            a user
//	kubernetes.io/kube-apiserver-client-kubelet    a node, as a client
//	kubernetes.io/kubelet-serving                  a node, as a server
//	kubernetes.io/legacy-unknown                   whatever was approved; nobody promises anything
//
// Only one kind of request is approved without a person: a node's client
// certificate, for who may create certificatesigningrequests/nodeclient, as machines
// that bear a bootstrap token may be allowed to, or .../selfnodeclient, as nodes may
// be to renew their own.
//
// # In Kubernetes
//
// These are the controllers certificatesigningrequest-approving, -signing and
// -cleaner. Signing runs once for each signer there, and each can have an authority
// of its own.
//
// Reading order: signer.go, approve.go, sign.go, clean.go.
package certificates
