package env

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Inputs are what a container's environment is made from.
type Inputs struct {
	// Pod has its status: addresses come from there.
	Pod       *corev1.Pod
	Container *corev1.Container
	// Services are those of the pod's namespace and of default.
	Services []*corev1.Service
	// ConfigMap and Secret look up an object of the pod's namespace. For one
	// that is absent they return an error of which apierrors.IsNotFound is true.
	ConfigMap func(name string) (*corev1.ConfigMap, error)
	Secret    func(name string) (*corev1.Secret, error)
	// Allocatable is what the node has for pods: the limit of what has none.
	Allocatable corev1.ResourceList
}

// A Var is one environment variable.
type Var struct{ Name, Value string }

// Container returns the environment of a container, each name once, sorted. An
// object or key that is absent and not optional is an error.
func Container(in Inputs) ([]Var, error) {
	services := ServiceVars(in.Services, in.Pod.Namespace, in.Pod.Spec.EnableServiceLinks)
	set := map[string]string{}
	if err := fromSources(in, set); err != nil {
		return nil, err
	}
	lookup := func(name string) (string, bool) {
		if value, ok := set[name]; ok {
			return value, true
		}
		value, ok := services[name]
		return value, ok
	}
	for _, v := range in.Container.Env {
		value, ok := Expand(v.Value, lookup), true
		if v.ValueFrom != nil {
			var err error
			if value, ok, err = fromSource(in, v.ValueFrom); err != nil {
				return nil, fmt.Errorf("environment variable %s: %w", v.Name, err)
			}
		}
		if ok {
			set[v.Name] = value
		}
	}
	all := services
	maps.Copy(all, set)
	vars := make([]Var, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		vars = append(vars, Var{name, all[name]})
	}
	return vars, nil
}

// fromSources adds all keys of the objects in envFrom.
func fromSources(in Inputs, set map[string]string) error {
	for _, from := range in.Container.EnvFrom {
		switch {
		case from.ConfigMapRef != nil:
			object, err := in.ConfigMap(from.ConfigMapRef.Name)
			if err != nil {
				if isOptional(from.ConfigMapRef.Optional) && apierrors.IsNotFound(err) {
					continue
				}
				return err
			}
			for key, value := range object.Data {
				addKey(set, from.Prefix+key, value)
			}
		case from.SecretRef != nil:
			object, err := in.Secret(from.SecretRef.Name)
			if err != nil {
				if isOptional(from.SecretRef.Optional) && apierrors.IsNotFound(err) {
					continue
				}
				return err
			}
			for key, value := range object.Data {
				addKey(set, from.Prefix+key, string(value))
			}
		}
	}
	return nil
}

// addKey adds a variable unless no process could be given it under that name.
func addKey(set map[string]string, name, value string) {
	if name != "" && !strings.ContainsAny(name, "=\x00") {
		set[name] = value
	}
}

func isOptional(optional *bool) bool { return optional != nil && *optional }

// fromSource returns the value that a reference stands for. It is false where
// the reference is optional and leads nowhere.
func fromSource(in Inputs, from *corev1.EnvVarSource) (string, bool, error) {
	switch {
	case from.FieldRef != nil:
		value, err := Field(in.Pod, from.FieldRef.FieldPath)
		return value, err == nil, err
	case from.ResourceFieldRef != nil:
		value, err := Resource(in.Pod, in.Container, from.ResourceFieldRef, in.Allocatable)
		return value, err == nil, err
	case from.ConfigMapKeyRef != nil:
		return fromConfigMap(in, from.ConfigMapKeyRef)
	case from.SecretKeyRef != nil:
		return fromSecret(in, from.SecretKeyRef)
	}
	return "", false, errors.New("its source is of a kind that this kubelet does not support")
}

func fromConfigMap(in Inputs, ref *corev1.ConfigMapKeySelector) (string, bool, error) {
	optional := isOptional(ref.Optional)
	object, err := in.ConfigMap(ref.Name)
	if err != nil {
		if optional && apierrors.IsNotFound(err) {
			return "", false, nil
		}
		return "", false, err
	}
	value, ok := object.Data[ref.Key]
	if !ok && !optional {
		return "", false, fmt.Errorf("couldn't find key %s in ConfigMap %s/%s", ref.Key, in.Pod.Namespace, ref.Name)
	}
	return value, ok, nil
}

func fromSecret(in Inputs, ref *corev1.SecretKeySelector) (string, bool, error) {
	optional := isOptional(ref.Optional)
	object, err := in.Secret(ref.Name)
	if err != nil {
		if optional && apierrors.IsNotFound(err) {
			return "", false, nil
		}
		return "", false, err
	}
	value, ok := object.Data[ref.Key]
	if !ok && !optional {
		return "", false, fmt.Errorf("couldn't find key %s in Secret %s/%s", ref.Key, in.Pod.Namespace, ref.Name)
	}
	return string(value), ok, nil
}
