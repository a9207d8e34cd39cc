package controller_test

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A controller of one's own: it sees to it that every ConfigMap has a greeting.
func ExampleWatch() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := apiserver.New(apiserver.Config{
		Storage:        apiserver.NewStorage(memstore.New(), kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{trusting{}}, Authorizer: trusting{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := client.New(client.Config{BaseURL: "http://coracle", Transport: client.InMemory(server)})
	if err != nil {
		fmt.Println(err)
		return
	}
	informers := client.NewInformers(c)

	maps := client.For[*corev1.ConfigMap](c)
	ctl := controller.New("greeter", controller.ReconcilerFunc(
		func(ctx context.Context, key controller.Key) (controller.Result, error) {
			_, err := maps.Modify(ctx, key.Namespace, key.Name, func(m *corev1.ConfigMap) error {
				m.Data = map[string]string{"greeting": "ahoy"}
				return nil
			})
			return controller.Result{}, err
		}), controller.Options{})
	controller.Watch(ctl, client.Shared[*corev1.ConfigMap](informers), controller.Self)

	go server.Run(ctx)
	go informers.Run(ctx)
	go ctl.Run(ctx)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "crew"}}); err != nil {
		fmt.Println(err)
		return
	}
	changes, err := maps.Watch(ctx, "default", client.WatchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer changes.Close()
	for {
		event, err := changes.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		if greeting := event.Object.Data["greeting"]; greeting != "" {
			fmt.Println(event.Object.Name, greeting)
			return
		}
	}
	// Output: crew ahoy
}

// trusting knows everybody and lets them do everything.
type trusting struct{}

func (trusting) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "you"}, nil
}

func (trusting) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}
