package kinds

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A volumeSet is the volumes of a pod by their names, for its containers to
// refer to.
type volumeSet map[string]corev1.VolumeSource

func (s volumeSet) has(name string) bool { _, ok := s[name]; return ok }

func checkVolumes(j *judge, volumes []corev1.Volume, path *field.Path) volumeSet {
	set := volumeSet{}
	for i := range volumes {
		v, path := &volumes[i], path.Index(i)
		if j.filled(path.Child("name"), v.Name) {
			j.label(path.Child("name"), v.Name)
		}
		if set.has(v.Name) {
			j.duplicate(path.Child("name"), v.Name)
		}
		checkVolumeSource(j, v.VolumeSource, path)
		set[v.Name] = v.VolumeSource
	}
	return set
}

// checkVolumeSource sees that there is exactly one source, and judges it.
func checkVolumeSource(j *judge, src corev1.VolumeSource, at *field.Path) {
	given := 0
	one := func(name string, check func(*field.Path)) {
		if given++; given > 1 {
			j.forbidden(at.Child(name), "may not specify more than 1 volume type")
			return
		}
		check(at.Child(name))
	}
	if src.EmptyDir != nil {
		one("emptyDir", func(p *field.Path) { checkEmptyDir(j, src.EmptyDir, p) })
	}
	if src.HostPath != nil {
		one("hostPath", func(p *field.Path) { checkHostPath(j, src.HostPath, p) })
	}
	if src.Secret != nil {
		one("secret", func(p *field.Path) {
			j.filled(p.Child("secretName"), src.Secret.SecretName)
			checkFiles(j, src.Secret.DefaultMode, src.Secret.Items, p)
		})
	}
	if src.ConfigMap != nil {
		one("configMap", func(p *field.Path) {
			j.filled(p.Child("name"), src.ConfigMap.Name)
			checkFiles(j, src.ConfigMap.DefaultMode, src.ConfigMap.Items, p)
		})
	}
	if src.DownwardAPI != nil {
		one("downwardAPI", func(p *field.Path) {
			checkMode(j, src.DownwardAPI.DefaultMode, p.Child("defaultMode"))
			for i := range src.DownwardAPI.Items {
				checkDownwardFile(j, &src.DownwardAPI.Items[i], p)
			}
		})
	}
	if src.Projected != nil {
		one("projected", func(p *field.Path) { checkProjected(j, src.Projected, p) })
	}
	if src.PersistentVolumeClaim != nil {
		one("persistentVolumeClaim", func(p *field.Path) {
			j.filled(p.Child("claimName"), src.PersistentVolumeClaim.ClaimName)
		})
	}
	if src.NFS != nil {
		one("nfs", func(p *field.Path) { checkNFS(j, src.NFS, p) })
	}
	if src.CSI != nil {
		one("csi", func(p *field.Path) { checkDriverName(j, src.CSI.Driver, p.Child("driver")) })
	}
	if src.Ephemeral != nil {
		one("ephemeral", func(p *field.Path) { checkEphemeral(j, src.Ephemeral, p.Child("volumeClaimTemplate")) })
	}
	if src.Image != nil {
		one("image", func(p *field.Path) {
			j.filled(p.Child("reference"), src.Image.Reference)
			oneOf(j, p.Child("pullPolicy"), src.Image.PullPolicy, corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
		})
	}

	known := corev1.VolumeSource{
		EmptyDir: src.EmptyDir, HostPath: src.HostPath, Secret: src.Secret, ConfigMap: src.ConfigMap,
		DownwardAPI: src.DownwardAPI, Projected: src.Projected, PersistentVolumeClaim: src.PersistentVolumeClaim,
		NFS: src.NFS, CSI: src.CSI, Ephemeral: src.Ephemeral, Image: src.Image,
	}
	switch {
	case src != known:
		j.forbidden(at, "the volume type is not supported by this server")
	case given == 0:
		j.required(at, "must specify a volume type")
	}
}

func checkEmptyDir(j *judge, dir *corev1.EmptyDirVolumeSource, path *field.Path) {
	if dir.SizeLimit != nil && dir.SizeLimit.Sign() < 0 {
		j.forbidden(path.Child("sizeLimit"), "SizeLimit field must be a valid resource quantity")
	}
}

func checkHostPath(j *judge, src *corev1.HostPathVolumeSource, path *field.Path) {
	if !j.filled(path.Child("path"), src.Path) {
		return
	}
	checkNoBacksteps(j, src.Path, path.Child("path"))
	if src.Type != nil {
		supported(j, path.Child("type"), *src.Type, corev1.HostPathUnset, corev1.HostPathDirectoryOrCreate,
			corev1.HostPathDirectory, corev1.HostPathFileOrCreate, corev1.HostPathFile,
			corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev)
	}
}

func checkNFS(j *judge, src *corev1.NFSVolumeSource, at *field.Path) {
	j.filled(at.Child("server"), src.Server)
	j.filled(at.Child("path"), src.Path)
	if !path.IsAbs(src.Path) {
		j.invalid(at.Child("path"), src.Path, "must be an absolute path")
	}
}

func checkDriverName(j *judge, driver string, path *field.Path) {
	if !j.filled(path, driver) {
		return
	}
	if len(driver) > 63 {
		j.tooLong(path, 63)
	}
	j.subdomain(path, strings.ToLower(driver))
}

func checkEphemeral(j *judge, src *corev1.EphemeralVolumeSource, path *field.Path) {
	template := src.VolumeClaimTemplate
	if template == nil {
		j.required(path, "")
		return
	}
	j.add(apivalidation.ValidateAnnotations(template.Annotations, path.Child("metadata", "annotations")))
	j.add(metavalidation.ValidateLabels(template.Labels, path.Child("metadata", "labels")))
	checkClaimSpec(j, &template.Spec, path.Child("spec"))
}

// checkFiles judges the files that the keys of a ConfigMap or Secret become.
func checkFiles(j *judge, mode *int32, items []corev1.KeyToPath, path *field.Path) {
	checkMode(j, mode, path.Child("defaultMode"))
	for i, item := range items {
		path := path.Child("items").Index(i)
		j.filled(path.Child("key"), item.Key)
		if j.filled(path.Child("path"), item.Path) {
			checkFilePath(j, item.Path, path.Child("path"))
		}
		checkMode(j, item.Mode, path.Child("mode"))
	}
}

func checkMode(j *judge, mode *int32, path *field.Path) {
	if mode != nil && (*mode < 0 || *mode > 0o777) {
		j.invalid(path, *mode, "must be a number between 0 and 0777 (octal), both inclusive")
	}
}

// checkFilePath judges the path of a file in a volume that the kubelet writes. It
// keeps names that start with two dots for itself.
func checkFilePath(j *judge, p string, path *field.Path) {
	checkLocalPath(j, p, path)
	if strings.HasPrefix(p, "..") && p != ".." && !strings.HasPrefix(p, "../") {
		j.invalid(path, p, "must not start with '..'")
	}
}

func checkDownwardFile(j *judge, file *corev1.DownwardAPIVolumeFile, path *field.Path) {
	if j.filled(path.Child("path"), file.Path) {
		checkFilePath(j, file.Path, path.Child("path"))
	}
	switch {
	case file.FieldRef != nil && file.ResourceFieldRef != nil:
		j.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
	case file.FieldRef != nil:
		checkFieldRef(j, file.FieldRef, volumeFields(), path.Child("fieldRef"))
	case file.ResourceFieldRef != nil:
		path := path.Child("resourceFieldRef")
		if j.filled(path.Child("containerName"), file.ResourceFieldRef.ContainerName) {
			checkResourceRef(j, file.ResourceFieldRef, path)
		}
	default:
		j.required(path, "one of fieldRef and resourceFieldRef is required")
	}
	checkMode(j, file.Mode, path.Child("mode"))
}

// checkProjected judges a volume with files from several sources, which must not
// want the same path.
func checkProjected(j *judge, src *corev1.ProjectedVolumeSource, path *field.Path) {
	checkMode(j, src.DefaultMode, path.Child("defaultMode"))
	files := map[string]bool{}
	file := func(p, of string) {
		if p != "" && files[p] {
			j.invalid(path, of, "conflicting duplicate paths")
		}
		files[p] = true
	}
	for i, source := range src.Sources {
		at, given := path.Child("sources").Index(i), 0
		one := func(name string) *field.Path {
			if given++; given > 1 {
				j.forbidden(at.Child(name), "may not specify more than 1 volume type")
			}
			return at.Child(name)
		}
		if s := source.Secret; s != nil {
			p := one("secret")
			j.filled(p.Child("name"), s.Name)
			checkFiles(j, nil, s.Items, p)
			for _, item := range s.Items {
				file(item.Path, s.Name)
			}
		}
		if s := source.ConfigMap; s != nil {
			p := one("configMap")
			j.filled(p.Child("name"), s.Name)
			checkFiles(j, nil, s.Items, p)
			for _, item := range s.Items {
				file(item.Path, s.Name)
			}
		}
		if s := source.DownwardAPI; s != nil {
			p := one("downwardAPI")
			for k := range s.Items {
				checkDownwardFile(j, &s.Items[k], p)
				file(s.Items[k].Path, s.Items[k].Path)
			}
		}
		if s := source.ServiceAccountToken; s != nil {
			checkTokenProjection(j, s, one("serviceAccountToken"))
			file(s.Path, s.Path)
		}
		j.unsupported(at.Child("clusterTrustBundle"), source.ClusterTrustBundle != nil)
		j.unsupported(at.Child("podCertificate"), source.PodCertificate != nil)
		if given == 0 && source.ClusterTrustBundle == nil && source.PodCertificate == nil {
			j.required(at, "must specify a volume type")
		}
	}
}

func checkTokenProjection(j *judge, t *corev1.ServiceAccountTokenProjection, path *field.Path) {
	switch seconds := t.ExpirationSeconds; {
	case seconds == nil:
		j.required(path.Child("expirationSeconds"), "")
	case *seconds < 600:
		j.invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration less than 10 minutes")
	case *seconds > 1<<32:
		j.invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration larger than 2^32 seconds")
	}
	if j.filled(path.Child("path"), t.Path) {
		checkFilePath(j, t.Path, path.Child("path"))
	}
}
