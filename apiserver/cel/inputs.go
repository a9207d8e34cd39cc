package cel

import (
	"fmt"

	"github.com/google/cel-go/common/types/ref"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver"
)

// Inputs are the values of the names. Nil means null.
type Inputs struct {
	Object, OldObject map[string]any
	Request           map[string]any
	Namespace         map[string]any
	Params            map[string]any
	// Authorizer and RequestResource are made by [Authorizers]; nil where
	// expressions do not know them.
	Authorizer, RequestResource ref.Val
}

// names returns the values by name. A nil map is null, not an empty one.
func (in Inputs) names() map[string]any {
	names := map[string]any{
		"object": orNull(in.Object), "oldObject": orNull(in.OldObject), "request": orNull(in.Request),
		"namespaceObject": orNull(in.Namespace), "params": orNull(in.Params),
	}
	if in.Authorizer != nil {
		names["authorizer"], names["authorizer.requestResource"] = in.Authorizer, in.RequestResource
	}
	return names
}

func orNull(fields map[string]any) any {
	if fields == nil {
		return nil
	}
	return fields
}

// Plain returns an object as JSON has it, with its kind, or nil for nil. It does
// not change obj, and nobody may change what it returns.
func Plain(obj runtime.Object, kind schema.GroupVersionKind) (map[string]any, error) {
	if obj == nil {
		return nil, nil
	}
	if custom, ok := obj.(*unstructured.Unstructured); ok {
		return custom.Object, nil
	}
	plain, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("view %s as JSON: %w", kind.Kind, err)
	}
	plain["apiVersion"], plain["kind"] = kind.GroupVersion().String(), kind.Kind
	return plain, nil
}

// Request describes an admission. The resource and kind are those that a rule
// has matched, which can be in another version than the request's own.
func Request(a *apiserver.Admission, resource schema.GroupVersionResource, kind schema.GroupVersionKind) map[string]any {
	request := map[string]any{
		"kind":        kindFields(kind),
		"resource":    resourceFields(resource),
		"requestKind": kindFields(a.Kind), "requestResource": resourceFields(a.Resource.GroupVersionResource()),
		"name": a.Name, "operation": string(a.Operation), "userInfo": userFields(a.User), "dryRun": a.DryRun,
	}
	if a.Namespace != "" {
		request["namespace"] = a.Namespace
	}
	if a.Subresource != "" {
		request["subResource"], request["requestSubResource"] = a.Subresource, a.Subresource
	}
	if a.Options != nil && a.Operation != apiserver.Connect {
		if options, err := Plain(a.Options, OptionsKind(a.Options)); err == nil {
			request["options"] = options
		}
	}
	return request
}

// OptionsKind returns the kind of a request's options.
func OptionsKind(options runtime.Object) schema.GroupVersionKind {
	names := metav1.SchemeGroupVersion
	names.Group = "meta.k8s.io"
	switch options.(type) {
	case *metav1.CreateOptions:
		return names.WithKind("CreateOptions")
	case *metav1.UpdateOptions:
		return names.WithKind("UpdateOptions")
	case *metav1.DeleteOptions:
		return names.WithKind("DeleteOptions")
	default:
		return options.GetObjectKind().GroupVersionKind()
	}
}

func kindFields(kind schema.GroupVersionKind) map[string]any {
	return map[string]any{"group": kind.Group, "version": kind.Version, "kind": kind.Kind}
}

func resourceFields(r schema.GroupVersionResource) map[string]any {
	return map[string]any{"group": r.Group, "version": r.Version, "resource": r.Resource}
}

func userFields(user *apiserver.User) map[string]any {
	if user == nil {
		return map[string]any{}
	}
	fields := map[string]any{"username": user.Name}
	if user.UID != "" {
		fields["uid"] = user.UID
	}
	if len(user.Groups) > 0 {
		fields["groups"] = user.Groups
	}
	if len(user.Extra) > 0 {
		fields["extra"] = user.Extra
	}
	return fields
}

// Namespace returns the part of a namespace that expressions can see, or nil for
// nil.
func Namespace(namespace *corev1.Namespace) (map[string]any, error) {
	if namespace == nil {
		return nil, nil
	}
	shown := &corev1.Namespace{Spec: namespace.Spec, Status: namespace.Status, ObjectMeta: namespace.ObjectMeta}
	shown.ManagedFields, shown.OwnerReferences = nil, nil
	return Plain(shown, corev1.SchemeGroupVersion.WithKind("Namespace"))
}
