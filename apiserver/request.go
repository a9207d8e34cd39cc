package apiserver

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// RequestInfo is what a request's method and URL say:
//
//	GET /apis/apps/v1/namespaces/shop/deployments/web/scale
//	         ^group ^version      ^namespace      ^name ^subresource
//
// The core group has no name and lives below /api/v1.
type RequestInfo struct {
	// IsResource is false for paths that name no resource, such as /healthz or
	// /apis/apps/v1: for them only Verb and Path are set.
	IsResource bool
	Path       string
	// Verb is as in [Attributes].
	Verb string

	schema.GroupVersion
	Namespace   string
	Resource    string // in the plural
	Name        string
	Subresource string
	// Rest is the path behind the subresource, with its slash.
	Rest string
}

// GroupResource returns the resource's name without its version.
func (i *RequestInfo) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: i.Group, Resource: i.Resource}
}

// ParseRequest reads a request's method and URL. It errs on a method the API does not
// have and on a query that is no query.
func ParseRequest(r *http.Request) (*RequestInfo, error) {
	info := &RequestInfo{Path: r.URL.Path, Verb: strings.ToLower(r.Method)}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("unable to parse query: %v", err))
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	rest, ok := info.takeGroupVersion(parts)
	if !ok || len(rest) == 0 || rest[0] == "" {
		return info, nil
	}
	info.IsResource = true
	watched := rest[0] == "watch" && len(rest) > 1
	if watched { // the old form /api/v1/watch/pods
		rest = rest[1:]
	}
	info.takeResource(rest)
	return info, info.setVerb(r.Method, watched, query)
}

// takeGroupVersion reads /api/VERSION or /apis/GROUP/VERSION.
func (i *RequestInfo) takeGroupVersion(parts []string) (rest []string, ok bool) {
	switch {
	case parts[0] == "api" && len(parts) >= 2:
		i.GroupVersion = schema.GroupVersion{Version: parts[1]}
		return parts[2:], true
	case parts[0] == "apis" && len(parts) >= 3:
		i.GroupVersion = schema.GroupVersion{Group: parts[1], Version: parts[2]}
		return parts[3:], true
	default:
		return nil, false
	}
}

// takeResource reads what follows the version. A namespace is itself a
// resource, and in front of others their place: namespaces/NS/pods is a
// collection of pods, namespaces/NS/status a namespace's subresource.
func (i *RequestInfo) takeResource(parts []string) {
	if parts[0] == "namespaces" && len(parts) > 1 {
		i.Namespace = parts[1]
		if len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
			parts = parts[2:]
		}
	}
	i.Resource = parts[0]
	if len(parts) > 1 {
		i.Name = parts[1]
	}
	if len(parts) > 2 {
		i.Subresource = parts[2]
	}
	if len(parts) > 3 {
		i.Rest = "/" + strings.Join(parts[3:], "/")
		if strings.HasSuffix(i.Path, "/") {
			i.Rest += "/"
		}
	}
}

// setVerb finds the verb behind the HTTP method.
func (i *RequestInfo) setVerb(method string, watched bool, query url.Values) error {
	verbs := map[string]struct{ one, all string }{
		http.MethodGet:    {"get", "list"},
		http.MethodHead:   {"get", "list"},
		http.MethodPost:   {"create", "create"},
		http.MethodPut:    {"update", "update"},
		http.MethodPatch:  {"patch", "patch"},
		http.MethodDelete: {"delete", "deletecollection"},
	}
	verb, known := verbs[method]
	switch {
	case !known, watched && verb.one != "get":
		return noSuchMethod()
	case i.Name == "" || watched && verb.one == "get":
		i.Verb = verb.all
	default:
		i.Verb = verb.one
	}
	if i.Verb != "list" {
		return nil
	}
	if watched || isTrue(query.Get("watch")) {
		i.Verb = "watch"
	}
	// A list of one object by its name is, to authorization, about that object.
	if selector, err := fields.ParseSelector(query.Get("fieldSelector")); err == nil && i.Name == "" {
		if name, found := selector.RequiresExactMatch("metadata.name"); found {
			i.Name = name
		}
	}
	return nil
}

// isTrue reads a boolean of a query: there and not false.
func isTrue(value string) bool {
	return value != "" && value != "0" && !strings.EqualFold(value, "false")
}

// attributes returns what the authorizer judges.
func (i *RequestInfo) attributes(user *User, query url.Values) *Attributes {
	a := &Attributes{User: user, Verb: i.Verb}
	if !i.IsResource {
		a.Path = i.Path
		return a
	}
	a.Resource = i.GroupVersion.WithResource(i.Resource)
	a.Subresource, a.Namespace, a.Name = i.Subresource, i.Namespace, i.Name
	switch i.Verb {
	case "list", "watch", "deletecollection":
		a.FieldSelector, a.LabelSelector = query.Get("fieldSelector"), query.Get("labelSelector")
	}
	return a
}
