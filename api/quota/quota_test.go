package quota_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/quota"
)

func kind(name string) schema.GroupResource { return schema.ParseGroupResource(name) }

// list reads pairs of a name and a quantity.
func list(pairs ...string) corev1.ResourceList {
	l := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		l[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return l
}

func asking(requests, limits corev1.ResourceList) corev1.Container {
	return corev1.Container{Name: "app", Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}
}

func pod(change func(*corev1.Pod), containers ...corev1.Container) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: corev1.PodSpec{Containers: containers}}
	if change != nil {
		change(p)
	}
	return p
}

func TestMeter_Usage(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	no := false
	for name, test := range map[string]struct {
		kind string
		obj  api.Object
		want string
	}{
		"a pod that asks for nothing": {"pods", pod(nil, asking(nil, nil)), "count/pods=1,pods=1"},
		"requests, limits and a device": {"pods", pod(nil,
			asking(list("cpu", "500m", "memory", "1Gi", "example.com/gpu", "2"), list("cpu", "1", "memory", "2Gi", "example.com/gpu", "2"))),
			"count/pods=1,cpu=500m,limits.cpu=1,limits.memory=2Gi,memory=1Gi,pods=1,requests.cpu=500m,requests.example.com/gpu=2,requests.memory=1Gi"},
		"a sidecar runs beside, an init container before": {"pods", pod(func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{asking(list("cpu", "100m"), nil), asking(list("cpu", "5"), nil)}
			p.Spec.InitContainers[0].RestartPolicy = &always
		}, asking(list("cpu", "1"), nil)), "count/pods=1,cpu=5100m,pods=1,requests.cpu=5100m"},
		"overhead counts": {"pods", pod(func(p *corev1.Pod) { p.Spec.Overhead = list("cpu", "250m") }, asking(list("cpu", "1"), nil)),
			"count/pods=1,cpu=1250m,pods=1,requests.cpu=1250m"},
		"huge pages": {"pods", pod(nil, asking(list("hugepages-2Mi", "4Mi"), list("hugepages-2Mi", "4Mi"))),
			"count/pods=1,hugepages-2Mi=4Mi,pods=1,requests.hugepages-2Mi=4Mi"},
		"a pod that has ended is only counted": {"pods", pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, asking(list("cpu", "1"), nil)),
			"count/pods=1"},

		"a service of the cluster alone": {"services", service(corev1.ServiceTypeClusterIP, nil), "count/services=1,services=1,services.loadbalancers=0,services.nodeports=0"},
		"node ports":                     {"services", service(corev1.ServiceTypeNodePort, nil), "count/services=1,services=1,services.loadbalancers=0,services.nodeports=2"},
		"a balancer has node ports too":  {"services", service(corev1.ServiceTypeLoadBalancer, nil), "count/services=1,services=1,services.loadbalancers=1,services.nodeports=2"},
		"unless it wants none":           {"services", service(corev1.ServiceTypeLoadBalancer, &no), "count/services=1,services=1,services.loadbalancers=1,services.nodeports=1"},

		"a claim of a class": {"persistentvolumeclaims", claim("gold", "1500m"),
			"count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1," +
				"gold.storageclass.storage.k8s.io/requests.storage=2,persistentvolumeclaims=1,requests.storage=2"},
		"a claim of none": {"persistentvolumeclaims", claim("", "5Gi"), "count/persistentvolumeclaims=1,persistentvolumeclaims=1,requests.storage=5Gi"},

		"what is only counted":             {"deployments.apps", &metav1.PartialObjectMetadata{}, "count/deployments.apps=1"},
		"what was counted before that was": {"secrets", &metav1.PartialObjectMetadata{}, "count/secrets=1,secrets=1"},
		"custom things":                    {"widgets.example.com", &metav1.PartialObjectMetadata{}, "count/widgets.example.com=1"},
	} {
		require.Equal(t, test.want, quota.Text(quota.For(kind(test.kind)).Usage(test.obj)), name)
	}
}

