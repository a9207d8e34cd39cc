package volume_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/volume"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

const selectedNode = "volume.kubernetes.io/selected-node"

type world struct {
	c       *client.Client
	dir     string
	claims  *client.Kind[*corev1.PersistentVolumeClaim]
	volumes *client.Kind[*corev1.PersistentVolume]
	pods    *client.Kind[*corev1.Pod]
}

func inBubble(t *testing.T, test func(t *testing.T, w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		(&apitest.Kubelet{Stop: 5 * time.Second}).Run(t, c)
		informers := client.NewInformers(c)
		ctls := []*controller.Controller{
			volume.NewBinder(c, informers, controller.Options{}),
			volume.NewProvisioner(c, informers, volume.ProvisionerConfig{Dir: dir}, controller.Options{}),
			volume.NewClaimProtection(c, informers, controller.Options{}),
			volume.NewVolumeProtection(c, informers, controller.Options{}),
		}
		apitest.Run(t, informers.Run)
		for _, ctl := range ctls {
			apitest.Run(t, ctl.Run)
		}
		test(t, &world{
			c, dir, client.For[*corev1.PersistentVolumeClaim](c), client.For[*corev1.PersistentVolume](c), client.For[*corev1.Pod](c),
		})
	})
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) class(t *testing.T, name, provisioner string, mode storagev1.VolumeBindingMode) {
	t.Helper()
	_, err := client.For[*storagev1.StorageClass](w.c).Create(t.Context(), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: provisioner, VolumeBindingMode: &mode,
	})
	require.NoError(t, err)
}

func (w *world) claim(t *testing.T, name, size, class string) {
	t.Helper()
	c := claim(name, size)
	c.UID, c.Spec.StorageClassName, c.Finalizers = "", &class, []string{"kubernetes.io/pvc-protection"}
	_, err := w.claims.Create(t.Context(), c)
	require.NoError(t, err)
	settle(time.Second)
}

func (w *world) disk(t *testing.T, v *corev1.PersistentVolume) {
	t.Helper()
	v.Finalizers = append(v.Finalizers, "kubernetes.io/pv-protection")
	_, err := w.volumes.Create(t.Context(), v)
	require.NoError(t, err)
	settle(time.Second)
}

// state is a claim's phase and volume.
func (w *world) state(t *testing.T, name string) (corev1.PersistentVolumeClaimPhase, string) {
	t.Helper()
	c, err := w.claims.Get(t.Context(), "default", name)
	require.NoError(t, err)
	return c.Status.Phase, c.Spec.VolumeName
}

func (w *world) requireClaim(t *testing.T, name string, phase corev1.PersistentVolumeClaimPhase, volume string) {
	t.Helper()
	p, v := w.state(t, name)
	require.Equal(t, []string{string(phase), volume}, []string{string(p), v}, "claim %s", name)
}

func (w *world) requireVolume(t *testing.T, name string, phase corev1.PersistentVolumePhase) {
	t.Helper()
	v, err := w.volumes.Get(t.Context(), "", name)
	require.NoError(t, err)
	require.Equal(t, phase, v.Status.Phase, "volume %s", name)
}

