package apiserver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// aggregatedType is the media type of the discovery that needs one request for
// everything rather than one for each group's version (KEP-3352).
const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// A served group is what discovery tells of an API group.
type servedGroup struct {
	name     string
	versions []servedVersion // the preferred one first
}

type servedVersion struct {
	schema.GroupVersion
	resources []metav1.APIResource
	stale     bool // served elsewhere, by a server that does not answer
}

// discover collects what the server serves at present, the core group first.
func (s *Server) discover() []servedGroup {
	var groups []servedGroup
	add := func(gv schema.GroupVersion, resources ...metav1.APIResource) *servedVersion {
		g := slices.IndexFunc(groups, func(g servedGroup) bool { return g.name == gv.Group })
		if g < 0 {
			g = len(groups)
			groups = append(groups, servedGroup{name: gv.Group})
		}
		group := &groups[g]
		v := slices.IndexFunc(group.versions, func(v servedVersion) bool { return v.GroupVersion == gv })
		if v < 0 {
			v = len(group.versions)
			group.versions = append(group.versions, servedVersion{GroupVersion: gv})
		}
		group.versions[v].resources = append(group.versions[v].resources, resources...)
		return &group.versions[v]
	}
	add(schema.GroupVersion{Version: "v1"})
	for _, r := range s.storage.resources.All() {
		if s.remote(r.GroupVersion()) == nil {
			add(r.GroupVersion(), discoverResource(r)...)
		}
	}
	for _, g := range s.Groups {
		if s.remote(g.GroupVersion) == nil {
			add(g.GroupVersion, g.Resources...)
		}
	}
	if s.Remotes != nil {
		for _, g := range s.Remotes.Groups() {
			add(g.GroupVersion, g.Resources...).stale = g.Stale
		}
	}
	s.order(groups)
	return groups
}

// discoverResource describes a resource and its subresources.
func discoverResource(r *api.Resource) []metav1.APIResource {
	found := []metav1.APIResource{{
		Name: r.Plural, SingularName: r.Singular, Namespaced: r.Namespaced, Kind: r.Kind,
		Verbs: verbsOf(r), ShortNames: r.ShortNames, Categories: r.Categories,
		StorageVersionHash: storageVersionHash(r),
	}}
	sub := func(name string, kind schema.GroupVersionKind, verbs ...string) {
		resource := metav1.APIResource{Name: r.Plural + "/" + name, Namespaced: r.Namespaced, Kind: kind.Kind, Verbs: verbs}
		if kind.GroupVersion() != r.GroupVersion() {
			resource.Group, resource.Version = kind.Group, kind.Version
		}
		found = append(found, resource)
	}
	for _, s := range r.Subresources {
		sub(s.Name, s.GroupVersionKind, s.Verbs...)
	}
	for _, name := range viewNames(r) {
		v, _ := viewOf(r, name)
		sub(name, v.kind, v.verbs...)
	}
	slices.SortStableFunc(found[1:], func(a, b metav1.APIResource) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// storageVersionHash names the form that a resource's objects are stored in: who
// migrates objects to a newer form sees when there is one. As in Kubernetes it is
// the beginning of a hash, so that nobody reads a version out of it.
func storageVersionHash(r *api.Resource) string {
	if r.Virtual || !slices.Contains(verbsOf(r), "create") {
		return ""
	}
	kept := r.GroupVersionKind
	if r.Stored != nil {
		obj := r.Stored.New()
		kind, err := api.KindOf(obj)
		if err != nil {
			kind = obj.GetObjectKind().GroupVersionKind()
		}
		kept = kind
	}
	hash := sha256.Sum256([]byte(kept.Group + "/" + kept.Version + "/" + kept.Kind))
	return base64.StdEncoding.EncodeToString(hash[:8])
}

// serveDiscovery answers /api, /apis and what is below them, or returns false.
func (s *Server) serveDiscovery(q *request, path string) (bool, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch groups := s.discover(); {
	case path == "/api" || path == "/apis":
		core := path == "/api"
		groups = slices.DeleteFunc(groups, func(g servedGroup) bool { return (g.name == "") != core })
		if wantsAggregated(q.Request) {
			return true, q.answerAggregated(groups)
		}
		if core {
			return true, q.write(http.StatusOK, coreVersions(groups, q.Host))
		}
		return true, q.write(http.StatusOK, groupList(groups))
	case parts[0] == "api" && len(parts) == 2:
		return q.answerVersion(groups, schema.GroupVersion{Version: parts[1]})
	case parts[0] == "apis" && len(parts) == 2:
		return q.answerGroup(groups, parts[1])
	case parts[0] == "apis" && len(parts) == 3:
		return q.answerVersion(groups, schema.GroupVersion{Group: parts[1], Version: parts[2]})
	default:
		return false, nil
	}
}

func coreVersions(groups []servedGroup, host string) *metav1.APIVersions {
	versions := &metav1.APIVersions{
		TypeMeta:                   metav1.TypeMeta{Kind: "APIVersions"},
		ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ClientCIDR: "0.0.0.0/0", ServerAddress: host}},
	}
	for _, g := range groups {
		for _, v := range g.versions {
			versions.Versions = append(versions.Versions, v.Version)
		}
	}
	return versions
}

