package serviceaccount_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/controller/serviceaccount"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func TestControllers_GiveNothingToANamespaceThatGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apitest.Start(t).Client(t)
		informers := client.NewInformers(c)
		account := serviceaccount.New(c, informers, controller.Options{})
		rootCA := serviceaccount.NewRootCA(c, informers, []byte("pem"), controller.Options{})
		apitest.Run(t, informers.Run)
		apitest.Run(t, account.Run)
		apitest.Run(t, rootCA.Run)

		// Without the namespace controller a deleted namespace stays for ever.
		namespaces, accounts := client.For[*corev1.Namespace](c), client.For[*corev1.ServiceAccount](c)
		_, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "going"}})
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = accounts.Get(t.Context(), "going", serviceaccount.Default)
		require.NoError(t, err)
		require.NoError(t, namespaces.Delete(t.Context(), "", "going"))
		require.NoError(t, accounts.Delete(t.Context(), "going", serviceaccount.Default))
		require.NoError(t, client.For[*corev1.ConfigMap](c).Delete(t.Context(), "going", serviceaccount.RootCA))
		time.Sleep(time.Minute)
		list, err := accounts.List(t.Context(), "going", client.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
		maps, err := client.For[*corev1.ConfigMap](c).List(t.Context(), "going", client.ListOptions{})
		require.NoError(t, err)
		require.Empty(t, maps.Items)
	})
}

func Example() {
	c, err := client.New(client.Config{BaseURL: "https://127.0.0.1:6443"})
	if err != nil {
		fmt.Println(err)
		return
	}
	informers := client.NewInformers(c)
	fmt.Println(serviceaccount.New(c, informers, controller.Options{}).Name())
	fmt.Println(serviceaccount.NewRootCA(c, informers, []byte("PEM"), controller.Options{}).Name())
	fmt.Println(serviceaccount.NewTokens(c, informers, []byte("PEM"), controller.Options{}).Name())
	// Output:
	// serviceaccount
	// root-ca-certificate-publisher
	// serviceaccount-token
}
