package admission

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

const (
	defaultServiceAccount = "default"
	tokenVolumePrefix     = "kube-api-access-"
	tokenMountPath        = "/var/run/secrets/kubernetes.io/serviceaccount"
	// tokenSeconds is an hour and a little, by which Kubernetes tells tokens
	// that nobody asked for from those that somebody did.
	tokenSeconds    = 60*60 + 7
	rootCAConfigMap = "kube-root-ca.crt"
)

// ServiceAccount gives each pod an account, and mounts a token of it with the
// cluster's CA into its containers: what a client in a pod looks for
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
type ServiceAccount struct {
	Objects apiserver.Objects
}

// Mutate implements apiserver.Hook.
func (s ServiceAccount) Mutate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create) || isMirror(pod) {
		return nil
	}
	if pod.Spec.ServiceAccountName == "" {
		pod.Spec.ServiceAccountName = defaultServiceAccount
	}
	pod.Spec.DeprecatedServiceAccount = pod.Spec.ServiceAccountName
	account, err := s.account(ctx, a, pod)
	if err != nil {
		return err
	}
	if wantsToken(account, pod) {
		mountToken(pod)
	}
	if len(pod.Spec.ImagePullSecrets) == 0 {
		pod.Spec.ImagePullSecrets = slices.Clone(account.ImagePullSecrets)
	}
	return nil
}

// Validate implements apiserver.Hook: another hook may have changed the account.
func (s ServiceAccount) Validate(ctx context.Context, a *apiserver.Admission) error {
	pod, ok := a.Object.(*corev1.Pod)
	if !ok || !on(a, apiserver.Create) {
		return nil
	}
	if isMirror(pod) {
		return checkMirror(a, pod)
	}
	_, err := s.account(ctx, a, pod)
	return err
}

func (s ServiceAccount) account(ctx context.Context, a *apiserver.Admission, pod *corev1.Pod) (*corev1.ServiceAccount, error) {
	account, err := typed.Get[*corev1.ServiceAccount](ctx, s.Objects, a.Namespace, pod.Spec.ServiceAccountName)
	if apierrors.IsNotFound(err) { // clients know it in the singular here
		err = apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccount"}, pod.Spec.ServiceAccountName)
	}
	if err != nil {
		return nil, apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			fmt.Errorf("error looking up service account %s/%s: %w", a.Namespace, pod.Spec.ServiceAccountName, err))
	}
	return account, nil
}

func isMirror(pod *corev1.Pod) bool {
	_, ok := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return ok
}

// checkMirror keeps accounts and secrets out of pods that a kubelet shows: it
// runs them without asking.
func checkMirror(a *apiserver.Admission, pod *corev1.Pod) error {
	if pod.Spec.ServiceAccountName != "" {
		return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
			fmt.Errorf("a mirror pod may not reference service accounts"))
	}
	for _, v := range pod.Spec.Volumes {
		if v.Secret != nil {
			return apierrors.NewForbidden(a.Resource.GroupResource(), a.Name,
				fmt.Errorf("a mirror pod may not reference secrets"))
		}
	}
	return nil
}

// wantsToken: the pod's word counts before the account's; without either it is yes.
func wantsToken(account *corev1.ServiceAccount, pod *corev1.Pod) bool {
	if pod.Spec.AutomountServiceAccountToken != nil {
		return *pod.Spec.AutomountServiceAccountToken
	}
	return account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken
}

// mountToken adds the volume to the pod, and a mount to each container that has
// nothing at that path.
func mountToken(pod *corev1.Pod) {
	name := ""
	for _, v := range pod.Spec.Volumes {
		if len(v.Name) > len(tokenVolumePrefix) && v.Name[:len(tokenVolumePrefix)] == tokenVolumePrefix {
			name = v.Name // a copy of a pod that had been through here
		}
	}
	fresh := name == ""
	if fresh {
		name = tokenVolumePrefix + rand.String(5)
	}
	used := false
	mount := func(c *corev1.Container) {
		for _, m := range c.VolumeMounts {
			if m.MountPath == tokenMountPath {
				return
			}
		}
		used = true
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, ReadOnly: true, MountPath: tokenMountPath})
	}
	for i := range pod.Spec.InitContainers {
		mount(&pod.Spec.InitContainers[i])
	}
	for i := range pod.Spec.Containers {
		mount(&pod.Spec.Containers[i])
	}
	if used && fresh {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: tokenVolume()})
	}
}

// tokenVolume is a token that the kubelet keeps fresh, the CA to know the
// server by, and the pod's namespace.
func tokenVolume() corev1.VolumeSource {
	mode, seconds := corev1.ProjectedVolumeSourceDefaultMode, int64(tokenSeconds)
	return corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		DefaultMode: &mode,
		Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: &seconds}},
			{ConfigMap: &corev1.ConfigMapProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: rootCAConfigMap},
				Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
			}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{
				Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"},
			}}}},
		},
	}}
}
