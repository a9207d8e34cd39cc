package volume_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/controller/volume"
)

func claim(name, size string, change ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	class := "slow"
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "claim-uid"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: &class,
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
		},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func disk(name, size string, change ...func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
	v := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"disk": name}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: "slow",
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/mnt/" + name}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeAvailable},
	}
	for _, f := range change {
		f(v)
	}
	return v
}

func reserved(name string, uid types.UID) func(*corev1.PersistentVolume) {
	return func(v *corev1.PersistentVolume) {
		v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: "default", Name: name, UID: uid}
	}
}

func ExampleMatch() {
	volumes := []*corev1.PersistentVolume{disk("large", "100Gi"), disk("small", "1Gi"), disk("middle", "10Gi")}
	fmt.Println(volume.Match(claim("data", "5Gi"), volumes, nil).Name)

	// Output:
	// middle
}

func TestMatch(t *testing.T) {
	onlyOn := func(host string) func(*corev1.PersistentVolume) {
		return func(v *corev1.PersistentVolume) {
			v.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{host}}}},
			}}}
		}
	}
	block := corev1.PersistentVolumeBlock
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{corev1.LabelHostname: "n1"}}}
	for _, c := range []struct {
		name    string
		claim   *corev1.PersistentVolumeClaim
		volumes []*corev1.PersistentVolume
		want    string
	}{
		{"none is large enough", claim("a", "5Gi"), []*corev1.PersistentVolume{disk("x", "4Gi")}, ""},
		{"of equals the first by name", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("y", "1Gi"), disk("x", "1Gi")}, "x"},
		{"another class", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", func(v *corev1.PersistentVolume) { v.Spec.StorageClassName = "fast" })}, ""},
		{"another mode", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", func(v *corev1.PersistentVolume) { v.Spec.VolumeMode = &block })}, ""},
		{"too few may use it", claim("a", "1Gi", func(c *corev1.PersistentVolumeClaim) {
			c.Spec.AccessModes = append(c.Spec.AccessModes, corev1.ReadWriteMany)
		}), []*corev1.PersistentVolume{disk("x", "1Gi")}, ""},
		{"not free", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", func(v *corev1.PersistentVolume) { v.Status.Phase = corev1.VolumeReleased })}, ""},
		{"going away", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", func(v *corev1.PersistentVolume) { now := metav1.Now(); v.DeletionTimestamp = &now })}, ""},
		{"by selector", claim("a", "1Gi", func(c *corev1.PersistentVolumeClaim) {
			c.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "y"}}
		}), []*corev1.PersistentVolume{disk("x", "1Gi"), disk("y", "2Gi")}, "y"},
		{"by name", claim("a", "1Gi", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "y" }), []*corev1.PersistentVolume{disk("x", "1Gi"), disk("y", "2Gi")}, "y"},
		{"reserved comes first", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi"), disk("y", "9Gi", reserved("a", ""))}, "y"},
		{"bound comes before reserved", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", reserved("a", "")), disk("y", "9Gi", reserved("a", "claim-uid"))}, "y"},
		{"reserved but too small", claim("a", "5Gi"), []*corev1.PersistentVolume{disk("x", "9Gi"), disk("y", "1Gi", reserved("a", ""))}, "x"},
		{"of an earlier claim of the name", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", reserved("a", "another"))}, ""},
		{"on another node", claim("a", "1Gi"), []*corev1.PersistentVolume{disk("x", "1Gi", onlyOn("n2")), disk("y", "2Gi", onlyOn("n1"))}, "y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := volume.Match(c.claim, c.volumes, node)
			if c.want == "" {
				require.Nil(t, v)
				return
			}
			require.NotNil(t, v)
			require.Equal(t, c.want, v.Name)
		})
	}
}
