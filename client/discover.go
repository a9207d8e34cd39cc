package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// Discover asks the server for everything it serves, in the preferred version of
// each group, custom kinds included, subresources not. Use the
// results with [Metadata] and [Dynamic]; of each, only the names, the scope and
// the verbs are set.
//
// When some groups do not answer, as when an aggregated API is down, the others
// are returned together with an error that names the missing.
func (c *Client) Discover(ctx context.Context) ([]*api.Resource, error) {
	versions, err := c.groupVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("discover kinds: %w", err)
	}
	var found []*api.Resource
	var failures []error
	for _, gv := range versions {
		resources, err := c.discoverVersion(ctx, gv)
		if err != nil {
			failures = append(failures, fmt.Errorf("discover %s: %w", gv, err))
		}
		found = append(found, resources...)
	}
	return found, errors.Join(failures...)
}

// groupVersions returns the preferred version of every group.
func (c *Client) groupVersions(ctx context.Context) ([]schema.GroupVersion, error) {
	var core metav1.APIVersions
	if err := c.Do(ctx, http.MethodGet, "/api", nil, nil, &core); err != nil {
		return nil, err
	}
	var versions []schema.GroupVersion
	if len(core.Versions) > 0 {
		versions = append(versions, schema.GroupVersion{Version: core.Versions[0]})
	}
	var groups metav1.APIGroupList
	if err := c.Do(ctx, http.MethodGet, "/apis", nil, nil, &groups); err != nil {
		return nil, err
	}
	for _, group := range groups.Groups {
		gv, err := schema.ParseGroupVersion(group.PreferredVersion.GroupVersion)
		if err != nil {
			return nil, err
		}
		versions = append(versions, gv)
	}
	return versions, nil
}

func (c *Client) discoverVersion(ctx context.Context, gv schema.GroupVersion) ([]*api.Resource, error) {
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	var list metav1.APIResourceList
	if err := c.Do(ctx, http.MethodGet, path, nil, nil, &list); err != nil {
		return nil, err
	}
	var found []*api.Resource
	for _, r := range list.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		kind := gv.WithKind(r.Kind)
		if r.Group != "" || r.Version != "" {
			kind = schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
		}
		found = append(found, &api.Resource{
			GroupVersionKind: kind,
			Plural:           r.Name, Singular: r.SingularName, ShortNames: r.ShortNames,
			Namespaced: r.Namespaced, Verbs: r.Verbs,
		})
	}
	return found, nil
}

// Supports says whether a discovered resource has all the verbs.
func Supports(resource *api.Resource, verbs ...string) bool {
	for _, verb := range verbs {
		if !slices.Contains(resource.Verbs, verb) {
			return false
		}
	}
	return true
}
