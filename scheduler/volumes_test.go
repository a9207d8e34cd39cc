package scheduler_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

// inCluster runs a test in a bubble with a whole cluster of two nodes.
func inCluster(t *testing.T, test func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		c, err := cluster.New(cluster.Config{Nodes: cluster.Nodes(2)})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		defer func() {
			cancel()
			require.NoError(t, <-done)
		}()
		<-c.Ready()
		time.Sleep(5 * time.Second) // The nodes are ready, and the default ServiceAccount is there.
		admin := c.Admin()
		test(&bubble{T: t, Client: admin, pods: client.For[*corev1.Pod](admin), nodes: client.For[*corev1.Node](admin)})
	})
}

func (b *bubble) claim(name, class string, modes ...corev1.PersistentVolumeAccessMode) {
	b.Helper()
	if len(modes) == 0 {
		modes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	}
	_, err := client.For[*corev1.PersistentVolumeClaim](b.Client).Create(b.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: modes,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
		},
	})
	require.NoError(b, err)
}

func (b *bubble) class(name, provisioner string) {
	b.Helper()
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	_, err := client.For[*storagev1.StorageClass](b.Client).Create(b.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode,
	})
	require.NoError(b, err)
}

// volume creates a volume that only one node reaches.
func (b *bubble) volume(name, class, node string) {
	b.Helper()
	v := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
	require.NoError(b, yaml.UnmarshalStrict([]byte(`
capacity: {storage: 1Gi}
accessModes: [ReadWriteOnce]
storageClassName: `+class+`
local: {path: /mnt/disk}
nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [`+node+`]}]}]}}`), &v.Spec))
	_, err := client.For[*corev1.PersistentVolume](b.Client).Create(b.Context(), v)
	require.NoError(b, err)
}

func (b *bubble) volumeOf(claim string) string {
	b.Helper()
	got, err := client.For[*corev1.PersistentVolumeClaim](b.Client).Get(b.Context(), "default", claim)
	require.NoError(b, err)
	if got.Status.Phase != corev1.ClaimBound {
		return ""
	}
	return got.Spec.VolumeName
}

func mount(claim string) string {
	return "volumes: [{name: data, persistentVolumeClaim: {claimName: " + claim + "}}]"
}

// The volume of a claim that waits for its first consumer is made where the pod
// goes, and the next pod follows it there.
func TestVolumes_MadeForTheFirstConsumer(t *testing.T) {
	inCluster(t, func(b *bubble) {
		b.pod(mount("data"), "early")
		b.on(time.Minute, "early", "")
		require.Contains(t, b.condition("early").Message, `persistentvolumeclaim "data" not found`)
		b.claim("data", "standard")
		time.Sleep(10 * time.Second)
		node := b.get("early").Spec.NodeName
		require.NotEmpty(t, node, b.condition("early").Message)
		require.NotEmpty(t, b.volumeOf("data"))

		b.pod(mount("data"), "next")
		b.on(10*time.Second, "next", node)
		b.pod(mount("data")+"\nnodeSelector: {kubernetes.io/hostname: "+map[string]string{"node-1": "node-2", "node-2": "node-1"}[node]+"}", "elsewhere")
		b.on(10*time.Second, "elsewhere", "")
		require.Contains(t, b.condition("elsewhere").Message,
			"1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't match Pod's node affinity/selector")
	})
}

// Volumes that people made are given out by node, each once.
func TestVolumes_LocalOnes(t *testing.T) {
	inCluster(t, func(b *bubble) {
		b.class("local", "kubernetes.io/no-provisioner")
		b.claim("one", "local")
		b.pod(mount("one"), "one")
		b.on(time.Minute, "one", "")
		require.Contains(t, b.condition("one").Message, "2 node(s) didn't find available persistent volumes to bind")
		b.volume("disk-2", "local", "node-2")
		b.on(15*time.Second, "one", "node-2")
		require.Equal(t, "disk-2", b.volumeOf("one"))

		b.volume("disk-1", "local", "node-1")
		b.claim("two", "local")
		b.claim("three", "local")
		b.pod(mount("two"), "two")
		b.pod(mount("three"), "three")
		time.Sleep(time.Minute)
		placed := []string{b.get("two").Spec.NodeName, b.get("three").Spec.NodeName}
		require.ElementsMatch(t, []string{"node-1", ""}, placed)
	})
}

func TestVolumes_ForOnePodOnly(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.classes(9)
		b.node("a")
		b.node("b")
		_, err := client.For[*corev1.PersistentVolume](b.Client).Create(b.Context(), &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "v"},
			Spec: corev1.PersistentVolumeSpec{
				Capacity: corev1.ResourceList{"storage": resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
				StorageClassName: "x", PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}},
			},
		})
		require.NoError(t, err)
		b.claim("data", "x", corev1.ReadWriteOncePod)
		claims := client.For[*corev1.PersistentVolumeClaim](b.Client)
		_, err = claims.Modify(b.Context(), "default", "data", func(c *corev1.PersistentVolumeClaim) error {
			c.Spec.VolumeName = "v"
			return nil
		})
		require.NoError(t, err)
		_, err = claims.ModifyStatus(b.Context(), "default", "data", func(c *corev1.PersistentVolumeClaim) error {
			c.Status.Phase = corev1.ClaimBound
			return nil
		})
		require.NoError(t, err)
		b.pod(mount("data"), "one")
		time.Sleep(5 * time.Second)
		first := b.get("one").Spec.NodeName
		require.NotEmpty(t, first, b.condition("one").Message)
		b.pod(mount("data"), "two")
		b.on(time.Minute, "two", "")
		require.Contains(t, b.condition("two").Message, "2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")
		b.pod(mount("data"), "urgent", "priority=9")
		b.on(time.Second, "urgent", "")
		require.NotNil(t, b.get("one").DeletionTimestamp)
		require.Equal(t, first, b.get("urgent").Status.NominatedNodeName)
	})
}

// In a whole cluster the victim ends by itself, and the important pod runs.
func TestCluster_Preemption(t *testing.T) {
	inCluster(t, func(b *bubble) {
		b.classes(9)
		free := map[string]int64{}
		list, err := b.nodes.List(b.Context(), "", client.ListOptions{})
		require.NoError(t, err)
		for _, n := range list.Items {
			free[n.Name] = n.Status.Allocatable.Cpu().Value()
		}
		all := resource.NewQuantity(free["node-1"], resource.DecimalSI).String()
		b.pod("", "low-1", "cpu="+all)
		b.pod("", "low-2", "cpu="+all)
		time.Sleep(5 * time.Second)
		require.NotEmpty(t, b.get("low-1").Spec.NodeName)
		require.NotEmpty(t, b.get("low-2").Spec.NodeName)
		b.pod("", "urgent", "cpu="+all, "priority=9")
		time.Sleep(time.Minute)
		require.NotEmpty(t, b.get("urgent").Spec.NodeName, b.condition("urgent").Message)
		pods, err := b.pods.List(b.Context(), "default", client.ListOptions{})
		require.NoError(t, err)
		require.Len(t, pods.Items, 2, "one victim is enough")
	})
}
