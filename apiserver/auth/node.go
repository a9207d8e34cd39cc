package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Node authorizes kubelets: each may touch its own node, the pods bound to it
// and what these pods refer to, so that one captured node does not give away the
// secrets of all (https://kubernetes.io/docs/reference/access-authn-authz/node/).
//
// It denies nothing; what it does not allow a kubelet, RBAC may.
type Node struct {
	Objects apiserver.Objects
}

// nodeName returns the node whose kubelet the user is.
func nodeName(user *apiserver.User) (string, bool) {
	if user == nil || !inGroup(user, GroupNodes) {
		return "", false
	}
	name, ok := strings.CutPrefix(user.Name, nodeUserPrefix)
	return name, ok && name != ""
}

// nodeRules hold for every kubelet alike. What depends on which node asks is
// in [Node.Authorize].
var nodeRules = []rbacv1.PolicyRule{
	allow("get list watch", "", "services"),
	allow("get", "", "endpoints"),
	writeEvents(),
	allow("create", "", "nodes"),
	allow("create", "", "pods"), // NodeRestriction allows mirror pods of the node only
	allow("create", "authentication.k8s.io", "tokenreviews"),
	allow("create", "authorization.k8s.io", "subjectaccessreviews", "localsubjectaccessreviews"),
	allow("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
	allow("get list watch", "storage.k8s.io", "csidrivers"),
	allow("get list watch", "certificates.k8s.io", "clustertrustbundles"),
	allow("create", "certificates.k8s.io", "podcertificaterequests"), // NodeRestriction looks at whose pod's
	allow("create", "resource.k8s.io", "resourceslices"),
	allow("get list watch", "node.k8s.io", "runtimeclasses"),
}

// Authorize implements apiserver.Authorizer.
func (n Node) Authorize(ctx context.Context, a *apiserver.Attributes) (apiserver.Decision, string, error) {
	node, ok := nodeName(a.User)
	if !ok || a.Resource.Resource == "" {
		return apiserver.NoOpinion, "", nil
	}
	if slices.ContainsFunc(nodeRules, func(rule rbacv1.PolicyRule) bool { return ruleAllows(&rule, a) }) {
		return apiserver.Allow, "rule for all nodes", nil
	}
	yes, err := n.owns(ctx, node, a)
	if err != nil || !yes {
		return apiserver.NoOpinion, fmt.Sprintf("no relationship found between node %q and this object", node), err
	}
	return apiserver.Allow, "object of node " + node, nil
}

// owns reports whether the request is about something of the node.
func (n Node) owns(ctx context.Context, node string, a *apiserver.Attributes) (bool, error) {
	name := requestedName(a)
	read := isOneOf(a.Verb, "get list watch")
	write := isOneOf(a.Verb, "update patch")
	resource := a.Resource.GroupResource().String()
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	switch resource {
	case "nodes":
		return name == node && (read || write || a.Verb == "delete"), nil
	case "nodes/status":
		return name == node && write, nil
	case "leases.coordination.k8s.io":
		mine := name == node || a.Verb == "create" // NodeRestriction checks the new one's name
		return a.Namespace == corev1.NamespaceNodeLease && mine && isOneOf(a.Verb, "get create update patch delete"), nil
	case "csinodes.storage.k8s.io":
		return (name == node || a.Verb == "create") && isOneOf(a.Verb, "get create update patch delete"), nil
	case "pods":
		if isOneOf(a.Verb, "list watch") && selects(a.FieldSelector, "spec.nodeName") == node {
			return true, nil
		}
		return n.runs(ctx, node, a.Namespace, name, read || a.Verb == "delete")
	case "pods/status":
		return n.runs(ctx, node, a.Namespace, name, write)
	case "pods/eviction":
		return n.runs(ctx, node, a.Namespace, name, a.Verb == "create")
	case "serviceaccounts/token":
		return n.needs(ctx, node, a.Namespace, name, a.Verb == "create", serviceAccountsOf)
	case "serviceaccounts":
		return n.needs(ctx, node, a.Namespace, name, a.Verb == "get", serviceAccountsOf)
	case "secrets":
		return n.needs(ctx, node, a.Namespace, name, read, secretsOf)
	case "configmaps":
		return n.needs(ctx, node, a.Namespace, name, read, configMapsOf)
	case "persistentvolumeclaims":
		return n.needs(ctx, node, a.Namespace, name, a.Verb == "get", claimsOf)
	case "persistentvolumeclaims/status":
		return n.needs(ctx, node, a.Namespace, name, write, claimsOf)
	case "resourceclaims.resource.k8s.io":
		return n.needs(ctx, node, a.Namespace, name, a.Verb == "get", resourceClaimsOf)
	case "resourceslices.resource.k8s.io":
		return isOneOf(a.Verb, "list watch deletecollection") && selects(a.FieldSelector, "spec.nodeName") == node, nil
	case "podcertificaterequests.certificates.k8s.io":
		if isOneOf(a.Verb, "list watch") {
			return selects(a.FieldSelector, "spec.nodeName") == node, nil
		}
		return ofNode(ctx, n.Objects, a.Namespace, name, a.Verb == "get", node,
			func(r *certificatesv1.PodCertificateRequest) string { return string(r.Spec.NodeName) })
	case "volumeattachments.storage.k8s.io":
		return ofNode(ctx, n.Objects, "", name, a.Verb == "get", node,
			func(v *storagev1.VolumeAttachment) string { return v.Spec.NodeName })
	case "persistentvolumes":
		return n.needsVolume(ctx, node, name, a.Verb == "get")
	}
	return false, nil
}

// runs reports whether a pod is bound to the node.
func (n Node) runs(ctx context.Context, node, namespace, name string, verb bool) (bool, error) {
	return ofNode(ctx, n.Objects, namespace, name, verb, node, func(pod *corev1.Pod) string { return pod.Spec.NodeName })
}

// ofNode reports whether an object names the node as its own.
func ofNode[T api.Object](ctx context.Context, objects apiserver.Objects, namespace, name string, verb bool, node string, nodeOf func(T) string) (bool, error) {
	if !verb || name == "" {
		return false, nil
	}
	obj, err := typed.Get[T](ctx, objects, namespace, name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && nodeOf(obj) == node, err
}

// needs reports whether a pod bound to the node refers to an object of its
// namespace. It looks at the pods themselves, as a graph kept beside them could
// be wrong.
func (n Node) needs(ctx context.Context, node, namespace, name string, verb bool, refs func(*corev1.Pod) []string) (bool, error) {
	if !verb || name == "" || namespace == "" {
		return false, nil
	}
	pods, err := typed.List[*corev1.Pod](ctx, n.Objects, namespace)
	return slices.ContainsFunc(pods, func(pod *corev1.Pod) bool {
		return pod.Spec.NodeName == node && slices.Contains(refs(pod), name)
	}), err
}

// needsVolume reports whether a pod bound to the node claims the volume.
func (n Node) needsVolume(ctx context.Context, node, name string, verb bool) (bool, error) {
	if !verb || name == "" {
		return false, nil
	}
	volume, err := typed.Get[*corev1.PersistentVolume](ctx, n.Objects, "", name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil || volume.Spec.ClaimRef == nil {
		return false, err
	}
	return n.needs(ctx, node, volume.Spec.ClaimRef.Namespace, volume.Spec.ClaimRef.Name, true, claimsOf)
}

// requestedName is the one object a request is about: by its path, or by a
// field selector, as kubelets watch single secrets.
func requestedName(a *apiserver.Attributes) string {
	if a.Name == "" && isOneOf(a.Verb, "list watch") {
		return selects(a.FieldSelector, "metadata.name")
	}
	return a.Name
}

// selects returns the value that a field selector demands of a field, or "".
func selects(selector, field string) string {
	parsed, err := fields.ParseSelector(selector)
	if err != nil {
		return ""
	}
	value, _ := parsed.RequiresExactMatch(field)
	return value
}

func isOneOf(word, words string) bool { return slices.Contains(strings.Fields(words), word) }
