package apiserver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// impersonate lets a user who may do so act as another: kubectl --as. There are
// several ways to be allowed to
// (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/,
// KEP-5284). The narrow ones ask for two rights, and are named for whom they are
// good for; the old one, for whatever the other may do, for one:
//
//	            to do this as such a one           to be just this one
//	narrow      impersonate-on:MODE:VERB pods      impersonate:MODE users bob
//	the old     —                                  impersonate users bob
//
// What the first that fits says is what the user hears when none allows it.
func (s *Server) impersonate(q *request) (*User, error) {
	wanted := &User{
		Name:   q.Header.Get("Impersonate-User"),
		UID:    q.Header.Get("Impersonate-Uid"),
		Groups: q.Header.Values("Impersonate-Group"),
		Extra:  impersonatedExtra(q.Header),
	}
	if wanted.Name == "" {
		if wanted.UID != "" || len(wanted.Groups) > 0 || len(wanted.Extra) > 0 {
			return nil, apierrors.NewBadRequest(fmt.Sprintf(
				"requested &user.DefaultInfo{Name:%q, UID:%q, Groups:%#v, Extra:%#v} without impersonating a user name",
				wanted.Name, wanted.UID, wanted.Groups, wanted.Extra))
		}
		return q.user, nil
	}
	var refusal error
	for _, mode := range impersonationModes(q.user, wanted) {
		err := s.mayImpersonate(q, wanted, mode)
		if err == nil {
			user := impersonated(wanted, mode)
			q.trail.impersonated(user, mode)
			return user, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	return nil, refusal
}

// legacyMode is the old way, which has no name.
const legacyMode = ""

// impersonationModes returns the ways in which the user may be allowed to act as
// the wanted one, the narrowest first.
func impersonationModes(user, wanted *User) []string {
	node, isNode := strings.CutPrefix(wanted.Name, "system:node:")
	_, _, isAccount := serviceAccount(wanted.Name)
	nameOnly := wanted.UID == "" && len(wanted.Groups) == 0 && len(wanted.Extra) == 0
	var modes []string
	switch {
	case isNode && nameOnly:
		if on := user.Extra["authentication.kubernetes.io/node-name"]; slices.Equal(on, []string{node}) {
			modes = append(modes, "associated-node")
		}
		modes = append(modes, "arbitrary-node")
	case isAccount && nameOnly:
		modes = append(modes, "serviceaccount")
	case !isNode && !isAccount:
		modes = append(modes, "user-info")
	}
	return append(modes, legacyMode)
}

// mayImpersonate asks for the rights that a mode takes.
func (s *Server) mayImpersonate(q *request, wanted *User, mode string) error {
	ctx := q.Context()
	if mode == legacyMode {
		return s.allowAll(ctx, impersonationRights(q.user, wanted, mode))
	}
	if err := checkImpersonated(wanted); err != nil {
		return err
	}
	on := q.info.attributes(q.user, q.URL.Query())
	on.Verb = "impersonate-on:" + mode + ":" + on.Verb
	if err := s.allow(ctx, on); err != nil {
		return err
	}
	return s.allowAll(ctx, impersonationRights(q.user, wanted, mode))
}

func (s *Server) allowAll(ctx context.Context, rights []*Attributes) error {
	for _, a := range rights {
		if err := s.allow(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// checkImpersonated refuses what no narrow right is good for.
func checkImpersonated(wanted *User) error {
	refuse := func(why string) error {
		return apierrors.NewForbidden(schema.GroupResource{Group: "authentication.k8s.io", Resource: "groups"}, "", fmt.Errorf("%s", why))
	}
	switch {
	case slices.Contains(wanted.Groups, ""):
		return refuse("impersonating the empty string group is not allowed")
	case slices.Contains(wanted.Groups, "system:masters"):
		return refuse("impersonating the system:masters group is not allowed")
	}
	for key, values := range wanted.Extra {
		if key == "" || len(values) == 0 || slices.Contains(values, "") {
			return refuse("impersonating empty keys or values in extra is not allowed")
		}
	}
	return nil
}

// impersonationRights are what the real user must be allowed for each part of
// the wanted one.
func impersonationRights(user, wanted *User, mode string) []*Attributes {
	const group = "authentication.k8s.io"
	verb, people := "impersonate", ""
	if mode != legacyMode {
		verb, people = "impersonate:"+mode, group
	}
	right := func(group, resource, subresource, name string) *Attributes {
		return &Attributes{
			User: user, Verb: verb, Name: name, Subresource: subresource,
			Resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource},
		}
	}
	who := right(people, "users", "", wanted.Name)
	if namespace, name, ok := serviceAccount(wanted.Name); ok {
		who = right(people, "serviceaccounts", "", name)
		who.Namespace = namespace
	}
	switch node := strings.TrimPrefix(wanted.Name, "system:node:"); mode {
	case "associated-node":
		who = right(people, "nodes", "", "*") // its own, whichever that is
	case "arbitrary-node":
		who = right(people, "nodes", "", node)
	}
	rights := []*Attributes{who}
	if wanted.UID != "" {
		rights = append(rights, right(group, "uids", "", wanted.UID))
	}
	for _, g := range wanted.Groups {
		rights = append(rights, right(people, "groups", "", g))
	}
	for _, key := range slices.Sorted(maps.Keys(wanted.Extra)) {
		for _, value := range wanted.Extra[key] {
			rights = append(rights, right(group, "userextras", key, value))
		}
	}
	return rights
}

const extraHeader = "Impersonate-Extra-"

func impersonatedExtra(header http.Header) map[string][]string {
	var extra map[string][]string
	for name, values := range header {
		if !strings.HasPrefix(name, extraHeader) {
			continue
		}
		key := strings.ToLower(name[len(extraHeader):])
		if unescaped, err := url.PathUnescape(key); err == nil {
			key = unescaped
		}
		if extra == nil {
			extra = map[string][]string{}
		}
		extra[key] = append(extra[key], values...)
	}
	return extra
}

// impersonated adds to the user the groups that everybody of its sort is in.
func impersonated(user *User, mode string) *User {
	namespace, _, isAccount := serviceAccount(user.Name)
	switch {
	case isAccount && len(user.Groups) == 0:
		user.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace}
	case strings.HasSuffix(mode, "-node"):
		user.Groups = []string{"system:nodes"}
	}
	member := "system:authenticated"
	if user.Name == "system:anonymous" {
		member = "system:unauthenticated"
	}
	if !slices.Contains(user.Groups, member) && !slices.Contains(user.Groups, "system:unauthenticated") {
		user.Groups = append(slices.Clone(user.Groups), member)
	}
	return user
}

// serviceAccount takes the user name of a service account apart.
func serviceAccount(user string) (namespace, name string, ok bool) {
	rest, found := strings.CutPrefix(user, "system:serviceaccount:")
	if !found {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}
