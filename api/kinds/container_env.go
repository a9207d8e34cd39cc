package kinds

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func checkEnv(j *judge, env []corev1.EnvVar, path *field.Path) {
	for i, v := range env {
		path := path.Index(i)
		if j.filled(path.Child("name"), v.Name) {
			j.invalid(path.Child("name"), v.Name, validation.IsRelaxedEnvVarName(v.Name)...)
		}
		if v.ValueFrom != nil {
			checkEnvSource(j, v, path.Child("valueFrom"))
		}
	}
}

func checkEnvSource(j *judge, v corev1.EnvVar, path *field.Path) {
	from, sources := v.ValueFrom, 0
	if from.FieldRef != nil {
		sources++
		checkFieldRef(j, from.FieldRef, envFields(), path.Child("fieldRef"))
	}
	if from.ResourceFieldRef != nil {
		sources++
		checkResourceRef(j, from.ResourceFieldRef, path.Child("resourceFieldRef"))
	}
	if ref := from.ConfigMapKeyRef; ref != nil {
		sources++
		checkKeyRef(j, ref.Name, ref.Key, path.Child("configMapKeyRef"))
	}
	if ref := from.SecretKeyRef; ref != nil {
		sources++
		checkKeyRef(j, ref.Name, ref.Key, path.Child("secretKeyRef"))
	}
	j.unsupported(path.Child("fileKeyRef"), from.FileKeyRef != nil)
	switch {
	case sources == 0 && from.FileKeyRef == nil:
		j.invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")
	case v.Value != "":
		j.invalid(path, "", "may not be specified when `value` is not empty")
	case sources > 1:
		j.invalid(path, "", "may not have more than one field specified at a time")
	}
}

// checkKeyRef judges the reference to a key of a ConfigMap or Secret. The name
// may be empty, which refers to nothing that can exist, for the sake of old
// objects.
func checkKeyRef(j *judge, name, key string, path *field.Path) {
	if name != "" {
		j.subdomain(path.Child("name"), name)
	}
	if j.filled(path.Child("key"), key) {
		j.invalid(path.Child("key"), key, validation.IsConfigMapKey(key)...)
	}
}

func checkEnvFrom(j *judge, sources []corev1.EnvFromSource, all *field.Path) {
	for i, source := range sources {
		path := all.Index(i)
		if source.Prefix != "" {
			j.invalid(path.Child("prefix"), source.Prefix, validation.IsRelaxedEnvVarName(source.Prefix)...)
		}
		if source.ConfigMapRef != nil {
			j.objectName(path.Child("configMapRef", "name"), source.ConfigMapRef.Name)
		}
		if source.SecretRef != nil {
			j.objectName(path.Child("secretRef", "name"), source.SecretRef.Name)
		}
		switch {
		case source.ConfigMapRef == nil && source.SecretRef == nil:
			j.invalid(all, "", "must specify one of: `configMapRef` or `secretRef`")
		case source.ConfigMapRef != nil && source.SecretRef != nil:
			j.invalid(all, "", "may not have more than one field specified at a time")
		}
	}
}

// envFields and volumeFields are what a container can be told of its pod, by a
// variable and by a file.
func envFields() []string {
	return []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
		"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
	}
}

func volumeFields() []string {
	return []string{"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}
}

// checkFieldRef judges a reference to a field of the pod. One label or
// annotation is named in brackets: metadata.labels['app'].
func checkFieldRef(j *judge, ref *corev1.ObjectFieldSelector, known []string, path *field.Path) {
	if !j.filled(path.Child("apiVersion"), ref.APIVersion) || !j.filled(path.Child("fieldPath"), ref.FieldPath) {
		return
	}
	at := path.Child("fieldPath")
	if ref.APIVersion != "v1" {
		j.invalid(at, ref.FieldPath, fmt.Sprintf("error converting fieldPath: unsupported pod version: %s", ref.APIVersion))
		return
	}
	base, key, bracketed := strings.Cut(strings.TrimSuffix(ref.FieldPath, "']"), "['")
	bracketed = bracketed && strings.HasSuffix(ref.FieldPath, "']")
	switch {
	case bracketed && base == "metadata.annotations":
		j.qualified(path, strings.ToLower(key))
	case bracketed && base == "metadata.labels":
		j.qualified(path, key)
	case bracketed:
		j.invalid(at, ref.FieldPath, fmt.Sprintf("error converting fieldPath: field label does not support subscript: %s", ref.FieldPath))
	case slices.Contains(known, ref.FieldPath):
	case slices.Contains(slices.Concat(envFields(), volumeFields()), ref.FieldPath):
		supported(j, at, ref.FieldPath, known...)
	default:
		j.invalid(at, ref.FieldPath, fmt.Sprintf("error converting fieldPath: field label not supported: %s", ref.FieldPath))
	}
}

// checkResourceRef judges a reference to a request or limit of a container.
func checkResourceRef(j *judge, ref *corev1.ResourceFieldSelector, path *field.Path) {
	if !j.filled(path.Child("resource"), ref.Resource) {
		return
	}
	huge := strings.HasPrefix(ref.Resource, "limits.hugepages-") || strings.HasPrefix(ref.Resource, "requests.hugepages-")
	if !huge {
		supported(j, path.Child("resource"), ref.Resource,
			"limits.cpu", "limits.ephemeral-storage", "limits.memory",
			"requests.cpu", "requests.ephemeral-storage", "requests.memory")
	}
	if ref.Divisor.IsZero() {
		return
	}
	divisor, at := ref.Divisor.String(), path.Child("divisor")
	const sizes = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
	switch _, what, _ := strings.Cut(ref.Resource, "."); {
	case what == "cpu" && divisor != "1m" && divisor != "1":
		j.invalid(at, ref.Resource, "only divisor's values 1m and 1 are supported with the cpu resource")
	case what != "cpu" && !slices.Contains(strings.Split(sizes, ", "), divisor):
		names := map[string]string{"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
		j.invalid(at, ref.Resource, fmt.Sprintf("only divisor's values %s are supported with the %s resource",
			sizes, or(names[what], "hugepages")))
	}
}