func groupList(groups []servedGroup) *metav1.APIGroupList {
	list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{}}
	for _, g := range groups {
		list.Groups = append(list.Groups, g.describe())
	}
	return list
}

func (g servedGroup) describe() metav1.APIGroup {
	group := metav1.APIGroup{Name: g.name}
	for _, v := range g.versions {
		group.Versions = append(group.Versions, metav1.GroupVersionForDiscovery{
			GroupVersion: v.GroupVersion.String(), Version: v.Version,
		})
	}
	group.PreferredVersion = group.Versions[0]
	return group
}

func (q *request) answerGroup(groups []servedGroup, name string) (bool, error) {
	for _, g := range groups {
		if g.name == name && name != "" {
			group := g.describe()
			group.TypeMeta = metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}
			return true, q.write(http.StatusOK, &group)
		}
	}
	return false, nil
}

func (q *request) answerVersion(groups []servedGroup, gv schema.GroupVersion) (bool, error) {
	for _, g := range groups {
		for _, v := range g.versions {
			if v.GroupVersion == gv {
				return true, q.write(http.StatusOK, &metav1.APIResourceList{
					TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
					GroupVersion: gv.String(), APIResources: v.resources,
				})
			}
		}
	}
	return false, nil
}

// wantsAggregated says whether the client's first choice is the aggregated form.
func wantsAggregated(r *http.Request) bool {
	for _, c := range acceptClauses(r.Header.Values("Accept")) {
		if c.mediaType == api.JSON {
			return c.params["g"] == "apidiscovery.k8s.io" && c.params["v"] == "v2" && c.params["as"] == "APIGroupDiscoveryList"
		}
	}
	return false
}

func (q *request) answerAggregated(groups []servedGroup) error {
	list := apidiscoveryv2.APIGroupDiscoveryList{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList", APIVersion: "apidiscovery.k8s.io/v2"},
		Items:    []apidiscoveryv2.APIGroupDiscovery{},
	}
	for _, g := range groups {
		group := apidiscoveryv2.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: g.name}}
		for _, v := range g.versions {
			group.Versions = append(group.Versions, aggregatedVersion(v))
		}
		list.Items = append(list.Items, group)
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	q.w.Header().Set("Vary", "Accept")
	q.send(http.StatusOK, aggregatedType, data)
	return nil
}

// aggregatedVersion nests the subresources, which a plain list has beside their
// resource.
func aggregatedVersion(v servedVersion) apidiscoveryv2.APIVersionDiscovery {
	described := apidiscoveryv2.APIVersionDiscovery{Version: v.Version, Freshness: apidiscoveryv2.DiscoveryFreshnessCurrent}
	if v.stale {
		described.Freshness = apidiscoveryv2.DiscoveryFreshnessStale
	}
	for _, r := range v.resources {
		kind := &metav1.GroupVersionKind{Group: v.Group, Version: v.Version, Kind: r.Kind}
		if r.Version != "" {
			kind.Group, kind.Version = r.Group, r.Version
		}
		scope := apidiscoveryv2.ScopeCluster
		if r.Namespaced {
			scope = apidiscoveryv2.ScopeNamespace
		}
		plural, sub, isSub := strings.Cut(r.Name, "/")
		if !isSub {
			described.Resources = append(described.Resources, apidiscoveryv2.APIResourceDiscovery{
				Resource: plural, ResponseKind: kind, Scope: scope, SingularResource: r.SingularName,
				Verbs: r.Verbs, ShortNames: r.ShortNames, Categories: r.Categories,
			})
			continue
		}
		for i := range described.Resources {
			if owner := &described.Resources[i]; owner.Resource == plural {
				owner.Subresources = append(owner.Subresources, apidiscoveryv2.APISubresourceDiscovery{
					Subresource: sub, ResponseKind: kind, Verbs: r.Verbs,
				})
			}
		}
	}
	return described
}
