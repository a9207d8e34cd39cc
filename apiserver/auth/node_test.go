package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// busyPod refers to all that a pod can refer to.
func busyPod(name, node, suffix string) *corev1.Pod {
	p := pod(name, node, "sa"+suffix)
	p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull" + suffix}}
	p.Spec.InitContainers = []corev1.Container{{Name: "init", EnvFrom: []corev1.EnvFromSource{
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "env" + suffix}}},
	}}}
	p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", ValueFrom: &corev1.EnvVarSource{
		ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "conf" + suffix}},
	}}}
	p.Spec.Volumes = []corev1.Volume{
		{Name: "s", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "vol" + suffix}}},
		{Name: "c", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "claim" + suffix}}},
		{Name: "p", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "ca" + suffix}}},
		}}}},
	}
	claim := "gpu" + suffix
	p.Spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu", ResourceClaimName: &claim}}
	return p
}

func TestNode(t *testing.T) {
	objects := typedtest.New(
		busyPod("mine", "node-1", "-1"), busyPod("theirs", "node-2", "-2"), busyPod("pending", "", "-3"),
		&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-1"}, Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "claim-1"}}},
		&corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-2"}, Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "claim-2"}}},
	)
	for _, i := range []string{"1", "2"} {
		for _, obj := range []api.Object{
			&storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: "va-" + i}, Spec: storagev1.VolumeAttachmentSpec{NodeName: "node-" + i}},
			&certificatesv1.PodCertificateRequest{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cert-" + i},
				Spec:       certificatesv1.PodCertificateRequestSpec{NodeName: types.NodeName("node-" + i)},
			},
		} {
			gvk, err := api.KindOf(obj)
			require.NoError(t, err)
			_, err = objects.Create(t.Context(), kinds.Registry().ForKind(gvk), obj)
			require.NoError(t, err)
		}
	}
	kubelet := &apiserver.User{Name: "system:node:node-1", Groups: []string{auth.GroupNodes}}
	may := func(user *apiserver.User, fieldSelector, do string) bool {
		a := request(t, do)
		a.User, a.FieldSelector = user, fieldSelector
		decision, _, err := auth.Node{Objects: objects}.Authorize(t.Context(), a)
		require.NoError(t, err)
		return decision == apiserver.Allow
	}
	for _, story := range []struct {
		do, fieldSelector string
		may               bool
	}{
		{"get -/nodes - node-1", "", true},
		{"get -/nodes - node-2", "", false},
		{"list -/nodes", "", false},
		{"watch -/nodes", "metadata.name=node-1", true},
		{"watch -/nodes", "metadata.name=node-2", false},
		{"watch -/nodes", "metadata.name!=node-1", false},
		{"create -/nodes", "", true},
		{"patch -/nodes/status - node-1", "", true},
		{"patch -/nodes/status - node-2", "", false},
		{"get -/nodes/proxy - node-1", "", false},
		{"list -/pods", "spec.nodeName=node-1", true},
		{"watch -/pods shop", "spec.nodeName=node-1,status.phase=Running", true},
		{"list -/pods", "spec.nodeName=node-2", false},
		{"list -/pods", "", false},
		{"get -/pods shop mine", "", true},
		{"get -/pods shop theirs", "", false},
		{"get -/pods shop pending", "", false},
		{"delete -/pods shop mine", "", true},
		{"delete -/pods shop theirs", "", false},
		{"deletecollection -/pods shop", "spec.nodeName=node-1", false},
		{"patch -/pods/status shop mine", "", true},
		{"patch -/pods/status shop theirs", "", false},
		{"create -/pods/exec shop mine", "", false},
		{"create -/pods/eviction shop mine", "", true},
		{"create -/pods/eviction shop theirs", "", false},
		{"get -/secrets shop pull-1", "", true},
		{"get -/secrets shop env-1", "", true},
		{"get -/secrets shop vol-1", "", true},
		{"watch -/secrets shop", "metadata.name=vol-1", true},
		{"watch -/secrets shop", "metadata.name=vol-2", false},
		{"list -/secrets shop", "", false},
		{"get -/secrets shop vol-2", "", false},
		{"get -/secrets bank vol-1", "", false},
		{"update -/secrets shop vol-1", "", false},
		{"get -/configmaps shop conf-1", "", true},
		{"get -/configmaps shop ca-1", "", true},
		{"get -/configmaps shop ca-2", "", false},
		{"get -/persistentvolumeclaims shop claim-1", "", true},
		{"get -/persistentvolumeclaims shop claim-2", "", false},
		{"get -/persistentvolumes - pv-1", "", true},
		{"get -/persistentvolumes - pv-2", "", false},
		{"create -/serviceaccounts/token shop sa-1", "", true},
		{"create -/serviceaccounts/token shop sa-2", "", false},
		{"update coordination.k8s.io/leases kube-node-lease node-1", "", true},
		{"update coordination.k8s.io/leases kube-node-lease node-2", "", false},
		{"update coordination.k8s.io/leases kube-system node-1", "", false},
		{"patch -/persistentvolumeclaims/status shop claim-1", "", true},
		{"patch -/persistentvolumeclaims/status shop claim-2", "", false},
		{"get resource.k8s.io/resourceclaims shop gpu-1", "", true},
		{"get resource.k8s.io/resourceclaims shop gpu-2", "", false},
		{"deletecollection resource.k8s.io/resourceslices", "spec.nodeName=node-1", true},
		{"deletecollection resource.k8s.io/resourceslices", "", false},
		{"watch certificates.k8s.io/podcertificaterequests", "spec.nodeName=node-1", true},
		{"watch certificates.k8s.io/podcertificaterequests", "", false},
		{"get certificates.k8s.io/podcertificaterequests shop cert-1", "", true},
		{"get certificates.k8s.io/podcertificaterequests shop cert-2", "", false},
		{"update certificates.k8s.io/podcertificaterequests/status shop cert-1", "", false},
		{"get storage.k8s.io/volumeattachments - va-1", "", true},
		{"get storage.k8s.io/volumeattachments - va-2", "", false},
		{"list -/services", "", true},
		{"create -/events shop", "", true},
		{"create authorization.k8s.io/subjectaccessreviews", "", true},
		{"get /metrics", "", false},
	} {
		require.Equal(t, story.may, may(kubelet, story.fieldSelector, story.do), "%s %s", story.do, story.fieldSelector)
	}
	for name, user := range map[string]*apiserver.User{
		"the name without the group": {Name: "system:node:node-1"},
		"the group without a name":   {Name: "system:node:", Groups: []string{auth.GroupNodes}},
		"the group with another":     {Name: "node-1", Groups: []string{auth.GroupNodes}},
	} {
		require.False(t, may(user, "", "get -/nodes - node-1"), name)
	}
}

