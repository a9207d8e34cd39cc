package manager_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller/manager"
	"github.com/coracle-k8s/coracle/controller/volume"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// start runs a server and all controllers.
func start(t *testing.T, opts manager.Options) *client.Client {
	c := apitest.Start(t).Client(t)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	apitest.Run(t, manager.New(c, opts).Run)
	return c
}

// settle lets everything happen that happens within d.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func create(t *testing.T, c *client.Client, name string) {
	t.Helper()
	_, err := client.For[*corev1.Namespace](c).Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	require.NoError(t, err)
}

func TestManager_FurnishesNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, manager.Options{RootCA: []byte("the certificates")})
		accounts, configMaps := client.For[*corev1.ServiceAccount](c), client.For[*corev1.ConfigMap](c)
		create(t, c, "shop")
		settle(time.Second)
		for _, ns := range []string{"default", "kube-system", "shop"} {
			_, err := accounts.Get(t.Context(), ns, "default")
			require.NoError(t, err)
			ca, err := configMaps.Get(t.Context(), ns, "kube-root-ca.crt")
			require.NoError(t, err)
			require.Equal(t, map[string]string{"ca.crt": "the certificates"}, ca.Data)
		}

		t.Log("what is deleted or changed is put right")
		require.NoError(t, accounts.Delete(t.Context(), "shop", "default"))
		require.NoError(t, configMaps.Delete(t.Context(), "default", "kube-root-ca.crt"))
		_, err := configMaps.Modify(t.Context(), "shop", "kube-root-ca.crt", func(cm *corev1.ConfigMap) error {
			cm.Data = map[string]string{"ca.crt": "forged", "more": "x"}
			return nil
		})
		require.NoError(t, err)
		settle(time.Second)
		_, err = accounts.Get(t.Context(), "shop", "default")
		require.NoError(t, err)
		_, err = configMaps.Get(t.Context(), "default", "kube-root-ca.crt")
		require.NoError(t, err)
		ca, err := configMaps.Get(t.Context(), "shop", "kube-root-ca.crt")
		require.NoError(t, err)
		require.Equal(t, map[string]string{"ca.crt": "the certificates"}, ca.Data)

		t.Log("and a namespace that is deleted goes away with it")
		require.NoError(t, client.For[*corev1.Namespace](c).Delete(t.Context(), "", "shop"))
		settle(5 * time.Second)
		_, err = client.For[*corev1.Namespace](c).Get(t.Context(), "", "shop")
		require.True(t, apierrors.IsNotFound(err), "%v", err)
	})
}

func TestManager_OnlyTheLeaderWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		managed := func(identity string) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			m := manager.New(c, manager.Options{Leader: &client.LeadOptions{
				Namespace: "kube-system", Name: "controller-manager", Identity: identity,
			}})
			go func() { done <- m.Run(ctx) }()
			return func() { cancel(); require.NoError(t, <-done) }
		}
		stopOne := managed("one")
		settle(time.Second)
		stopTwo := managed("two")
		settle(time.Minute)
		leader := func() string {
			lease, err := client.For[*coordinationv1.Lease](c).Get(t.Context(), "kube-system", "controller-manager")
			require.NoError(t, err)
			return *lease.Spec.HolderIdentity
		}
		require.Equal(t, "one", leader())
		stopOne()
		require.Empty(t, leader(), "given up in order")
		settle(5 * time.Second)
		require.Equal(t, "two", leader())
		stopTwo()
	})
}

func TestNew_KnowsItsControllers(t *testing.T) {
	c, err := client.New(client.Config{BaseURL: "http://nowhere"})
	require.NoError(t, err)
	m := manager.New(c, manager.Options{Without: []string{"garbage-collector"}})
	require.NotContains(t, m.Controllers(), "garbage-collector")
	require.NotContains(t, m.Controllers(), "root-ca-certificate-publisher", "there is nothing to publish")
	require.NotContains(t, m.Controllers(), "persistentvolume-provisioner", "there is nowhere to make volumes")
	m = manager.New(c, manager.Options{Volumes: &volume.ProvisionerConfig{Dir: "/volumes"}})
	require.Contains(t, m.Controllers(), "persistentvolume-provisioner")
	require.Panics(t, func() { manager.New(c, manager.Options{Without: []string{"no-such"}}) })
}

func ExampleManager() {
	c, err := client.New(client.Config{BaseURL: "http://coracle"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	m := manager.New(c, manager.Options{Without: []string{"garbage-collector"}})
	fmt.Println("namespace:", slices.Contains(m.Controllers(), "namespace"))
	fmt.Println("garbage-collector:", slices.Contains(m.Controllers(), "garbage-collector"))
	// m.Run(ctx) works until ctx ends.

	// Output:
	// namespace: true
	// garbage-collector: false
}
