package apply

import "github.com/coracle-k8s/coracle/api"

// UpdateWhole is Update without shortcuts.
func (t *Tracker) UpdateWhole(old, obj api.Object, subresource, manager string) error {
	return t.update(old, obj, subresource, manager)
}
