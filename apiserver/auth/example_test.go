package auth_test

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// Who may do what is decided by stored objects.
func Example() {
	objects := typedtest.New(
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "pod-reader"},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "readers"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "pod-reader"},
			Subjects:   []rbacv1.Subject{{Kind: "User", Name: "alice"}},
		},
	)
	authorizer := auth.Union{auth.Masters{}, auth.RBAC{Objects: objects}}
	for _, namespace := range []string{"shop", "bank"} {
		decision, reason, err := authorizer.Authorize(context.Background(), &apiserver.Attributes{
			User: &apiserver.User{Name: "alice"}, Verb: "get",
			Resource:  schema.GroupVersionResource{Version: "v1", Resource: "pods"},
			Namespace: namespace, Name: "web-0",
		})
		fmt.Println(namespace, decision == apiserver.Allow, reason, err)
	}
	// Output:
	// shop true RBAC: allowed by RoleBinding "readers/shop" of ClusterRole "pod-reader" to User "alice" <nil>
	// bank false  <nil>
}
