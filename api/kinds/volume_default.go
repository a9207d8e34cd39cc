package kinds

import (
	corev1 "k8s.io/api/core/v1"
)

// defaultVolume makes a volume without a source an emptyDir, and gives files
// their modes.
func defaultVolume(v *corev1.Volume) {
	src := &v.VolumeSource
	if *src == (corev1.VolumeSource{}) {
		src.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if src.HostPath != nil {
		setDefaultPtr(&src.HostPath.Type, corev1.HostPathUnset)
	}
	if src.Secret != nil {
		setDefaultPtr(&src.Secret.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	}
	if src.ConfigMap != nil {
		setDefaultPtr(&src.ConfigMap.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	}
	if src.DownwardAPI != nil {
		setDefaultPtr(&src.DownwardAPI.DefaultMode, corev1.DownwardAPIVolumeSourceDefaultMode)
		defaultDownwardFiles(src.DownwardAPI.Items)
	}
	if src.Projected != nil {
		setDefaultPtr(&src.Projected.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		for _, p := range src.Projected.Sources {
			defaultProjection(p)
		}
	}
	if src.Ephemeral != nil && src.Ephemeral.VolumeClaimTemplate != nil {
		defaultClaimSpec(&src.Ephemeral.VolumeClaimTemplate.Spec)
	}
	if src.Image != nil {
		setDefault(&src.Image.PullPolicy, pullPolicy(src.Image.Reference))
	}
}

func defaultProjection(p corev1.VolumeProjection) {
	if p.ServiceAccountToken != nil {
		const hour = 3600
		setDefaultPtr(&p.ServiceAccountToken.ExpirationSeconds, hour)
	}
	if p.DownwardAPI != nil {
		defaultDownwardFiles(p.DownwardAPI.Items)
	}
}

func defaultDownwardFiles(files []corev1.DownwardAPIVolumeFile) {
	for i := range files {
		defaultFieldRef(files[i].FieldRef)
	}
}
