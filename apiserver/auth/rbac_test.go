package auth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func role(namespace, name string, rules ...rbacv1.PolicyRule) api.Object {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	if namespace == "" {
		return &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}
	}
	return &rbacv1.Role{ObjectMeta: meta, Rules: rules}
}

// bindTo binds "Role/NAME" or "ClusterRole/NAME" to subjects.
func bindTo(namespace, ref string, subjects ...rbacv1.Subject) api.Object {
	kind, name, _ := strings.Cut(ref, "/")
	meta := metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", strings.ToLower(name), len(subjects))}
	to := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	if namespace == "" {
		return &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: to}
	}
	return &rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: to}
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: name}
}

func group(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: name}
}

func rule(verbs, group, resources string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		Verbs: strings.Fields(verbs), APIGroups: []string{group}, Resources: strings.Fields(resources), ResourceNames: names,
	}
}

// request reads "VERB GROUP/RESOURCE[/SUBRESOURCE] [NAMESPACE] [NAME]", with "-"
// for what is left out, or "VERB /path".
func request(t *testing.T, text string) *apiserver.Attributes {
	t.Helper()
	words := append(strings.Fields(text), "-", "-")
	a := &apiserver.Attributes{Verb: words[0]}
	if strings.HasPrefix(words[1], "/") {
		a.Path = words[1]
		return a
	}
	parts := append(strings.Split(words[1], "/"), "")
	require.GreaterOrEqual(t, len(parts), 3, text)
	dash := func(s string) string { return strings.TrimPrefix(s, "-") }
	a.Resource = schema.GroupVersionResource{Group: dash(parts[0]), Version: "v1", Resource: parts[1]}
	a.Subresource, a.Namespace, a.Name = parts[2], dash(words[2]), dash(words[3])
	return a
}

