// Package namespace empties namespaces that are being deleted.
//
// Deleting a namespace only marks it: the API server sets its deletionTimestamp,
// refuses new objects in it, and keeps it while "kubernetes" is among its
// spec.finalizers. This controller deletes what is inside, of every kind that
// discovery shows, custom ones included, and then removes that finalizer:
//
//	deletionTimestamp ──▶ delete pods ──▶ none left? ──▶ delete the rest ──▶ none left? ──▶ /finalize
//	                          ▲              │ no              ▲                │ no
//	                          └── conditions ┘                 └── conditions ──┘
//
// Pods go first and alone (KEP-5080, ordered namespace deletion): while one
// remains, the ConfigMaps, Secrets and NetworkPolicies it lives by remain
// too. Within the rest there is no order.
//
// What holds a namespace up is told in its status conditions, which [judge]
// computes from what was found: discovery that failed, deletions that failed,
// objects that remain, finalizers that remain. A namespace whose content
// remains is looked at again when one of its pods goes, and every few seconds.
//
// Kubernetes' controller does the same; it also estimates how long pods
// take to end and sleeps that long.
//
// Reading order: judge.go (pure), namespace.go (the reconciler), empty.go (the requests).
package namespace
