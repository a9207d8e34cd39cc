// Package quota measures what objects use of the quotas of their namespace.
//
// A ResourceQuota names things and how much of each a namespace may have. An
// object uses some of them: a Pod the CPU that it requests, a claim a part of the
// storage, everything one of its kind.
//
//	ResourceQuota                            a Pod uses
//	  hard:                                    count/pods        1
//	    pods: 10              ◀── Concerns ──  pods              1
//	    requests.cpu: 4                        requests.cpu      500m
//	  scopes: [NotTerminating]                 limits.memory     1Gi
//
// A [Meter] knows one kind: which names of a quota it can use ([Meter.Named]),
// whether an object is within a quota's scopes ([Meter.Concerns]), and what it
// uses ([Meter.Usage]). [For] finds the meter of a kind; those without one of
// their own are counted.
//
// The package only calculates. The API server charges a quota before it stores an
// object, and a controller adds up what there is; both ask here, so they
// cannot disagree.
//
// # In Kubernetes
//
// These are the evaluators below k8s.io/kubernetes/pkg/quota. Device claims are
// counted like any other kind here, and not by device.
//
// Reading order: quota.go, pod.go, claim.go, service.go, list.go.
package quota
