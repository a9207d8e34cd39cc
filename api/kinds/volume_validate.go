package kinds

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
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

const (
	tooManyVolumes = "may not specify more than 1 volume type"
	noVolume       = "must specify a volume type"
)

// checkVolumeSource sees that there is exactly one source, and judges it.
func checkVolumeSource(j *judge, src corev1.VolumeSource, path *field.Path) {
	known := corev1.VolumeSource{
		EmptyDir: src.EmptyDir, HostPath: src.HostPath, Secret: src.Secret, ConfigMap: src.ConfigMap,
		DownwardAPI: src.DownwardAPI, Projected: src.Projected, PersistentVolumeClaim: src.PersistentVolumeClaim,
		NFS: src.NFS, CSI: src.CSI, Ephemeral: src.Ephemeral, Image: src.Image,
	}
	if src != known {
		j.forbidden(path, "the volume type is not supported by this server")
		return
	}
	j.exactlyOne(path, tooManyVolumes, noVolume,
		choice{"emptyDir", src.EmptyDir != nil, func(p *field.Path) { checkEmptyDir(j, src.EmptyDir, p) }},
		choice{"hostPath", src.HostPath != nil, func(p *field.Path) { checkHostPath(j, src.HostPath, p) }},
		choice{"secret", src.Secret != nil, func(p *field.Path) {
			j.filled(p.Child("secretName"), src.Secret.SecretName)
			checkFiles(j, src.Secret.DefaultMode, src.Secret.Items, p)
		}},
		choice{"nfs", src.NFS != nil, func(p *field.Path) { checkNFS(j, src.NFS, p) }},
		choice{"persistentVolumeClaim", src.PersistentVolumeClaim != nil, func(p *field.Path) {
			j.filled(p.Child("claimName"), src.PersistentVolumeClaim.ClaimName)
		}},
		choice{"downwardAPI", src.DownwardAPI != nil, func(p *field.Path) { checkDownward(j, src.DownwardAPI, p) }},
		choice{"configMap", src.ConfigMap != nil, func(p *field.Path) {
			j.filled(p.Child("name"), src.ConfigMap.Name)
			checkFiles(j, src.ConfigMap.DefaultMode, src.ConfigMap.Items, p)
		}},
		choice{"projected", src.Projected != nil, func(p *field.Path) { checkProjected(j, src.Projected, p) }},
		choice{"csi", src.CSI != nil, func(p *field.Path) { checkDriverName(j, src.CSI.Driver, p.Child("driver")) }},
		choice{"ephemeral", src.Ephemeral != nil, func(p *field.Path) {
			checkEphemeral(j, src.Ephemeral, p.Child("volumeClaimTemplate"))
		}},
		choice{"image", src.Image != nil, func(p *field.Path) { checkImageVolume(j, src.Image, p) }},
	)
}

func checkImageVolume(j *judge, src *corev1.ImageVolumeSource, path *field.Path) {
	j.filled(path.Child("reference"), src.Reference)
	oneOf(j, path.Child("pullPolicy"), src.PullPolicy, corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
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
		supported(j, path.Child("type"), *src.Type, corev1.HostPathUnset, corev1.HostPathBlockDev,
			corev1.HostPathCharDev, corev1.HostPathDirectory, corev1.HostPathDirectoryOrCreate,
			corev1.HostPathFile, corev1.HostPathFileOrCreate, corev1.HostPathSocket)
	}
}

func checkNFS(j *judge, src *corev1.NFSVolumeSource, at *field.Path) {
	j.filled(at.Child("server"), src.Server)
	j.filled(at.Child("path"), src.Path)
	if !path.IsAbs(src.Path) {
		j.invalid(at.Child("path"), src.Path, "must be an absolute path")
	}
}

// maxDriverNameBytes limits the names of storage drivers.
const maxDriverNameBytes = 63

func checkDriverName(j *judge, driver string, path *field.Path) {
	if !j.filled(path, driver) {
		return
	}
	if len(driver) > maxDriverNameBytes {
		j.tooLong(path, maxDriverNameBytes)
	}
	j.invalid(path, driver, validation.IsDNS1123Subdomain(strings.ToLower(driver))...)
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

func checkDownward(j *judge, src *corev1.DownwardAPIVolumeSource, path *field.Path) {
	checkMode(j, src.DefaultMode, path.Child("defaultMode"))
	for i := range src.Items {
		checkDownwardFile(j, &src.Items[i], path)
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
	files := projectedFiles{}
	for i, source := range src.Sources {
		at := path.Child("sources").Index(i)
		if source.ClusterTrustBundle != nil || source.PodCertificate != nil {
			j.unsupported(at.Child("clusterTrustBundle"), source.ClusterTrustBundle != nil)
			j.unsupported(at.Child("podCertificate"), source.PodCertificate != nil)
			continue
		}
		if source == (corev1.VolumeProjection{}) {
			continue // it gives nothing, which does no harm
		}
		given := 0
		part := func(name string, there bool, check func(*field.Path)) {
			if there {
				given++
				check(at.Child(name))
			}
		}
		part("secret", source.Secret != nil, func(p *field.Path) {
			j.filled(p.Child("name"), source.Secret.Name)
			checkFiles(j, nil, source.Secret.Items, p)
			files.addKeys(j, source.Secret.Items, source.Secret.Name, path)
		})
		part("configMap", source.ConfigMap != nil, func(p *field.Path) {
			j.filled(p.Child("name"), source.ConfigMap.Name)
			checkFiles(j, nil, source.ConfigMap.Items, p)
			files.addKeys(j, source.ConfigMap.Items, source.ConfigMap.Name, path)
		})
		part("downwardAPI", source.DownwardAPI != nil, func(p *field.Path) {
			for k := range source.DownwardAPI.Items {
				file := &source.DownwardAPI.Items[k]
				checkDownwardFile(j, file, p)
				files.add(j, file.Path, file.Path, path)
			}
		})
		part("serviceAccountToken", source.ServiceAccountToken != nil, func(p *field.Path) {
			checkTokenProjection(j, source.ServiceAccountToken, p, path)
			files.add(j, source.ServiceAccountToken.Path, source.ServiceAccountToken.Path, path)
		})
		if given > 1 {
			j.forbidden(at, "may not specify more than 1 volume type per source")
		}
	}
}

// projectedFiles are the paths that are taken.
type projectedFiles map[string]bool

// add takes the path for what is called source.
func (files projectedFiles) add(j *judge, file, source string, path *field.Path) {
	if file != "" && files[file] {
		j.invalid(path, source, "conflicting duplicate paths")
	}
	files[file] = true
}

func (files projectedFiles) addKeys(j *judge, items []corev1.KeyToPath, source string, path *field.Path) {
	for _, item := range items {
		files.add(j, item.Path, source, path)
	}
}

// checkTokenProjection judges a token; its path is said to be the whole volume's, as
// in Kubernetes.
func checkTokenProjection(j *judge, t *corev1.ServiceAccountTokenProjection, path, volume *field.Path) {
	switch seconds := t.ExpirationSeconds; {
	case seconds == nil:
		j.required(path.Child("expirationSeconds"), "")
	case *seconds < 600:
		j.invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration less than 10 minutes")
	case *seconds > 1<<32:
		j.invalid(path.Child("expirationSeconds"), *seconds, "may not specify a duration larger than 2^32 seconds")
	}
	if j.filled(volume.Child("path"), t.Path) {
		checkFilePath(j, t.Path, volume.Child("path"))
	}
}
