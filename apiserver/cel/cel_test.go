package cel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/cel"
)

func admission() *apiserver.Admission {
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	return &apiserver.Admission{
		Operation: apiserver.Create, Resource: kinds.Registry().ForKind(kind), Kind: kind,
		Namespace: "shop", Name: "web", User: &apiserver.User{Name: "ann", Groups: []string{"crew"}},
		Object:  &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Priority: new(int32(3))}},
		Options: &metav1.CreateOptions{FieldManager: "me"},
	}
}

func inputs(t testing.TB, auth apiserver.Authorizer) cel.Inputs {
	a := admission()
	obj, err := cel.Plain(a.Object, a.Kind)
	require.NoError(t, err)
	namespace, err := cel.Namespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"tier": "gold"}}})
	require.NoError(t, err)
	in := cel.Inputs{
		Object: obj, Request: cel.Request(a, a.Resource.GroupVersionResource(), a.Kind),
		Namespace: namespace, Params: map[string]any{"limit": int64(5)},
	}
	in.Authorizer, in.RequestResource = cel.Authorizers(auth, a)
	return in
}

var withVariables = cel.Names{Variables: true}

var all = cel.Names{Variables: true, Params: true, Authorizer: true}

// What expressions can see, and what it is to them.
func TestEval(t *testing.T) {
	mayGetPods := authorizer(func(a *apiserver.Attributes) bool {
		return a.User.Name == "ann" && a.Verb == "get" && a.Resource.Resource == "pods" && a.Namespace == "shop"
	})
	for text, want := range map[string]string{
		`string(object.metadata.name)`:                                               "web",
		`object.kind + "/" + object.apiVersion`:                                      "Pod/v1",
		`oldObject == null ? "new" : "old"`:                                          "new",
		`string(object.spec.priority + params.limit)`:                                "8",
		`request.operation + " " + request.resource.resource`:                        "CREATE pods",
		`request.userInfo.groups[0]`:                                                 "crew",
		`has(request.subResource) ? "sub" : "whole"`:                                 "whole",
		`string(request.options.fieldManager)`:                                       "me",
		`namespaceObject.metadata.labels["tier"]`:                                    "gold",
		`authorizer.requestResource.check("get").allowed() ? "may" : "may not"`:      "may",
		`authorizer.group("").resource("pods").check("list").reason()`:               "",
		`authorizer.path("/healthz").check("get").allowed() ? "may" : "may not"`:     "may not",
		`quantity("1Gi").isGreaterThan(quantity("1G")) ? "more" : "less"`:            "more",
		`object.metadata.?labels.orValue({}).size() == 0 ? "bare" : "dressed"`:       "bare",
		`"a-b-c".split("-").map(s, s.upperAscii()).join("") + variables.suffix`:      "ABC!",
		`["x", "y"].exists(s, s == "y") && "abc".matches("^[a-c]+$") ? "yes" : "no"`: "yes",
	} {
		t.Run(text, func(t *testing.T) {
			c := cel.NewCompiler(false)
			require.NoError(t, c.Define("suffix", `"!"`, all))
			expr, err := c.Compile(text, all, cel.String)
			require.NoError(t, err)
			value, err := c.Run(context.Background(), inputs(t, mayGetPods), cel.Budget).Eval(expr)
			require.NoError(t, err)
			require.Equal(t, want, value.Value())
		})
	}
}

type authorizer func(a *apiserver.Attributes) bool

func (f authorizer) Authorize(_ context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	if f(a) {
		return apiserver.Allow, "", nil
	}
	return apiserver.NoOpinion, "", nil
}

// What does not compile says why, and where.
func TestCompile_errors(t *testing.T) {
	for text, want := range map[string]string{
		`object.`:                      "compilation failed: ERROR: <input>:1:8: Syntax error",
		`nobody == 1`:                  "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nobody'",
		`request.nothing == ""`:        "undefined field 'nothing'",
		`authorizer == null`:           "undeclared reference to 'authorizer'",
		`params == null`:               "undeclared reference to 'params'",
		`authorizer.path("/")`:         "undeclared reference to 'authorizer'",
		`"text"`:                       "must evaluate to bool but got string",
		`variables.missing == 1`:       "undefined field 'missing'",
		`variables.count == "text"`:    "found no matching overload",
		`Object{spec: Object.spec{}}`:  "undeclared reference",
		`"x".matches("(")`:             "invalid matches argument",
		strings.Repeat("(", 300) + "1": "compilation failed",
	} {
		t.Run(text, func(t *testing.T) {
			c := cel.NewCompiler(false)
			require.NoError(t, c.Define("count", "1 + 1", withVariables))
			_, err := c.Compile(text, withVariables, cel.Bool)
			require.ErrorContains(t, err, want)
			require.ErrorAs(t, err, new(cel.Error))
		})
	}
}

// A variable is worked out once, when it is first used; one that fails hurts only
// those that use it.
func TestVariables(t *testing.T) {
	c := cel.NewCompiler(true)
	require.NoError(t, c.Define("bad", "object.no.such.field", withVariables))
	require.Error(t, c.Define("worse", "object.", withVariables))
	eval := func(text string) error {
		expr, err := c.Compile(text, withVariables, cel.Bool)
		require.NoError(t, err)
		_, err = c.Run(context.Background(), inputs(t, nil), cel.Budget).Eval(expr)
		return err
	}
	require.NoError(t, eval("true || variables.bad"))
	require.ErrorContains(t, eval("variables.bad == 1"), `composited variable "bad" fails to evaluate: no such key: no`)
	require.ErrorContains(t, eval("variables.worse == 1"), `composited variable "worse" fails to compile`)
}

// No expression takes the server's time for itself.
func TestBudget(t *testing.T) {
	c := cel.NewCompiler(true)
	const long = `[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, a+b+c+d < 100))))`
	expr, err := c.Compile(long, withVariables, cel.Bool)
	require.NoError(t, err)
	run := c.Run(context.Background(), inputs(t, nil), 100_000)
	for range 10 {
		if _, err = run.Eval(expr); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, cel.ErrBudget)
	require.True(t, run.Spent())

	endless, err := c.Compile(strings.ReplaceAll(long, "a+b", `[0,1,2,3,4,5,6,7,8,9].map(e, [0,1,2,3,4,5,6,7,8,9].map(f, [0,1,2,3,4,5,6,7,8,9])).size()+b`), withVariables, cel.Bool)
	require.NoError(t, err)
	_, err = c.Run(context.Background(), inputs(t, nil), cel.Budget).Eval(endless)
	require.ErrorContains(t, err, "actual cost limit exceeded")
}

// Whatever is written, compiling and evaluating it ends, without a panic.
func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"true", "object.spec.replicas < 5", "variables.v + 1 == 2", `request.userInfo.extra["a"][0] == ""`,
		`object.metadata.labels.all(k, k.matches("^a*$"))`, `[1,2].map(x, x * 2)`, `params.?a.?b.orValue(1) == 1`,
		`authorizer.group("").resource("x").check("get").allowed()`, `timestamp("2000-01-01T00:00:00Z").getFullYear() == 2000`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := cel.NewCompiler(false)
		_ = c.Define("v", text, all)
		expr, err := c.Compile(text, all, cel.Any)
		if err != nil {
			return
		}
		_, _ = c.Run(t.Context(), inputs(t, nil), 10_000).Eval(expr)
	})
}
