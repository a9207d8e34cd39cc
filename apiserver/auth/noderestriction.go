package auth

import (
	"context"
	"fmt"
	"maps"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
)

// restrictedPrefix starts the labels that are an administrator's word about a
// node, to keep pods away from nodes that cannot be trusted with them.
const restrictedPrefix = "node-restriction.kubernetes.io/"

// NodeRestriction is the admission hook beside [Node]: it looks into the objects
// that kubelets write, where an authorizer sees names only
// (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction).
func NodeRestriction() apiserver.Hook { return apiserver.ValidateFunc(restrictNode) }

func restrictNode(_ context.Context, a *apiserver.Admission) error {
	node, ok := nodeName(a.User)
	if !ok {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			fmt.Errorf("node %q "+format, append([]any{node}, args...)...))
	}
	switch obj := a.Object.(type) {
	case *corev1.Node:
		return checkOwnNode(a, obj, node, refuse)
	case *corev1.Pod:
		if a.Operation == apiserver.Create && a.Subresource == "" {
			return checkMirrorPod(obj, node, refuse)
		}
		if a.Subresource == "status" {
			old, _ := a.Old.(*corev1.Pod)
			if old == nil || old.Spec.NodeName != node {
				return refuse("can only update status for pods with spec.nodeName set to itself")
			}
			if !maps.Equal(old.Labels, obj.Labels) {
				return refuse("cannot update labels through pod status")
			}
		}
	case *coordinationv1.Lease:
		if obj.Namespace == corev1.NamespaceNodeLease && obj.Name != node {
			return refuse("can only access node lease with the same name as the requesting node")
		}
	}
	return nil
}

func checkOwnNode(a *apiserver.Admission, obj *corev1.Node, node string, refuse func(string, ...any) error) error {
	if obj.Name != node {
		return refuse("is not allowed to modify node %q", obj.Name)
	}
	old, _ := a.Old.(*corev1.Node)
	if old == nil {
		old = &corev1.Node{}
	} else if !equality.Semantic.DeepEqual(old.Spec.Taints, obj.Spec.Taints) {
		return refuse("is not allowed to modify taints")
	}
	for _, labels := range []map[string]string{obj.Labels, old.Labels} {
		for key := range labels {
			if strings.HasPrefix(key, restrictedPrefix) && old.Labels[key] != obj.Labels[key] {
				return refuse("is not allowed to modify labels: %s", key)
			}
		}
	}
	return nil
}

// checkMirrorPod allows a kubelet to show the pods it runs from files. They
// refer to nothing, or a kubelet could name a secret to get to read it.
func checkMirrorPod(pod *corev1.Pod, node string, refuse func(string, ...any) error) error {
	switch {
	case pod.Annotations[corev1.MirrorPodAnnotationKey] == "":
		return refuse("can only create mirror pods")
	case pod.Spec.NodeName != node:
		return refuse("can only create pods with spec.nodeName set to itself")
	case pod.Spec.ServiceAccountName != "":
		return refuse("can not create pods that reference a service account")
	case len(secretsOf(pod)) > 0:
		return refuse("can not create pods that reference secrets")
	case len(configMapsOf(pod)) > 0:
		return refuse("can not create pods that reference configmaps")
	case len(claimsOf(pod)) > 0:
		return refuse("can not create pods that reference persistentvolumeclaims")
	}
	return nil
}
