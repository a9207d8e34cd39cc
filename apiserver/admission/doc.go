// Package admission completes and checks what is about to be written.
//
// # Model
//
// When a request has passed authorization, the server shows the object to its
// hooks, in order: first each may change it, then it is completed and validated,
// then each may refuse it.
//
//	authorized -> Mutate, Mutate, ... -> defaults -> validation -> Validate, Validate, ... -> store
//
// Each hook is a rule about the cluster that needs more than the object itself to
// decide, which sets it apart from the rules of the kind in package kinds: does the
// namespace exist, which account runs this pod, which address is free. A hook is a
// small file; [Default] returns the usual ones in Kubernetes' order.
//
//	NamespaceLifecycle            nothing new in a namespace that ends
//	LimitRanger                   defaults and bounds of what pods ask for
//	ServiceAccount                who a pod is, and its token
//	TaintNodesByCondition         a new node is not ready yet
//	CertificateRequester          who asks for a certificate
//	PodSecurity                   what pods of a namespace may ask of their node
//	Priority                      from class names to numbers
//	DefaultTolerationSeconds      how long a pod stays on a dead node
//	DefaultStorageClass           for claims that name none
//	StorageObjectInUseProtection  volumes in use are not removed
//	PersistentVolumeClaimResize   which volumes can grow
//	RuntimeClass                  what a pod's runtime brings along
//	DefaultIngressClass           for ingresses that name none
//	PodTopologyLabels             where a pod's node is
//	PodResizeValidator            no more than the node has
//	ServiceIPs                    addresses and node ports of services
//	ResourceQuota                 what a namespace may have in all
//
// # Addresses
//
// [ServiceIPs] and [ResourceQuota] are the hooks with a memory, which is in the
// store. That no two services share an
// address must hold for concurrent requests, crashed requests and several servers
// over one store, so each address in use is an object of its own in the store,
// whose creation is the decision: claims.go tells how they come and go.
//
// # Concurrency
//
// Hooks are safe for concurrent use. A mutating hook may run more than once for
// a request, when an update meets a conflict and starts over, so it must find its
// own changes acceptable.
//
// # In Kubernetes
//
// kube-apiserver has some forty plugins, webhooks and CEL policies in this place.
// It allocates addresses not in a plugin but in the storage of services, with
// IPAddress objects and a bitmap of ports, and repairs what crashed requests leave
// behind. The package bootstrap beside this one makes the objects that a
// server owns itself, as kube-apiserver does after its start.
//
// # Reading order
//
// admission.go, namespacelifecycle.go, serviceaccount.go and the other small ones;
// then claims.go, ranges.go, serviceip.go, servicespec.go, servicerepair.go.
package admission
