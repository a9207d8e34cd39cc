package clienttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
)

// A testCase is one rule and what checks it.
type testCase struct {
	name string
	rule string
	test func(e *env)
}

var cases = []testCase{
	{"create, get, update, delete", `an object that was written reads back as written, with uid,
		resourceVersion and kind; after its deletion it is not found`, testLifecycle},
	{"errors", `what the server refuses is a status error of the right reason`, testErrors},
	{"conflict", `an update from old knowledge fails with a conflict and changes nothing`, testConflict},
	{"modify", `Modify starts over after a conflict, and sends nothing when nothing changes`, testModify},
	{"concurrent modify", `of many concurrent Modify calls none is lost`, testConcurrentModify},
	{"status", `ModifyStatus changes the status alone, Modify all but the status`, testStatus},
	{"patch", `json, merge and strategic merge patches change what they name`, testPatch},
	{"preconditions", `a deletion with another uid fails with a conflict`, testPreconditions},
	{"selectors", `label and field selectors choose what a list contains and a deletion deletes`, testSelectors},
	{"pages", `pages together are the whole list, each object once, at one resourceVersion`, testPages},
	{"watch from a version", `a watch from the resourceVersion of a list misses nothing and repeats
		nothing, in order, and a deletion carries the last state`, testWatch},
	{"watch with initial events", `a watch with initial events sends what is there, then the bookmark that
		ends it, then changes`, testWatchList},
	{"watch of a selector", `an object that comes to match is added, one that ceases to match is deleted`, testWatchSelector},
	{"watch is over", `closing a watch, or ending its context, ends it promptly`, testWatchEnds},
	{"metadata", `a metadata client sees the metadata, and the kind, of any object`, testMetadata},
	{"dynamic", `a dynamic client writes and reads any object`, testDynamic},
	{"discovery", `discovery shows the kinds that the server serves, with scope and verbs`, testDiscovery},
	{"subresources", `binding sets a pod's node, once`, testBinding},
	{"informer", `an informer's cache comes to equal the server's state, and its handlers are told
		every step of it`, testInformer},
}

// Run runs all cases against the servers that open's clients reach.
func Run(t *testing.T, open func(t *testing.T) *client.Client) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Log("rule:", c.rule)
			c.test(newEnv(t, open(t)))
		})
	}
}

// Rules returns the rule that each case checks, by the names of the cases.
func Rules() map[string]string {
	rules := make(map[string]string, len(cases))
	for _, c := range cases {
		rules[c.name] = strings.Join(strings.Fields(c.rule), " ")
	}
	return rules
}

// An env is what a case works with: a client and a namespace of its own.
type env struct {
	*testing.T
	c         *client.Client
	namespace string
	maps      *client.Kind[*corev1.ConfigMap]
	pods      *client.Kind[*corev1.Pod]
}

func newEnv(t *testing.T, c *client.Client) *env {
	ns, err := client.For[*corev1.Namespace](c).Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "clienttest-"}})
	require.NoError(t, err)
	return &env{T: t, c: c, namespace: ns.Name, maps: client.For[*corev1.ConfigMap](c), pods: client.For[*corev1.Pod](c)}
}

// configMap creates a config map whose label and value are both value.
func (e *env) configMap(name, value string) *corev1.ConfigMap {
	e.Helper()
	cm, err := e.maps.Create(e.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.namespace, Name: name, Labels: map[string]string{"value": value}},
		Data:       map[string]string{"value": value},
	})
	require.NoError(e, err)
	return cm
}

// set changes a config map's label and value.
func (e *env) set(name, value string) *corev1.ConfigMap {
	e.Helper()
	cm, err := e.maps.Modify(e.Context(), e.namespace, name, func(cm *corev1.ConfigMap) error {
		cm.Labels, cm.Data = map[string]string{"value": value}, map[string]string{"value": value}
		return nil
	})
	require.NoError(e, err)
	return cm
}

func (e *env) delete(name string, opts ...client.DeleteOption) {
	e.Helper()
	require.NoError(e, e.maps.Delete(e.Context(), e.namespace, name, opts...))
}

func (e *env) pod(name string) *corev1.Pod {
	e.Helper()
	pod, err := e.pods.Create(e.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: e.namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
	})
	require.NoError(e, err)
	return pod
}