// TestNodeRestriction goes through the server, since the hook guards what the
// authorizer lets pass.
func TestNodeRestriction(t *testing.T) {
	c := newCluster(t,
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}},
		serviceAccount("web"), pod("mine", "node-1", "web"), pod("theirs", "node-2", "web"))
	kubelet := as("system:node:node-1", auth.GroupNodes)
	for _, story := range []struct {
		what, method, path, body string
		code                     int
	}{
		{"another node", "POST", "/api/v1/nodes", `{"metadata":{"name":"node-9"}}`, 403},
		{"a trusted label", "PATCH", "/api/v1/nodes/node-1", `{"metadata":{"labels":{"node-restriction.kubernetes.io/x":"y"}}}`, 403},
		{"a label of Kubernetes'", "PATCH", "/api/v1/nodes/node-1", `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":""}}}`, 403},
		{"its zone", "PATCH", "/api/v1/nodes/node-1", `{"metadata":{"labels":{"topology.kubernetes.io/zone":"z","node.kubernetes.io/x":"y"}}}`, 200},
		{"an owner", "PATCH", "/api/v1/nodes/node-1", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"x","uid":"1"}]}}`, 403},
		{"another's CSI node", "POST", "/apis/storage.k8s.io/v1/csinodes", `{"metadata":{"name":"node-2"},"spec":{"drivers":[]}}`, 403},
		{"a mirror pod of somebody's", "POST", "/api/v1/namespaces/shop/pods", `{"metadata":{"name":"p","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"mine","uid":"1"}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"node-1","containers":[{"name":"a","image":"a"}]}}`, 403},
		{"a taint", "PATCH", "/api/v1/nodes/node-1", `{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}`, 403},
		{"an ordinary label", "PATCH", "/api/v1/nodes/node-1", `{"metadata":{"labels":{"x":"y"}}}`, 200},
		{"a pod that is no mirror", "POST", "/api/v1/namespaces/shop/pods", `{"metadata":{"name":"p"},"spec":{"nodeName":"node-1","containers":[{"name":"a","image":"a"}]}}`, 403},
		{"a mirror pod elsewhere", "POST", "/api/v1/namespaces/shop/pods", `{"metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"node-2","containers":[{"name":"a","image":"a"}]}}`, 403},
		{"a mirror pod that names a secret", "POST", "/api/v1/namespaces/shop/pods", `{"metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"node-1","volumes":[{"name":"s","secret":{"secretName":"tls"}}],"containers":[{"name":"a","image":"a"}]}}`, 403},
		{"a mirror pod", "POST", "/api/v1/namespaces/shop/pods", `{"metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"node-1","containers":[{"name":"a","image":"a"}]}}`, 201},
		{"another's lease", "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", `{"metadata":{"name":"node-2"},"spec":{}}`, 403},
		{"its lease", "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", `{"metadata":{"name":"node-1"},"spec":{}}`, 201},
		{"a token bound to nothing", "POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", `{"spec":{}}`, 403},
		{"a token of another node's pod", "POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", `{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"theirs"}}}`, 403},
		{"a token of its pod", "POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", `{"spec":{"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"mine"}}}`, 201},
	} {
		got := c.call(kubelet, story.method, story.path, story.body)
		require.Equal(t, story.code, got.code, "%s: %s", story.what, got.text("message"))
	}
}
