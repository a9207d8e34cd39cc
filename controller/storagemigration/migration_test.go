package storagemigration_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	migrationv1 "k8s.io/api/storagemigration/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/storagemigration"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestController patches each object of the kind, once, and says how it went.
func TestController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		patched := map[string]int{}
		count := func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					patched[strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/")]++
				}
				return next.RoundTrip(r)
			})
		}
		server := apitest.Start(t)
		c := server.Client(t)
		informers := client.NewInformers(server.Client(t, count))
		ctl := storagemigration.New(informers.Client(), informers, controller.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, ctl.Run)
		for i := range 3 {
			_, err := client.For[*corev1.Secret](c).Create(t.Context(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("s", i)}})
			require.NoError(t, err)
		}
		migrations := client.For[*migrationv1.StorageVersionMigration](c)
		migrate := func(resource string) *migrationv1.StorageVersionMigration {
			_, err := migrations.Create(t.Context(), &migrationv1.StorageVersionMigration{
				ObjectMeta: metav1.ObjectMeta{Name: resource},
				Spec:       migrationv1.StorageVersionMigrationSpec{Resource: metav1.GroupResource{Resource: resource}},
			})
			require.NoError(t, err)
			time.Sleep(2 * time.Minute)
			m, err := migrations.Get(t.Context(), "", resource)
			require.NoError(t, err)
			return m
		}
		done := migrate("secrets")
		require.True(t, apimeta.IsStatusConditionTrue(done.Status.Conditions, "Succeeded"), "%v", done.Status)
		require.NotEmpty(t, done.Status.ResourceVersion)
		require.Equal(t, map[string]int{"default/secrets/s0": 1, "default/secrets/s1": 1, "default/secrets/s2": 1}, patched)

		failed := migrate("nonsense")
		condition := apimeta.FindStatusCondition(failed.Status.Conditions, "Failed")
		require.NotNil(t, condition)
		require.Equal(t, "there is no resource nonsense", condition.Message)
	})
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(storagemigration.New(c, client.NewInformers(c), controller.Options{}).Name())
	// Output: storage-version-migrator-controller
}
