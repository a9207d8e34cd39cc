package bootstrap

import (
	"context"
	"errors"
	"slices"
	"strconv"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// flowControl keeps the objects that say who is served first. The mandatory ones
// (kinds.MandatoryFlowSchemas) are always as they should be. The suggested ones
// are a start, which people may change: from then on they are theirs, unless
// their annotation says that the server is to keep them up to date. Which of them
// is gone is made again; which the server made once and now knows nothing of goes.
func (b Bootstrap) flowControl(ctx context.Context) error {
	levels, schemas := suggestedLevels(), suggestedSchemas()
	objects := b.Flows
	if objects == nil {
		objects = b.Objects
	}
	var errs []error
	for _, level := range levels {
		errs = append(errs, keepLevel(ctx, objects, level, false))
	}
	for _, schema := range schemas {
		errs = append(errs, keepSchema(ctx, objects, schema, false))
	}
	for _, level := range kinds.MandatoryPriorityLevels() {
		errs = append(errs, keepLevel(ctx, objects, level, true))
	}
	for _, schema := range kinds.MandatoryFlowSchemas() {
		errs = append(errs, keepSchema(ctx, objects, schema, true))
	}
	return errors.Join(append(errs,
		forget(ctx, objects, slices.Concat(schemas, kinds.MandatoryFlowSchemas())),
		forget(ctx, objects, slices.Concat(levels, kinds.MandatoryPriorityLevels())))...)
}

func keepLevel(ctx context.Context, objects apiserver.Objects, want *flowcontrolv1.PriorityLevelConfiguration, mandatory bool) error {
	err := keepObject(ctx, objects, want, mandatory, func(have *flowcontrolv1.PriorityLevelConfiguration) bool {
		spec := want.Spec
		if want.Name == flowcontrolv1.PriorityLevelConfigurationNameExempt {
			spec.Exempt = have.Spec.Exempt // how much it lends is for people to say
		}
		if equality.Semantic.DeepEqual(spec, have.Spec) {
			return false
		}
		have.Spec = spec
		return true
	})
	return wrap("priority level "+want.Name, err)
}

func keepSchema(ctx context.Context, objects apiserver.Objects, want *flowcontrolv1.FlowSchema, mandatory bool) error {
	err := keepObject(ctx, objects, want, mandatory, func(have *flowcontrolv1.FlowSchema) bool {
		if equality.Semantic.DeepEqual(want.Spec, have.Spec) {
			return false
		}
		have.Spec = want.Spec
		return true
	})
	return wrap("flow schema "+want.Name, err)
}

// keepObject makes an object, or brings the stored one up to date: update makes
// its spec the wanted one and says whether it was another.
func keepObject[T api.Object](ctx context.Context, objects apiserver.Objects, want T, mandatory bool, update func(have T) bool) error {
	want.SetGeneration(1)
	have, err := typed.Get[T](ctx, objects, "", want.GetName())
	if err != nil || !bringUpToDate(api.Clone(have), mandatory, update) {
		return typed.Ensure(ctx, objects, want, nil)
	}
	return typed.Ensure(ctx, objects, want, func(have T) error {
		bringUpToDate(have, mandatory, update)
		return nil
	})
}

// bringUpToDate changes obj in place and says whether there was anything to change.
func bringUpToDate[T api.Object](obj T, mandatory bool, update func(T) bool) bool {
	ours := mandatory || isOurs(obj)
	changed := ours && update(obj)
	if changed {
		obj.SetGeneration(obj.GetGeneration() + 1)
	}
	if said, err := strconv.ParseBool(obj.GetAnnotations()[flowcontrolv1.AutoUpdateAnnotationKey]); err != nil || said != ours {
		metav1.SetMetaDataAnnotation(objectMeta(obj), flowcontrolv1.AutoUpdateAnnotationKey, strconv.FormatBool(ours))
		changed = true
	}
	return changed
}

// isOurs says whether the server may still change an object that it has made:
// its annotation says so or, where that says nothing, nobody has changed it yet.
func isOurs(obj api.Object) bool {
	ours, err := strconv.ParseBool(obj.GetAnnotations()[flowcontrolv1.AutoUpdateAnnotationKey])
	if err != nil {
		return obj.GetGeneration() == 1
	}
	return ours
}

func objectMeta(obj api.Object) *metav1.ObjectMeta {
	return obj.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
}

// forget deletes what an earlier server made and this one knows nothing of.
func forget[T api.Object](ctx context.Context, objects apiserver.Objects, known []T) error {
	all, err := typed.List[T](ctx, objects, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, obj := range all {
		isKnown := slices.ContainsFunc(known, func(k T) bool { return k.GetName() == obj.GetName() })
		ours, err := strconv.ParseBool(obj.GetAnnotations()[flowcontrolv1.AutoUpdateAnnotationKey])
		if !isKnown && err == nil && ours {
			errs = append(errs, typed.Delete[T](ctx, objects, "", obj.GetName()))
		}
	}
	return errors.Join(errs...)
}
