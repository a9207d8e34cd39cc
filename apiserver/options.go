package apiserver

import (
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// options are the query parameters of a write.
type options struct {
	dryRun          bool
	fieldValidation string
	fieldManager    string
	force           bool
}

// parseOptions reads and judges the parameters that create, update, patch and
// delete share.
func parseOptions(verb string, query url.Values) (options, error) {
	kind := map[string]string{
		"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions",
		"delete": "DeleteOptions", "deletecollection": "DeleteOptions",
	}[verb]
	if kind == "" {
		return options{}, nil
	}
	dryRun, mode := query["dryRun"], query.Get("fieldValidation")
	errs := validation.ValidateDryRun(field.NewPath("dryRun"), dryRun)
	errs = append(errs, validation.ValidateFieldValidation(field.NewPath("fieldValidation"), mode)...)
	errs = append(errs, validation.ValidateFieldManager(query.Get("fieldManager"), field.NewPath("fieldManager"))...)
	if len(errs) > 0 {
		return options{}, invalidOptions(kind, errs)
	}
	force, err := parseForce(query)
	return options{
		dryRun: len(dryRun) > 0, fieldValidation: mode,
		fieldManager: query.Get("fieldManager"), force: force,
	}, err
}

// parseForce reads whether an apply takes over the fields of others.
func parseForce(query url.Values) (bool, error) {
	text := query.Get("force")
	if text == "" {
		return false, nil
	}
	force, err := strconv.ParseBool(text)
	if err != nil {
		return false, apierrors.NewBadRequest("force: " + err.Error())
	}
	return force, nil
}

// checkPatch judges the parameters that have to do with the type of a patch.
func checkPatch(query url.Values, o options, kind types.PatchType) error {
	given := &metav1.PatchOptions{FieldManager: o.fieldManager, FieldValidation: o.fieldValidation}
	if query.Has("force") {
		given.Force = &o.force
	}
	return invalidOptions("PatchOptions", validation.ValidatePatchOptions(given, kind))
}

func invalidOptions(kind string, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: kind}, "", errs)
}

// parseDeleteOptions adds to the options of a DELETE's body those of its query,
// which Kubernetes allows as well.
func parseDeleteOptions(query url.Values, options *metav1.DeleteOptions) error {
	if grace := query.Get("gracePeriodSeconds"); grace != "" && options.GracePeriodSeconds == nil {
		seconds, err := strconv.ParseInt(grace, 10, 64)
		if err != nil {
			return apierrors.NewBadRequest("gracePeriodSeconds: " + err.Error())
		}
		options.GracePeriodSeconds = &seconds
	}
	if policy := metav1.DeletionPropagation(query.Get("propagationPolicy")); policy != "" && options.PropagationPolicy == nil {
		options.PropagationPolicy = &policy
	}
	if dryRun := query["dryRun"]; len(dryRun) > 0 && len(options.DryRun) == 0 {
		options.DryRun = dryRun
	}
	adoptOrphanOption(query, options)
	return invalidOptions("DeleteOptions", validation.ValidateDeleteOptions(options))
}

// adoptOrphanOption says in the words of today what old clients mean by
// orphanDependents. To say it in both is an error that validation finds.
func adoptOrphanOption(query url.Values, options *metav1.DeleteOptions) {
	//lint:ignore SA1019 old clients send it
	orphan := &options.OrphanDependents
	if text := query.Get("orphanDependents"); text != "" && *orphan == nil {
		wanted := isTrue(text)
		*orphan = &wanted
	}
	if *orphan == nil || options.PropagationPolicy != nil {
		return
	}
	policy := metav1.DeletePropagationBackground
	if **orphan {
		policy = metav1.DeletePropagationOrphan
	}
	options.PropagationPolicy, *orphan = &policy, nil
}

// A revisionMatch is how a read's resourceVersion is meant.
type revisionMatch int

const (
	latest       revisionMatch = iota // as new as the store is now
	anyRevision                       // whatever there is
	notOlderThan                      // at least the revision
	exactly                           // as it was at the revision
)

// parseRevision reads a resourceVersion, which is a whole number. The error is a
// *field.Error.
func parseRevision(name, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	revision, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, field.Invalid(field.NewPath(name), text, err.Error())
	}
	return int64(revision), nil
}

// parseNumber reads a whole number of a query; what is not there is 0.
func parseNumber(query url.Values, name string) (int64, error) {
	text := query.Get(name)
	if text == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, apierrors.NewBadRequest(err.Error())
	}
	return number, nil
}
