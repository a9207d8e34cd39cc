package apiserver

import (
	"cmp"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

// Remotes are the groups that other servers serve, which come and go. Package
// aggregator has them of APIServices.
type Remotes interface {
	// Handler returns who serves a group version elsewhere, or nil if nobody does.
	// Requests reach it authenticated and authorized, with their full path. It is
	// asked for every request.
	Handler(gv schema.GroupVersion) http.Handler
	// Groups are all of them, for discovery.
	Groups() []RemoteGroup
	// Priorities are where the groups' versions stand in discovery, by "group/version".
	Priorities() map[string]Priority
	// OpenAPIV3 returns a handler that adds the remote groups' documents to the
	// local ones, OpenAPIV2 one that adds them to the one local document.
	OpenAPIV3(local http.Handler) http.Handler
	OpenAPIV2(local http.Handler) http.Handler
}

// A RemoteGroup is one version of a group that is served elsewhere.
type RemoteGroup struct {
	schema.GroupVersion
	Resources []metav1.APIResource
	// Stale says that its server does not answer at present.
	Stale bool
}

// A Priority orders groups in discovery, and versions within one. The greater
// comes first.
type Priority struct{ Group, Version int32 }

// remote returns who serves a group version elsewhere, or nil.
func (s *Server) remote(gv schema.GroupVersion) http.Handler {
	if s.Remotes == nil || gv.Group == "" {
		return nil
	}
	return s.Remotes.Handler(gv)
}

// registrationGroup has the objects that say who serves a group. It has none
// for itself and stands before all others.
const registrationGroup = "apiregistration.k8s.io"

// order sorts groups and versions as the APIServices have it, where there are any.
func (s *Server) order(groups []servedGroup) {
	var priorities map[string]Priority
	if s.Remotes != nil {
		priorities = s.Remotes.Priorities()
	}
	rank := func(g servedGroup) (highest int32) {
		if g.name == registrationGroup {
			return 20000
		}
		for _, v := range g.versions {
			highest = max(highest, priorities[v.Group+"/"+v.Version].Group)
		}
		return highest
	}
	for _, g := range groups {
		slices.SortStableFunc(g.versions, func(a, b servedVersion) int {
			return cmp.Or(
				cmp.Compare(priorities[b.Group+"/"+b.Version].Version, priorities[a.Group+"/"+a.Version].Version),
				version.CompareKubeAwareVersionStrings(b.Version, a.Version))
		})
	}
	if len(priorities) == 0 {
		return
	}
	slices.SortStableFunc(groups, func(a, b servedGroup) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.name, b.name))
	})
}