func service(kind corev1.ServiceType, allocate *bool) *corev1.Service {
	return &corev1.Service{Spec: corev1.ServiceSpec{
		Type: kind, AllocateLoadBalancerNodePorts: allocate, Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080}, {Port: 443}},
	}}
}

func claim(class, size string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class}}
	c.Spec.Resources.Requests = list("storage", size)
	return c
}

func limiting(scope corev1.ResourceQuotaScope, hard ...string) *corev1.ResourceQuota {
	q := &corev1.ResourceQuota{Status: corev1.ResourceQuotaStatus{Hard: list(hard...)}}
	if scope != "" {
		q.Spec.Scopes = []corev1.ResourceQuotaScope{scope}
	}
	return q
}

func TestMeter_Concerns(t *testing.T) {
	soon := func(p *corev1.Pod) { s := int64(60); p.Spec.ActiveDeadlineSeconds = &s }
	high := func(p *corev1.Pod) { p.Spec.PriorityClassName = "high" }
	far := func(p *corev1.Pod) {
		p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{Namespaces: []string{"other"}}},
		}}
	}
	byPriority := func(op corev1.ScopeSelectorOperator, values ...string) *corev1.ResourceQuota {
		q := limiting("", "pods", "1")
		q.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
			{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: op, Values: values},
		}}
		return q
	}
	for name, test := range map[string]struct {
		q    *corev1.ResourceQuota
		pod  *corev1.Pod
		want bool
	}{
		"a quota of pods":                        {limiting("", "pods", "1"), pod(nil), true},
		"a quota of other things":                {limiting("", "services", "1", "count/configmaps", "1"), pod(nil), false},
		"Terminating, and it ends":               {limiting(corev1.ResourceQuotaScopeTerminating, "pods", "1"), pod(soon), true},
		"Terminating, and it does not":           {limiting(corev1.ResourceQuotaScopeTerminating, "pods", "1"), pod(nil), false},
		"NotTerminating":                         {limiting(corev1.ResourceQuotaScopeNotTerminating, "pods", "1"), pod(nil), true},
		"BestEffort, and it asks for nothing":    {limiting(corev1.ResourceQuotaScopeBestEffort, "pods", "1"), pod(nil, asking(nil, nil)), true},
		"BestEffort, and it asks":                {limiting(corev1.ResourceQuotaScopeBestEffort, "pods", "1"), pod(nil, asking(list("cpu", "1"), nil)), false},
		"NotBestEffort, and it asks":             {limiting(corev1.ResourceQuotaScopeNotBestEffort, "pods", "1"), pod(nil, asking(list("cpu", "1"), nil)), true},
		"affinity beyond the namespace":          {limiting(corev1.ResourceQuotaScopeCrossNamespacePodAffinity, "pods", "1"), pod(far), true},
		"affinity within":                        {limiting(corev1.ResourceQuotaScopeCrossNamespacePodAffinity, "pods", "1"), pod(nil), false},
		"priority in":                            {byPriority(corev1.ScopeSelectorOpIn, "high", "low"), pod(high), true},
		"priority in, and there is none":         {byPriority(corev1.ScopeSelectorOpIn, "high"), pod(nil), false},
		"priority not in":                        {byPriority(corev1.ScopeSelectorOpNotIn, "high"), pod(high), false},
		"priority not in, and there is none":     {byPriority(corev1.ScopeSelectorOpNotIn, "high"), pod(nil), true},
		"priority exists":                        {byPriority(corev1.ScopeSelectorOpExists), pod(high), true},
		"priority does not exist":                {byPriority(corev1.ScopeSelectorOpDoesNotExist), pod(nil), true},
		"a device":                               {limiting("", "requests.example.com/gpu", "1"), pod(nil), true},
		"limits of a device are nothing we know": {limiting("", "limits.example.com/gpu", "1"), pod(nil), false},
	} {
		require.Equal(t, test.want, quota.For(kind("pods")).Concerns(test.q, test.pod), name)
	}
	require.False(t, quota.For(kind("services")).Concerns(limiting(corev1.ResourceQuotaScopeBestEffort, "services", "1"), service("", nil)),
		"a quota with a scope counts only what can be in it")
}

