package cluster

import (
	"context"
	"errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// checks are what the API's health depends on beside the server's own, under the
// names of Kubernetes' hooks that do the same.
func (a *API) checks() []apiserver.HealthCheck {
	var checks []apiserver.HealthCheck
	for _, name := range []string{"rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes", "bootstrap-controller"} {
		checks = append(checks, apiserver.HealthCheck{Name: "poststarthook/" + name, Check: func(context.Context) error {
			if !a.bootstrapped.Load() {
				return errors.New("not finished")
			}
			return nil
		}})
	}
	return checks
}
