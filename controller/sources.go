package controller

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// Watch enqueues, for every change that an informer sees, the keys which keys
// returns for the object, both as it was and as it is: an object that changes
// hands concerns its old owner and its new one. The controller also waits for
// the informer's first list. Call it before Run.
func Watch[T api.Object](c *Controller, inf *client.Informer[T], keys func(obj T) []Key) {
	c.WaitFor(inf.Synced())
	inf.OnChange(func(old, new T) {
		for _, obj := range []T{old, new} {
			if reflect.ValueOf(obj).IsNil() {
				continue
			}
			for _, key := range keys(obj) {
				c.Enqueue(key)
			}
		}
	})
}

// Self maps an object to its own key.
func Self[T api.Object](obj T) []Key { return []Key{KeyOf(obj)} }

// Owner returns a mapping from objects to the key of their controller, if that is
// of the given kind: from pods to their ReplicaSet, say.
func Owner[T api.Object](kind string) func(obj T) []Key {
	return func(obj T) []Key {
		owner := metav1.GetControllerOfNoCopy(obj)
		if owner == nil || owner.Kind != kind {
			return nil
		}
		return []Key{{Namespace: obj.GetNamespace(), Name: owner.Name}}
	}
}