func TestMeter_Charge(t *testing.T) {
	meter := quota.For(kind("services"))
	q := limiting("", "services", "5", "services.nodeports", "2")
	ports, plain := service(corev1.ServiceTypeNodePort, nil), service(corev1.ServiceTypeClusterIP, nil)
	require.Equal(t, "services=1,services.nodeports=2", quota.Text(meter.Charge(q, ports, nil)))
	require.Equal(t, "services.nodeports=2", quota.Text(meter.Charge(q, ports, plain)), "an update is charged the difference")
	require.Equal(t, "services.nodeports=-2", quota.Text(meter.Charge(q, plain, ports)))
	require.Empty(t, meter.Charge(q, ports, ports))

	soon := int64(60)
	ending := pod(func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = &soon })
	require.Equal(t, "pods=1", quota.Text(quota.For(kind("pods")).Charge(limiting(corev1.ResourceQuotaScopeTerminating, "pods", "1"), ending, pod(nil))),
		"what comes into a scope is charged in full")
}

func TestKinds(t *testing.T) {
	require.Equal(t, []schema.GroupResource{kind("pods"), kind("persistentvolumeclaims"), kind("deployments.apps"), kind("secrets"), kind("widgets.example.com")},
		quota.Kinds([]corev1.ResourceName{
			"pods", "limits.cpu", "gold.storageclass.storage.k8s.io/requests.storage", "count/deployments.apps",
			"secrets", "count/secrets", "count/widgets.example.com", "nonsense",
		}))
}

func TestPodCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now, grace := metav1.Now(), int64(30)
		p := pod(func(p *corev1.Pod) { p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &now, &grace })
		require.True(t, quota.PodCharged(p))
		time.Sleep(31 * time.Second)
		require.False(t, quota.PodCharged(p), "its node is lost, it must not block its successor")
	})
}

func TestMissingOfPod(t *testing.T) {
	names := []corev1.ResourceName{"cpu", "limits.memory", "requests.ephemeral-storage", "pods"}
	p := pod(nil, asking(list("cpu", "1"), nil), corev1.Container{Name: "other"})
	require.Equal(t, map[corev1.ResourceName][]string{"cpu": {"other"}, "limits.memory": {"app", "other"}}, quota.MissingOfPod(p, names))
	p.Spec.Resources = &corev1.ResourceRequirements{Requests: list("cpu", "1")}
	require.Empty(t, quota.MissingOfPod(p, names), "the pod speaks for its containers")
}

func TestLists(t *testing.T) {
	a, b := list("cpu", "1", "pods", "2"), list("cpu", "500m", "memory", "1Gi")
	require.Equal(t, "cpu=1500m,memory=1Gi,pods=2", quota.Text(quota.Add(a, b)))
	require.Equal(t, "cpu=500m,memory=-1Gi,pods=2", quota.Text(quota.Subtract(a, b)))
	require.Equal(t, []corev1.ResourceName{"memory"}, quota.Negative(quota.Subtract(a, b)))
	require.Equal(t, []corev1.ResourceName{"cpu"}, quota.Exceeding(a, b))
	require.True(t, quota.Equal(list("cpu", "1"), list("cpu", "1000m")))
	require.False(t, quota.Equal(a, b))
	require.Equal(t, "cpu=1,pods=2", quota.Text(a), "arguments stay as they are")
}

func Example() {
	q := &corev1.ResourceQuota{Status: corev1.ResourceQuotaStatus{
		Hard: corev1.ResourceList{"pods": resource.MustParse("2"), "requests.cpu": resource.MustParse("1")},
		Used: corev1.ResourceList{"pods": resource.MustParse("1"), "requests.cpu": resource.MustParse("700m")},
	}}
	web := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("500m")},
	}}}}}
	charge := quota.For(schema.GroupResource{Resource: "pods"}).Charge(q, web, nil)
	fmt.Println(quota.Text(charge))
	fmt.Println("too much:", quota.Exceeding(quota.Add(q.Status.Used, charge), q.Status.Hard))
	// Output:
	// pods=1,requests.cpu=500m
	// too much: [requests.cpu]
}
