package auth

import corev1 "k8s.io/api/core/v1"

// The functions here return the names of what a pod refers to in its namespace:
// what its kubelet needs to run it.

func serviceAccountsOf(pod *corev1.Pod) []string { return []string{pod.Spec.ServiceAccountName} }

func claimsOf(pod *corev1.Pod) (names []string) {
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		}
		if v.Ephemeral != nil {
			names = append(names, pod.Name+"-"+v.Name)
		}
	}
	return names
}

// resourceClaimsOf returns the claims of devices, those made for the pod included.
func resourceClaimsOf(pod *corev1.Pod) (names []string) {
	for _, claim := range pod.Spec.ResourceClaims {
		if claim.ResourceClaimName != nil {
			names = append(names, *claim.ResourceClaimName)
		}
	}
	for _, claim := range pod.Status.ResourceClaimStatuses {
		if claim.ResourceClaimName != nil {
			names = append(names, *claim.ResourceClaimName)
		}
	}
	if made := pod.Status.ExtendedResourceClaimStatus; made != nil {
		names = append(names, made.ResourceClaimName)
	}
	return names
}

func secretsOf(pod *corev1.Pod) (names []string) {
	for _, s := range pod.Spec.ImagePullSecrets {
		names = append(names, s.Name)
	}
	for _, v := range pod.Spec.Volumes {
		names = append(names, secretsOfVolume(&v)...)
	}
	for _, env := range envOf(pod) {
		if env.secret != "" {
			names = append(names, env.secret)
		}
	}
	return names
}

func secretsOfVolume(v *corev1.Volume) (names []string) {
	if v.Secret != nil {
		names = append(names, v.Secret.SecretName)
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			if s.Secret != nil {
				names = append(names, s.Secret.Name)
			}
		}
	}
	if v.CSI != nil && v.CSI.NodePublishSecretRef != nil {
		names = append(names, v.CSI.NodePublishSecretRef.Name)
	}
	return names
}

func configMapsOf(pod *corev1.Pod) (names []string) {
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap != nil {
			names = append(names, v.ConfigMap.Name)
		}
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil {
				names = append(names, s.ConfigMap.Name)
			}
		}
	}
	for _, env := range envOf(pod) {
		if env.configMap != "" {
			names = append(names, env.configMap)
		}
	}
	return names
}

// envRef is where an environment variable comes from.
type envRef struct{ secret, configMap string }

func envOf(pod *corev1.Pod) (refs []envRef) {
	add := func(from []corev1.EnvFromSource, env []corev1.EnvVar) {
		for _, e := range from {
			if e.SecretRef != nil {
				refs = append(refs, envRef{secret: e.SecretRef.Name})
			}
			if e.ConfigMapRef != nil {
				refs = append(refs, envRef{configMap: e.ConfigMapRef.Name})
			}
		}
		for _, e := range env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				refs = append(refs, envRef{secret: e.ValueFrom.SecretKeyRef.Name})
			}
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				refs = append(refs, envRef{configMap: e.ValueFrom.ConfigMapKeyRef.Name})
			}
		}
	}
	for _, c := range pod.Spec.InitContainers {
		add(c.EnvFrom, c.Env)
	}
	for _, c := range pod.Spec.Containers {
		add(c.EnvFrom, c.Env)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		add(c.EnvFrom, c.Env)
	}
	return refs
}
