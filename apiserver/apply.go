package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// apply is server-side apply: the client sends the fields it cares for, and the
// server makes them so, unless somebody else cares for them, too. An object
// that is not there is created. How fields are merged and owned is told in
// package apply.
func (q *request) apply(v *view, data []byte) error {
	config, err := q.readConfig(v, data)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		obj, err := q.applyToExisting(v, config)
		if err == nil {
			return q.answerStored(http.StatusOK, v, obj)
		}
		if errors.Is(err, store.ErrNotFound) && v.name == "" && mainView(q.resource).serves("create") {
			if obj, err = q.createByApply(config); err == nil {
				return q.answerStored(http.StatusCreated, v, obj)
			}
		}
		if !errors.Is(err, store.ErrExists) || attempt == patchAttempts { // else somebody has created it meanwhile
			return storeError(q.resource, q.info.Name, err)
		}
	}
}

// applyToExisting merges the configuration into the object that there is.
func (q *request) applyToExisting(v *view, config *unstructured.Unstructured) (api.Object, error) {
	attempts := 0
	return q.change(v, func(old api.Object) (api.Object, error) {
		if attempts++; attempts > patchAttempts {
			return nil, conflictError(q.resource, q.info.Name)
		}
		merged, err := q.merge(v, old, config)
		if err != nil {
			return nil, err
		}
		return v.show(merged), nil
	})
}

// createByApply creates the object that an apply did not find. The client
// needs the right to create, too.
func (q *request) createByApply(config *unstructured.Unstructured) (api.Object, error) {
	if uid := config.GetUID(); uid != "" {
		return nil, apierrors.NewConflict(q.resource.GroupResource(), q.info.Name, fmt.Errorf(
			"uid mismatch: the provided object specified uid %s, and no existing object was found", uid))
	}
	if config.GetResourceVersion() != "" {
		return nil, conflictError(q.resource, q.info.Name)
	}
	merged, err := q.merge(mainView(q.resource), nil, config)
	if err != nil {
		return nil, err
	}
	if err := checkName(merged, q.info.Name); err != nil {
		return nil, err
	}
	return q.createByUpdate(merged)
}

// merge returns what becomes of an object, and remembers who manages it then.
func (q *request) merge(v *view, old api.Object, config *unstructured.Unstructured) (api.Object, error) {
	tracker, err := q.server.storage.fields.get(q.resource)
	if err != nil {
		return nil, err
	}
	merged, err := tracker.Apply(old, config.DeepCopy(), v.name, q.options.fieldManager, q.options.force)
	if err != nil && asStatus(err) == nil {
		return nil, statusError(http.StatusInternalServerError, metav1.StatusReasonUnknown, "%v", err)
	}
	if err != nil {
		return nil, err
	}
	q.applied = merged.GetManagedFields()
	if q.applied == nil {
		q.applied = []metav1.ManagedFieldsEntry{}
	}
	return merged, nil
}

// readConfig reads what the client wants to be so, in YAML or JSON.
func (q *request) readConfig(v *view, data []byte) (*unstructured.Unstructured, error) {
	config := &unstructured.Unstructured{}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error encoding patch: %v", err))
	}
	if err = utiljson.Unmarshal(asJSON, &config.Object); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding patch: %v", err))
	}
	if config.Object == nil {
		config.Object = map[string]any{}
	}
	if err := q.judgeDuplicates(data); err != nil {
		return nil, err
	}
	if v.name == "scale" {
		if config, err = q.scaleConfig(v, asJSON); err != nil {
			return nil, err
		}
	}
	if config.GetName() != "" { // else it means the object of the URL
		if err := checkName(config, q.info.Name); err != nil {
			return nil, err
		}
	}
	return config, checkNamespace(q.resource, config, q.info.Namespace)
}

// judgeDuplicates refuses a field that is there twice, or warns of it. Unknown
// fields need no such judgement: whoever wants to own one is refused.
func (q *request) judgeDuplicates(data []byte) error {
	if q.options.fieldValidation == metav1.FieldValidationIgnore {
		return nil
	}
	_, err := yaml.YAMLToJSONStrict(data)
	switch {
	case err == nil:
	case q.options.fieldValidation == metav1.FieldValidationStrict:
		return apierrors.NewBadRequest(fmt.Sprintf("error strict decoding patch: %v", err))
	default:
		for _, line := range strings.Split(err.Error(), "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "line ") {
				q.warn(line)
			}
		}
	}
	return nil
}

// scaleConfig is what an applied Scale means for the object it scales: the
// number of replicas, if it says one.
func (q *request) scaleConfig(v *view, asJSON []byte) (*unstructured.Unstructured, error) {
	scale := v.empty().(*autoscalingv1.Scale)
	if err := q.decodeData(asJSON, api.JSON, v.kind, scale); err != nil {
		return nil, err
	}
	wanted := &unstructured.Unstructured{Object: map[string]any{}}
	if err := utiljson.Unmarshal(asJSON, &wanted.Object); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	config := &unstructured.Unstructured{Object: map[string]any{}}
	if _, said, _ := unstructured.NestedFieldNoCopy(wanted.Object, "spec", "replicas"); said {
		if err := q.setReplicas(config, scale.Spec.Replicas); err != nil {
			return nil, err
		}
	}
	config.SetGroupVersionKind(q.resource.GroupVersionKind)
	config.SetName(scale.Name)
	config.SetNamespace(scale.Namespace)
	config.SetUID(scale.UID)
	config.SetResourceVersion(scale.ResourceVersion)
	return config, nil
}

// setReplicas writes the number where the kind has it. All built-in kinds have
// it at the same place.
func (q *request) setReplicas(config *unstructured.Unstructured, replicas int32) error {
	if isCustom(q.resource) {
		q.resource.Scale.Set(config, replicas)
		return nil
	}
	return unstructured.SetNestedField(config.Object, int64(replicas), "spec", "replicas")
}