func TestRBAC(t *testing.T) {
	objects := typedtest.New(
		role("", "reader", rule("get list watch", "", "pods configmaps")),
		role("", "scaler", rule("get update", "*", "*/scale")),
		role("", "probe", rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics", "/debug/*"}}),
		role("shop", "owner", rule("*", "apps", "*"), rule("get", "", "secrets", "tls")),
		role("shop", "logs", rule("get", "", "pods/log")),
		bindTo("shop", "ClusterRole/reader", user("alice")),
		bindTo("", "ClusterRole/reader", group("auditors"), user("carol")),
		bindTo("", "ClusterRole/scaler", user("hpa")),
		bindTo("", "ClusterRole/probe", user("prom")),
		bindTo("shop", "Role/owner", user("alice"), user("bob")),
		bindTo("shop", "Role/logs", rbacv1.Subject{Kind: "ServiceAccount", Name: "logger"}),
		bindTo("shop", "Role/missing", user("dave"), user("bob"), user("x")),
	)
	for _, story := range []struct {
		who    string
		groups string
		asks   string
		may    bool
	}{
		{"alice", "", "get -/pods shop web-0", true},
		{"alice", "", "list -/pods shop", true},
		{"alice", "", "list -/pods", false}, // a role binding ends at its namespace
		{"alice", "", "list -/pods bank", false},
		{"alice", "", "delete -/pods shop web-0", false},
		{"alice", "", "get -/pods/log shop web-0", false}, // pods is not pods/log
		{"alice", "", "delete apps/deployments shop web", true},
		{"alice", "", "patch apps/deployments/scale shop web", true},
		{"alice", "", "get batch/jobs shop x", false},
		{"alice", "", "get -/secrets shop tls", true},
		{"alice", "", "get -/secrets shop other", false},
		{"alice", "", "list -/secrets shop", false}, // a named rule allows no list
		{"bob", "", "delete apps/deployments shop web", true},
		{"ALICE", "", "get -/pods shop web-0", false},
		{"eve", "auditors", "list -/pods", true},
		{"eve", "auditors", "list -/pods bank", true},
		{"eve", "auditor", "list -/pods", false},
		{"auditors", "", "list -/pods", false}, // a user is not a group
		{"carol", "", "watch -/configmaps", true},
		{"hpa", "", "update apps/deployments/scale shop web", true},
		{"hpa", "", "update apps/deployments shop web", false},
		{"prom", "", "get /metrics", true},
		{"prom", "", "get /metrics/slis", false},
		{"prom", "", "get /debug/pprof/heap", true},
		{"prom", "", "get /debugging", false},
		{"prom", "", "post /metrics", false},
		{"system:serviceaccount:shop:logger", "", "get -/pods/log shop web-0", true},
		{"system:serviceaccount:bank:logger", "", "get -/pods/log shop web-0", false},
		{"logger", "", "get -/pods/log shop web-0", false},
		{"dave", "", "get -/pods shop web-0", false}, // the role is missing
		{"", "", "get -/pods shop web-0", false},
	} {
		a := request(t, story.asks)
		a.User = &apiserver.User{Name: story.who, Groups: strings.Fields(story.groups)}
		decision, reason, _ := auth.RBAC{Objects: objects}.Authorize(t.Context(), a)
		require.Equal(t, story.may, decision == apiserver.Allow, "%s (%s): %s: %s", story.who, story.groups, story.asks, reason)
	}
}

func TestRBAC_aggregation(t *testing.T) {
	c := newCluster(t, bindTo("shop", "ClusterRole/view", user("alice")))
	list := func() int { return c.call(as("alice"), "GET", "/apis/apps/v1/namespaces/shop/deployments", "").code }
	require.Equal(t, 200, list())
	require.Equal(t, 403, c.call(as("alice"), "GET", "/api/v1/namespaces/shop/secrets", "").code)

	more := role("", "more", rule("list", "", "secrets")).(*rbacv1.ClusterRole)
	more.Labels = map[string]string{"rbac.authorization.k8s.io/aggregate-to-view": "true"}
	c.add(more)
	require.Equal(t, 200, c.call(as("alice"), "GET", "/api/v1/namespaces/shop/secrets", "").code,
		"a role that joins by its label counts at once")
}

func TestEscalation(t *testing.T) {
	c := newCluster(t,
		role("", "rbac-editor", rule("get list create update patch", rbacv1.GroupName, "roles rolebindings clusterroles clusterrolebindings"),
			rule("get", "", "pods"), rule("get", "", "configmaps", "mine")),
		role("", "secret-reader", rule("get", "", "secrets")),
		role("", "binder", rule("bind", rbacv1.GroupName, "clusterroles", "view")),
		role("", "escalator", rule("escalate", rbacv1.GroupName, "roles")),
		bindTo("", "ClusterRole/rbac-editor", user("mallory"), user("betty"), user("esther")),
		bindTo("", "ClusterRole/binder", user("betty")),
		bindTo("", "ClusterRole/escalator", user("esther")),
	)
	const (
		rbacPath = "/apis/rbac.authorization.k8s.io/v1/"
		roleOf   = `{"metadata":{"name":%q%s},"rules":%s}`
		bindOf   = `{"metadata":{"name":%q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%q},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"me"}]}`
		pods     = `[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]`
		secrets  = `[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]`
	)
	for _, story := range []struct {
		who, what, path, body string
		code                  int
	}{
		{"mallory", "a role with what she has", "namespaces/shop/roles", fmt.Sprintf(roleOf, "a", "", pods), 201},
		{"mallory", "a role with what she has not", "namespaces/shop/roles", fmt.Sprintf(roleOf, "b", "", secrets), 403},
		{"mallory", "a role with the one map she may get", "namespaces/shop/roles", fmt.Sprintf(roleOf, "b1", "", `[{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["mine"],"verbs":["get"]}]`), 201},
		{"mallory", "a role with another map", "namespaces/shop/roles", fmt.Sprintf(roleOf, "b2", "", `[{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["mine","yours"],"verbs":["get"]}]`), 403},
		{"mallory", "a role with all maps", "namespaces/shop/roles", fmt.Sprintf(roleOf, "b3", "", `[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]`), 403},
		{"mallory", "a role with everything", "clusterroles", fmt.Sprintf(roleOf, "c", "", `[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]`), 403},
		{"mallory", "a role with all verbs on what she may get", "clusterroles", fmt.Sprintf(roleOf, "d", "", `[{"apiGroups":[""],"resources":["pods"],"verbs":["*"]}]`), 403},
		{"mallory", "a role with paths", "clusterroles", fmt.Sprintf(roleOf, "e", "", `[{"nonResourceURLs":["/metrics"],"verbs":["get"]}]`), 403},
		{"mallory", "a role that joins admin with more than she has", "clusterroles", fmt.Sprintf(roleOf, "f", `,"labels":{"rbac.authorization.k8s.io/aggregate-to-admin":"true"}`, secrets), 403},
		{"mallory", "a role that takes in others", "clusterroles", `{"metadata":{"name":"g"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]},"rules":[]}`, 403},
		{"mallory", "a binding to cluster-admin", "clusterrolebindings", fmt.Sprintf(bindOf, "h", "cluster-admin"), 403},
		{"mallory", "a binding to view", "namespaces/shop/rolebindings", fmt.Sprintf(bindOf, "i", "view"), 403},
		{"mallory", "a binding to her own role", "namespaces/shop/rolebindings", fmt.Sprintf(bindOf, "j", "rbac-editor"), 201},
		{"mallory", "a binding to a role that is not there", "clusterrolebindings", fmt.Sprintf(bindOf, "k", "nope"), 404},
		{"betty", "a binding to view, which she may bind", "namespaces/shop/rolebindings", fmt.Sprintf(bindOf, "l", "view"), 201},
		{"betty", "a binding to edit, which she may not", "namespaces/shop/rolebindings", fmt.Sprintf(bindOf, "m", "edit"), 403},
		{"esther", "a role beyond her, as she may escalate", "namespaces/shop/roles", fmt.Sprintf(roleOf, "n", "", secrets), 201},
		{"esther", "a cluster role beyond her", "clusterroles", fmt.Sprintf(roleOf, "o", "", secrets), 403},
	} {
		got := c.call(as(story.who), "POST", rbacPath+story.path, story.body)
		require.Equal(t, story.code, got.code, "%s makes %s: %s", story.who, story.what, got.text("message"))
	}
	// Changing what is there is no way around it.
	require.Equal(t, 403, c.call(as("mallory"), "PUT", rbacPath+"namespaces/shop/roles/a", fmt.Sprintf(roleOf, "a", "", secrets)).code)
	require.Equal(t, 403, c.call(as("mallory"), "PUT", rbacPath+"clusterrolebindings/new", fmt.Sprintf(bindOf, "new", "cluster-admin")).code)
	require.Equal(t, 403, c.call(as("mallory"), "PATCH", rbacPath+"clusterroles/secret-reader",
		`{"metadata":{"labels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"}}}`).code, "a label can grant, too")
	require.Equal(t, 200, c.call(as("mallory"), "PATCH", rbacPath+"clusterroles/secret-reader",
		`{"metadata":{"annotations":{"note":"x"}}}`).code, "what grants nothing needs nothing")
	got := c.call(as("mallory"), "POST", rbacPath+"namespaces/shop/roles", fmt.Sprintf(roleOf, "b", "", secrets))
	require.Contains(t, got.text("message"), `is attempting to grant RBAC permissions not currently held:`)
	require.Contains(t, got.text("message"), `{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`)
}

func TestReviews(t *testing.T) {
	c := newCluster(t, role("shop", "reader", rule("get", "", "pods")), bindTo("shop", "Role/reader", user("alice")))
	ask := func(who identity, path, spec string) answer {
		return c.call(who, "POST", "/apis/authorization.k8s.io/v1/"+path, `{"spec":`+spec+`}`)
	}
	const getPods = `"resourceAttributes":{"verb":"get","resource":"pods","namespace":"shop"}`
	allowed := func(a answer) any {
		require.Equal(t, 201, a.code, a.body)
		return a.body["status"].(map[string]any)["allowed"]
	}
	require.Equal(t, true, allowed(ask(as("alice"), "selfsubjectaccessreviews", `{`+getPods+`}`)))
	require.Equal(t, false, allowed(ask(as("bob"), "selfsubjectaccessreviews", `{`+getPods+`}`)))
	require.Equal(t, true, allowed(ask(admin, "subjectaccessreviews", `{"user":"alice",`+getPods+`}`)))
	require.Equal(t, false, allowed(ask(admin, "subjectaccessreviews", `{"user":"alice","nonResourceAttributes":{"verb":"get","path":"/metrics"}}`)))
	require.Equal(t, true, allowed(ask(admin, "subjectaccessreviews", `{"groups":["system:masters"],`+getPods+`}`)))
	require.Equal(t, true, allowed(ask(admin, "namespaces/shop/localsubjectaccessreviews", `{"user":"alice",`+getPods+`}`)))
	require.Equal(t, 403, ask(as("alice"), "subjectaccessreviews", `{"user":"bob",`+getPods+`}`).code)
	require.Equal(t, 422, ask(admin, "subjectaccessreviews", `{`+getPods+`}`).code, "about nobody")
	require.Equal(t, 422, ask(admin, "subjectaccessreviews", `{"user":"alice"}`).code, "about nothing")
	require.Equal(t, 422, ask(admin, "namespaces/bank/localsubjectaccessreviews", `{"user":"alice",`+getPods+`}`).code, "about elsewhere")

	rules := ask(as("alice"), "selfsubjectrulesreviews", `{"namespace":"shop"}`)
	require.Equal(t, 201, rules.code)
	require.Contains(t, fmt.Sprint(rules.body["status"].(map[string]any)["resourceRules"]), "pods")
	require.Equal(t, 400, ask(as("alice"), "selfsubjectrulesreviews", `{}`).code)
	require.Equal(t, 405, c.call(admin, "GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "").code)
}

func TestBootstrap(t *testing.T) {
	objects := typedtest.New()
	ctx := t.Context()
	require.NoError(t, auth.Bootstrap(ctx, objects))
	view, err := typed.Get[*rbacv1.ClusterRole](ctx, objects, "", "view")
	require.NoError(t, err)
	require.NotEmpty(t, view.Rules)

	// People change things; the next start adds what is missing and no more.
	_, err = typed.Modify(ctx, objects, "", "system:discovery", func(r *rbacv1.ClusterRole) error {
		r.Rules = []rbacv1.PolicyRule{rule("get", "", "nodes")}
		return nil
	})
	require.NoError(t, err)
	_, err = typed.Modify(ctx, objects, "", "system:basic-user", func(b *rbacv1.ClusterRoleBinding) error {
		b.Subjects = nil
		b.Annotations["rbac.authorization.kubernetes.io/autoupdate"] = "false"
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, typed.Delete[*rbacv1.ClusterRole](ctx, objects, "", "edit"))
	require.NoError(t, auth.Bootstrap(ctx, objects))

	discovery, err := typed.Get[*rbacv1.ClusterRole](ctx, objects, "", "system:discovery")
	require.NoError(t, err)
	require.Equal(t, []string{"nodes"}, discovery.Rules[0].Resources, "what people added stays")
	require.Greater(t, len(discovery.Rules), 5, "what was missing is back")
	basic, err := typed.Get[*rbacv1.ClusterRoleBinding](ctx, objects, "", "system:basic-user")
	require.NoError(t, err)
	require.Empty(t, basic.Subjects, "what must not be updated is not")
	_, err = typed.Get[*rbacv1.ClusterRole](ctx, objects, "", "edit")
	require.NoError(t, err)
}

// TestPolicy: what the components can and cannot do with the bootstrap policy.
func TestPolicy(t *testing.T) {
	objects := typedtest.New()
	require.NoError(t, auth.Bootstrap(t.Context(), objects))
	authorizer := auth.Union{auth.Masters{}, auth.RBAC{Objects: objects}}
	for _, story := range []struct {
		who string
		may bool
		do  string
	}{
		{"system:kube-scheduler", true, "create -/pods/binding shop web"},
		{"system:kube-scheduler", true, "patch -/pods/status shop web"},
		{"system:kube-scheduler", true, "update coordination.k8s.io/leases kube-system kube-scheduler"},
		{"system:kube-scheduler", false, "update coordination.k8s.io/leases kube-node-lease node-1"},
		{"system:kube-scheduler", false, "get -/secrets shop tls"},
		{"system:kube-scheduler", false, "create -/pods shop"},
		{"system:kube-controller-manager", true, "create -/pods shop"},
		{"system:kube-controller-manager", true, "update apps/deployments/status shop web"},
		{"system:kube-controller-manager", true, "delete example.com/widgets shop x"},
		{"system:kube-controller-manager", false, "create -/pods/exec shop web"},
		{"system:kube-controller-manager", true, "escalate rbac.authorization.k8s.io/clusterroles - x"}, // it fills in those that take in others
		{"system:kube-controller-manager", false, "escalate rbac.authorization.k8s.io/roles shop x"},
		{"system:kube-proxy", true, "watch discovery.k8s.io/endpointslices"},
		{"system:kube-proxy", false, "list -/secrets"},
		{"system:kube-dns", true, "watch -/services"},
		{"system:kube-dns", false, "list -/configmaps"},
		{"kube-apiserver-kubelet-client", true, "create -/nodes/proxy - node-1"},
		{"kube-apiserver-kubelet-client", false, "list -/pods"},
		{"system:serviceaccount:kube-system:deployment-controller", true, "create apps/replicasets shop"},
		{"system:serviceaccount:shop:deployment-controller", false, "create apps/replicasets shop"},
	} {
		a := request(t, story.do)
		a.User = &apiserver.User{Name: story.who, Groups: []string{auth.GroupAuthenticated}}
		decision, reason, err := authorizer.Authorize(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, story.may, decision == apiserver.Allow, "%s: %s %s", story.who, story.do, reason)
	}
}

// TestClusterRoles_areTheCallersOwn: changing what is returned changes no policy.
func TestClusterRoles_areTheCallersOwn(t *testing.T) {
	first := auth.ClusterRoles()
	i := slices.IndexFunc(first, func(r *rbacv1.ClusterRole) bool { return r.Name == "system:basic-user" })
	first[i].Rules[0].Verbs[0] = "*"
	first[i].Rules[0].Resources[0] = "*"
	require.Equal(t, "create", auth.ClusterRoles()[i].Rules[0].Verbs[0])
}
