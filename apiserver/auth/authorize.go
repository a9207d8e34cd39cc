package auth

import (
	"context"
	"errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A Union asks authorizers in order; the first with an opinion decides. An error
// of one does not keep the next from allowing.
type Union []apiserver.Authorizer

// Authorize implements apiserver.Authorizer.
func (u Union) Authorize(ctx context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	var errs []error
	for _, authorizer := range u {
		decision, reason, err := authorizer.Authorize(ctx, a)
		if decision != apiserver.NoOpinion {
			return decision, reason, err
		}
		errs = append(errs, err)
	}
	return apiserver.NoOpinion, "", errors.Join(errs...)
}

// Masters allows everything to the group system:masters. It comes first, so
// that no broken policy locks out the owner of the cluster.
type Masters struct{}

// Authorize implements apiserver.Authorizer.
func (Masters) Authorize(_ context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	if inGroup(a.User, GroupMasters) {
		return apiserver.Allow, "", nil
	}
	return apiserver.NoOpinion, "", nil
}

// allowed reports whether the authorizer allows it. Errors count as no.
func allowed(ctx context.Context, authz apiserver.Authorizer, a *apiserver.Attributes) bool {
	decision, _, _ := authz.Authorize(ctx, a)
	return decision == apiserver.Allow
}