func (w *world) requireGone(t *testing.T, err error) {
	t.Helper()
	require.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestBinder_BoundKeptReleased(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.claim(t, "data", "5Gi", "slow")
		w.requireClaim(t, "data", corev1.ClaimPending, "")
		w.disk(t, disk("small", "1Gi"))
		w.requireVolume(t, "small", corev1.VolumeAvailable)
		w.disk(t, disk("large", "10Gi"))
		w.requireClaim(t, "data", corev1.ClaimBound, "large")
		w.requireVolume(t, "large", corev1.VolumeBound)
		got, err := w.claims.Get(t.Context(), "default", "data")
		require.NoError(t, err)
		require.Equal(t, "10Gi", got.Status.Capacity.Storage().String())

		t.Log("a volume that is in use does not go; nor does a claim whose pod runs")
		require.NoError(t, w.volumes.Delete(t.Context(), "", "large"))
		_, err = w.pods.Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "user"},
			Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "app", Image: "v1"}},
				Volumes: []corev1.Volume{{Name: "d", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
				}}},
			},
		})
		require.NoError(t, err)
		settle(time.Second)
		require.NoError(t, w.claims.Delete(t.Context(), "default", "data"))
		settle(time.Minute)
		w.requireClaim(t, "data", corev1.ClaimBound, "large")
		w.requireVolume(t, "large", corev1.VolumeBound)

		t.Log("until the pod is gone, then the claim, then the volume")
		require.NoError(t, w.pods.Delete(t.Context(), "default", "user"))
		settle(time.Second)
		w.requireClaim(t, "data", corev1.ClaimBound, "large")
		settle(10 * time.Second)
		_, err = w.claims.Get(t.Context(), "default", "data")
		w.requireGone(t, err)
		_, err = w.volumes.Get(t.Context(), "", "large")
		w.requireGone(t, err)
	})
}

func TestBinder_RetainedAndLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.disk(t, disk("x", "1Gi"))
		w.claim(t, "first", "1Gi", "slow")
		w.requireClaim(t, "first", corev1.ClaimBound, "x")
		require.NoError(t, w.claims.Delete(t.Context(), "default", "first"))
		settle(time.Second)
		w.requireVolume(t, "x", corev1.VolumeReleased)

		t.Log("what is retained serves nobody else until a person says so")
		w.claim(t, "second", "1Gi", "slow")
		w.requireClaim(t, "second", corev1.ClaimPending, "")
		_, err := w.volumes.Modify(t.Context(), "", "x", func(v *corev1.PersistentVolume) error { v.Spec.ClaimRef = nil; return nil })
		require.NoError(t, err)
		settle(time.Second)
		w.requireClaim(t, "second", corev1.ClaimBound, "x")

		t.Log("a volume that is taken away by force is lost")
		require.NoError(t, w.volumes.Delete(t.Context(), "", "x"))
		_, err = w.volumes.Modify(t.Context(), "", "x", func(v *corev1.PersistentVolume) error { v.Finalizers = nil; return nil })
		require.NoError(t, err)
		settle(time.Second)
		w.requireClaim(t, "second", corev1.ClaimLost, "x")
	})
}

func TestBinder_NamedAndReserved(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.disk(t, disk("mine", "1Gi", reserved("owner", "")))
		w.requireVolume(t, "mine", corev1.VolumeAvailable)
		w.claim(t, "other", "1Gi", "slow")
		w.requireClaim(t, "other", corev1.ClaimPending, "")
		w.claim(t, "owner", "1Gi", "slow")
		w.requireClaim(t, "owner", corev1.ClaimBound, "mine")

		named := claim("named", "1Gi", func(c *corev1.PersistentVolumeClaim) { c.UID, c.Spec.VolumeName = "", "later" })
		_, err := w.claims.Create(t.Context(), named)
		require.NoError(t, err)
		settle(time.Second)
		w.requireClaim(t, "named", corev1.ClaimPending, "later")
		require.NoError(t, w.claims.Delete(t.Context(), "default", "other"))
		settle(time.Second)
		w.disk(t, disk("later", "1Gi"))
		w.requireClaim(t, "named", corev1.ClaimBound, "later")
	})
}

func TestBinder_GivesEachClaimAVolumeOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const n = 20
		name := func(i int) string { return string(rune('a' + i)) }
		for i := range n {
			c := claim(name(i), "1Gi")
			c.UID = ""
			_, err := w.claims.Create(t.Context(), c)
			require.NoError(t, err)
			_, err = w.volumes.Create(t.Context(), disk("disk-"+name(i), "1Gi"))
			require.NoError(t, err)
		}
		settle(time.Minute)
		users := map[string]string{}
		for i := range n {
			phase, v := w.state(t, name(i))
			require.Equal(t, corev1.ClaimBound, phase)
			require.Empty(t, users[v], "volume %s is bound twice", v)
			users[v] = name(i)
		}
		list, err := w.volumes.List(t.Context(), "", client.ListOptions{})
		require.NoError(t, err)
		for _, v := range list.Items {
			require.Equal(t, users[v.Name], v.Spec.ClaimRef.Name)
			require.Equal(t, corev1.VolumeBound, v.Status.Phase)
		}
	})
}

func TestProvisioner_OnTheNodeOfTheFirstPod(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.claim(t, "data", "1Gi", "standard")
		w.requireClaim(t, "data", corev1.ClaimPending, "")
		w.class(t, "standard", volume.Local, storagev1.VolumeBindingWaitForFirstConsumer)
		settle(time.Minute)
		w.requireClaim(t, "data", corev1.ClaimPending, "")

		t.Log("a node that is gone is not waited for: another may be chosen")
		choose := func(node string) {
			_, err := w.claims.Modify(t.Context(), "default", "data", func(c *corev1.PersistentVolumeClaim) error {
				metav1.SetMetaDataAnnotation(&c.ObjectMeta, selectedNode, node)
				return nil
			})
			require.NoError(t, err)
			settle(time.Second)
		}
		choose("gone")
		got, err := w.claims.Get(t.Context(), "default", "data")
		require.NoError(t, err)
		require.NotContains(t, got.Annotations, selectedNode)

		choose(apitest.Node)
		phase, name := w.state(t, "data")
		require.Equal(t, corev1.ClaimBound, phase)
		v, err := w.volumes.Get(t.Context(), "", name)
		require.NoError(t, err)
		require.Equal(t, []string{apitest.Node}, v.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values)
		require.Equal(t, filepath.Join(w.dir, name), v.Spec.HostPath.Path)

		t.Log("deleting the claim deletes the volume and its data")
		require.NoError(t, os.MkdirAll(filepath.Join(w.dir, name, "data"), 0o700))
		require.NoError(t, w.claims.Delete(t.Context(), "default", "data"))
		settle(time.Second)
		_, err = w.volumes.Get(t.Context(), "", name)
		w.requireGone(t, err)
		require.NoDirExists(t, filepath.Join(w.dir, name))
	})
}

func TestProvisioner_KeepsToItsDirectory(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.class(t, "shared", volume.Shared, storagev1.VolumeBindingImmediate)
		w.claim(t, "data", "1Gi", "shared")
		phase, name := w.state(t, "data")
		require.Equal(t, corev1.ClaimBound, phase)
		v, err := w.volumes.Get(t.Context(), "", name)
		require.NoError(t, err)
		require.Nil(t, v.Spec.NodeAffinity)

		t.Log("a volume that only pretends to be one of its own is not removed")
		precious := filepath.Join(w.dir, "precious")
		require.NoError(t, os.Mkdir(precious, 0o700))
		forged := disk("forged", "1Gi", reserved("nobody", "no-such-claim"), func(v *corev1.PersistentVolume) {
			v.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": volume.Shared}
			v.Spec.PersistentVolumeReclaimPolicy, v.Spec.HostPath.Path = corev1.PersistentVolumeReclaimDelete, precious
		})
		w.disk(t, forged)
		settle(time.Minute)
		w.requireVolume(t, "forged", corev1.VolumeReleased)
		require.DirExists(t, precious)

		t.Log("nor is a claim with a selector given anything")
		c := claim("picky", "1Gi")
		class := "shared"
		c.UID, c.Spec.StorageClassName, c.Spec.Selector = "", &class, &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "x"}}
		_, err = w.claims.Create(t.Context(), c)
		require.NoError(t, err)
		settle(time.Minute)
		w.requireClaim(t, "picky", corev1.ClaimPending, "")
	})
}
