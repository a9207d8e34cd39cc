package aggregator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
)

// maxAnswer is the size in bytes up to which a backend's discovery is read.
const maxAnswer = 8 << 20

// What a backend told of itself.
type told struct {
	resources []metav1.APIResource
	// openapi is where its OpenAPI v3 document is, with a query that changes with
	// it; empty if there is none.
	openapi string
}

// ask gets the backend's discovery, which is also how one sees that it is there.
func (b *backend) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	host, err := b.endpoint(ctx)
	if err == nil {
		err = b.bad
	}
	if err != nil {
		return err
	}
	path := "/apis/" + b.gv.String()
	var list metav1.APIResourceList
	if err := b.get(ctx, host, path, &list); err != nil {
		return err
	}
	news := &told{resources: list.APIResources}
	var index struct {
		Paths map[string]struct {
			ServerRelativeURL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	// A server without OpenAPI v3 is none the worse for it.
	if b.get(ctx, host, "/openapi/v3", &index) == nil {
		news.openapi = index.Paths[strings.TrimPrefix(path, "/")].ServerRelativeURL
	}
	b.told.Store(news)
	return nil
}

// get reads a document of the backend.
func (b *backend) get(ctx context.Context, host, path string, into any) error {
	url := "https://" + host + path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	auth.SetRemoteUser(r.Header, ourselves())
	resp, err := b.plain.RoundTrip(r)
	if err != nil {
		b.plain.CloseIdleConnections()
		return fmt.Errorf("failing or missing response from %s: Get %q: %w", url, url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return fmt.Errorf("failing or missing response from %s: bad status from %s: %d", url, url, resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("failing or missing response from %s: %w", url, err)
	}
	return nil
}

// Groups implements apiserver.Remotes.
func (a *Aggregator) Groups() []apiserver.RemoteGroup {
	var groups []apiserver.RemoteGroup
	for gv, b := range a.current() {
		group := apiserver.RemoteGroup{GroupVersion: gv, Stale: !b.available.Load()}
		if news := b.told.Load(); news != nil {
			group.Resources = news.resources
		}
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b apiserver.RemoteGroup) int {
		return strings.Compare(a.GroupVersion.String(), b.GroupVersion.String())
	})
	return groups
}

// Priorities implements apiserver.Remotes.
func (a *Aggregator) Priorities() map[string]apiserver.Priority {
	if known := a.priorities.Load(); known != nil {
		return *known
	}
	return nil
}

// prioritiesOf reads the priorities of all APIServices.
func prioritiesOf(objects []api.Object) *map[string]apiserver.Priority {
	found := make(map[string]apiserver.Priority, len(objects))
	for _, obj := range objects {
		spec := &obj.(*apiregistrationv1.APIService).Spec
		found[spec.Group+"/"+spec.Version] = apiserver.Priority{Group: spec.GroupPriorityMinimum, Version: spec.VersionPriority}
	}
	return &found
}
