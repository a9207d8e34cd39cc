package admission_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/api/quota"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

func newQuota(name string, hard, used corev1.ResourceList) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       corev1.ResourceQuotaSpec{Hard: hard},
		Status:     corev1.ResourceQuotaStatus{Hard: hard, Used: used},
	}
}

// used returns what a quota says is used.
func used(t *testing.T, objects apiserver.Objects, name string) string {
	t.Helper()
	q, err := typed.Get[*corev1.ResourceQuota](t.Context(), objects, "shop", name)
	require.NoError(t, err)
	return quota.Text(q.Status.Used)
}

func TestResourceQuota(t *testing.T) {
	pods := resources("pods", "2", "requests.cpu", "1")
	soon := int64(60)
	for name, test := range map[string]struct {
		quotas []api.Object
		obj    api.Object
		err    string
		used   string // of the quota named q
	}{
		"room": {[]api.Object{newQuota("q", pods, resources("pods", "1", "requests.cpu", "500m"))}, newPod(asking("cpu=500m", "")), "", "pods=2,requests.cpu=1"},
		"no room": {[]api.Object{newQuota("q", pods, resources("pods", "2", "requests.cpu", "600m"))}, newPod(asking("cpu=500m", "")),
			`exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=2,requests.cpu=600m, limited: pods=2,requests.cpu=1`, "pods=2,requests.cpu=600m"},
		"no room for one of them": {[]api.Object{newQuota("q", pods, resources("pods", "0", "requests.cpu", "600m"))}, newPod(asking("cpu=500m", "")),
			`exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1`, "pods=0,requests.cpu=600m"},
		"who is limited in CPU must say how much": {[]api.Object{newQuota("q", pods, resources("pods", "0", "requests.cpu", "0"))}, newPod(),
			`failed quota: q: must specify requests.cpu for: app`, "pods=0,requests.cpu=0"},
		"not counted yet": {[]api.Object{newQuota("q", pods, nil)}, newPod(asking("cpu=500m", "")),
			`status unknown for quota: q, resources: pods,requests.cpu`, ""},
		"other things": {[]api.Object{newQuota("q", pods, resources("pods", "2", "requests.cpu", "1"))}, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s"}},
			"", "pods=2,requests.cpu=1"},
		"another scope": {[]api.Object{func() api.Object {
			q := newQuota("q", resources("pods", "0"), resources("pods", "0"))
			q.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}
			return q
		}()}, newPod(), "", "pods=0"},
		"this scope": {[]api.Object{func() api.Object {
			q := newQuota("q", resources("pods", "0"), resources("pods", "0"))
			q.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}
			return q
		}()}, newPod(func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = &soon }), `exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0`, "pods=0"},
		"two, of which one has no room": {[]api.Object{newQuota("q", resources("pods", "9"), resources("pods", "0")), newQuota("r", resources("pods", "0"), resources("pods", "0"))},
			newPod(), `exceeded quota: r, requested: pods=1, used: pods=0, limited: pods=0`, "pods=0"},
		"things are counted": {[]api.Object{newQuota("q", resources("count/secrets", "1", "secrets", "1"), resources("count/secrets", "0", "secrets", "0"))},
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s"}}, "", "count/secrets=1,secrets=1"},
	} {
		objects := typedtest.New(test.quotas...)
		_, err := judge(t, admission.ResourceQuota{Objects: objects}, "", test.obj, nil)
		if test.err == "" {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, `pods "web" is forbidden: `+test.err, name)
			require.True(t, apierrors.IsForbidden(err), name)
		}
		require.Equal(t, test.used, used(t, objects, "q"), name)
	}
}

func TestResourceQuota_updates(t *testing.T) {
	hard := resources("services", "5", "services.nodeports", "1", "services.loadbalancers", "0")
	objects := typedtest.New(newQuota("q", hard, resources("services", "1", "services.nodeports", "0", "services.loadbalancers", "0")))
	hook := admission.ResourceQuota{Objects: objects}
	of := func(kind corev1.ServiceType) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec:       corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Port: 80}}},
		}
	}
	_, err := judge(t, hook, "", of(corev1.ServiceTypeNodePort), of(corev1.ServiceTypeClusterIP))
	require.NoError(t, err)
	require.Equal(t, "services=1,services.loadbalancers=0,services.nodeports=1", used(t, objects, "q"), "the difference is charged")
	_, err = judge(t, hook, "", of(corev1.ServiceTypeLoadBalancer), of(corev1.ServiceTypeNodePort))
	require.ErrorContains(t, err, "exceeded quota: q, requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0")
	_, err = judge(t, hook, "", of(corev1.ServiceTypeClusterIP), of(corev1.ServiceTypeNodePort))
	require.NoError(t, err)
	require.Equal(t, "services=1,services.loadbalancers=0,services.nodeports=1", used(t, objects, "q"), "only the controller gives back")

	_, err = judge(t, hook, "", newPod(), newPod())
	require.NoError(t, err, "a pod that changes was charged before")
}

func TestResourceQuota_dryRun(t *testing.T) {
	objects := typedtest.New(newQuota("q", resources("pods", "1"), resources("pods", "0")))
	err := admission.ResourceQuota{Objects: objects}.Validate(t.Context(), &apiserver.Admission{
		Operation: apiserver.Create, Resource: kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Pod")),
		Namespace: "shop", Name: "web", Object: newPod(), DryRun: true,
	})
	require.NoError(t, err)
	require.Equal(t, "pods=0", used(t, objects, "q"))
}

// TestResourceQuota_race: of many at once, exactly those get in that fit.
func TestResourceQuota_race(t *testing.T) {
	objects := typedtest.New(newQuota("q", resources("pods", "7"), resources("pods", "0")))
	hook := admission.ResourceQuota{Objects: objects}
	var admitted atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := judge(t, hook, "", newPod(), nil); err == nil {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(7), admitted.Load())
	require.Equal(t, "pods=7", used(t, objects, "q"))
}
