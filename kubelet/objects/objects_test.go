package objects_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet/objects"
	"github.com/coracle-k8s/coracle/store/memstore"
)

type anybody struct{}

func (anybody) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "anybody"}, nil
}

func (anybody) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

// serve runs an API server in memory until stop is called.
func serve() (c *client.Client, stop func()) {
	store := memstore.New()
	server, err := apiserver.New(apiserver.Config{
		Storage:        apiserver.NewStorage(store, kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{anybody{}}, Authorizer: anybody{},
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Run(ctx)
	}()
	<-server.Ready()
	c, err = client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(server)})
	if err != nil {
		panic(err)
	}
	_, err = client.For[*corev1.Namespace](c).Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	if err != nil {
		panic(err)
	}
	return c, func() { cancel(); <-done; store.Close() }
}

func settings(value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "settings"}, Data: map[string]string{"color": value}}
}

func TestWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve()
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		watched := objects.New[*corev1.ConfigMap](ctx, c)
		defer watched.Wait()
		defer cancel()
		_, err := watched.Get(ctx, "shop", "settings")
		require.ErrorContains(t, err, "nobody holds it")

		changes := make(chan struct{}, 10)
		release := watched.Hold("shop", "settings", func() { changes <- struct{}{} })
		again := watched.Hold("shop", "settings", func() {})
		_, err = watched.Get(ctx, "shop", "settings")
		require.True(t, apierrors.IsNotFound(err), "got %v", err)

		_, err = client.For[*corev1.ConfigMap](c).Create(ctx, settings("blue"))
		require.NoError(t, err)
		<-changes
		got, err := watched.Get(ctx, "shop", "settings")
		require.NoError(t, err)
		require.Equal(t, "blue", got.Data["color"])

		release()
		release() // twice is once
		_, err = watched.Get(ctx, "shop", "settings")
		require.NoError(t, err, "somebody else still holds it")
		_, err = client.For[*corev1.ConfigMap](c).Update(ctx, settings("green"))
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.Empty(t, changes, "who released is not told any more")
		again()
		_, err = watched.Get(ctx, "shop", "settings")
		require.ErrorContains(t, err, "nobody holds it")
	})
}

func TestWatched_Get_gives_up_when_the_API_server_is_down(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) })
		c, err := client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(down)})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		watched := objects.New[*corev1.Secret](ctx, c)
		defer watched.Wait()
		defer cancel()
		defer watched.Hold("shop", "login", func() {})()
		_, err = watched.Get(ctx, "shop", "login")
		require.ErrorContains(t, err, "get secrets shop/login: the API server did not answer in time")
	})
}

func ExampleWatched() {
	c, stop := serve()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	watched := objects.New[*corev1.ConfigMap](ctx, c)
	defer watched.Wait()
	defer cancel()

	changed := make(chan struct{}, 1)
	release := watched.Hold("shop", "settings", func() { changed <- struct{}{} })
	defer release()
	if _, err := client.For[*corev1.ConfigMap](c).Create(ctx, settings("blue")); err != nil {
		fmt.Println(err)
	}
	<-changed
	got, err := watched.Get(ctx, "shop", "settings")
	fmt.Println(got.Data["color"], err)
	// Output: blue <nil>
}
