package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
)

// restrictedDomain has the labels that are an administrator's word about a
// node, to keep pods away from nodes that cannot be trusted with them.
const restrictedDomain = "node-restriction.kubernetes.io"

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
		return checkOwnPod(a, obj, node, refuse)
	case *corev1.PersistentVolumeClaim:
		if a.Subresource != "status" {
			return refuse("may only update PVC status")
		}
	case *coordinationv1.Lease:
		if obj.Namespace == corev1.NamespaceNodeLease && obj.Name != node {
			return refuse("can only access node lease with the same name as the requesting node")
		}
	case *storagev1.CSINode:
		if obj.Name != node {
			return refuse("can only access CSINode with the same name as the requesting node")
		}
	case *certificatesv1.PodCertificateRequest:
		if string(obj.Spec.NodeName) != node {
			return refuse("can only request certificates for pods that run on it, not on %q", obj.Spec.NodeName)
		}
	}
	return nil
}

func checkOwnPod(a *apiserver.Admission, obj *corev1.Pod, node string, refuse func(string, ...any) error) error {
	if a.Operation == apiserver.Create && a.Subresource == "" {
		return checkMirrorPod(obj, node, refuse)
	}
	if a.Subresource != "status" {
		return nil
	}
	old, _ := a.Old.(*corev1.Pod)
	switch {
	case old == nil || old.Spec.NodeName != node:
		return refuse("can only update pod status for pods with spec.nodeName set to itself")
	case !maps.Equal(old.Labels, obj.Labels):
		return refuse("cannot update labels through pod status")
	case !equality.Semantic.DeepEqual(old.Status.ResourceClaimStatuses, obj.Status.ResourceClaimStatuses):
		return refuse("cannot update resource claim statues")
	}
	return nil
}

func checkOwnNode(a *apiserver.Admission, obj *corev1.Node, node string, refuse func(string, ...any) error) error {
	if obj.Name != node {
		return refuse("is not allowed to modify node %q", obj.Name)
	}
	old, _ := a.Old.(*corev1.Node)
	if old == nil {
		if labels := forbiddenLabels(obj.Labels, nil); len(labels) > 0 {
			return refuse("is not allowed to set the following labels: %s", strings.Join(labels, ", "))
		}
		return nil
	}
	switch {
	case !equality.Semantic.DeepEqual(old.Spec.Taints, obj.Spec.Taints):
		return refuse("is not allowed to modify taints")
	case !equality.Semantic.DeepEqual(old.OwnerReferences, obj.OwnerReferences):
		return refuse("is not allowed to modify ownerReferences")
	}
	if labels := forbiddenLabels(obj.Labels, old.Labels); len(labels) > 0 {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			fmt.Errorf("is not allowed to modify labels: %s", strings.Join(labels, ", ")))
	}
	return nil
}

// forbiddenLabels returns those that differ and are not a kubelet's to say: an
// administrator's, and Kubernetes' own but for what a kubelet knows best.
func forbiddenLabels(labels, old map[string]string) []string {
	var forbidden []string
	for _, key := range slices.Sorted(maps.Keys(merge(labels, old))) {
		value, has := labels[key]
		was, had := old[key]
		if (has != had || value != was) && !kubeletsOwn(key) {
			forbidden = append(forbidden, key)
		}
	}
	return forbidden
}

func merge(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

func kubeletsOwn(key string) bool {
	prefix, _, found := strings.Cut(key, "/")
	within := func(domain string) bool { return prefix == domain || strings.HasSuffix(prefix, "."+domain) }
	switch {
	case !found:
		return true
	case within(restrictedDomain):
		return false
	case !within("kubernetes.io") && !within("k8s.io"), within("kubelet.kubernetes.io"), within("node.kubernetes.io"):
		return true
	}
	switch key {
	case corev1.LabelHostname, corev1.LabelArchStable, corev1.LabelOSStable, corev1.LabelTopologyZone, corev1.LabelTopologyRegion,
		corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion, corev1.LabelInstanceType,
		"beta.kubernetes.io/arch", "beta.kubernetes.io/os":
		return true
	}
	return false
}

// checkMirrorPod allows a kubelet to show the pods it runs from files. They
// refer to nothing, or a kubelet could name a secret to get to read it.
func checkMirrorPod(pod *corev1.Pod, node string, refuse func(string, ...any) error) error {
	switch {
	case pod.Annotations[corev1.MirrorPodAnnotationKey] == "":
		return refuse("can only create mirror pods")
	case !ownedByNode(pod, node):
		return refuse("can only create pods with an owner reference set to itself")
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

// ownedByNode: a pod that a kubelet shows belongs to its node, or nobody's.
func ownedByNode(pod *corev1.Pod, node string) bool {
	return !slices.ContainsFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool {
		return o.Kind != "Node" || o.APIVersion != "v1" || o.Name != node || o.BlockOwnerDeletion != nil && *o.BlockOwnerDeletion
	})
}
