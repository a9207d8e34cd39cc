package apiserver

import (
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1beta1 "k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// shape turns an object into what the client wants to see of it. Statuses and
// other answers that are no object of the kind stay as they are.
func (q *request) shape(obj runtime.Object) (runtime.Object, error) {
	object, ok := obj.(api.Object)
	switch {
	case !ok || q.format.shape == asIs:
		return obj, nil
	case q.format.shape == asPartial:
		return q.partial(object), nil
	case q.format.shape == asPartialList:
		return nil, notThatShape("you requested PartialObjectMetadataList, but the requested object is not a list (%T)", obj)
	default:
		listed := metav1.ListMeta{ResourceVersion: object.GetResourceVersion()}
		return q.table([]api.Object{object}, listed, true)
	}
}

// shapeList turns the objects of a list into what the client wants to see.
func (q *request) shapeList(objects []api.Object, listed listMeta) (runtime.Object, error) {
	switch q.format.shape {
	case asTable:
		return q.table(objects, listed.metadata(), true)
	case asPartial:
		return nil, notThatShape("you requested PartialObjectMetadata, but the requested object is a list (%T)", q.resource.NewList())
	case asPartialList:
		list := &metav1.PartialObjectMetadataList{TypeMeta: q.shapeType(), ListMeta: listed.metadata()}
		list.Items = make([]metav1.PartialObjectMetadata, 0, len(objects))
		for _, obj := range objects {
			list.Items = append(list.Items, *q.partial(obj))
		}
		return list, nil
	default:
		return typedList(q.resource, objects, listed)
	}
}

// notThatShape refuses a shape that does not fit what was asked for.
func notThatShape(format string, obj runtime.Object) error {
	return statusError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, format, obj)
}

// partial is an object's metadata alone.
func (q *request) partial(obj api.Object) *metav1.PartialObjectMetadata {
	partial := api.PartialMetadata(obj)
	partial.APIVersion = q.shapeType().APIVersion
	return partial
}

// shapeType names the shape and the version of it that the client wants.
func (q *request) shapeType() metav1.TypeMeta {
	version := metav1.SchemeGroupVersion
	if q.format.beta {
		version = metav1beta1.SchemeGroupVersion
	}
	return metav1.TypeMeta{Kind: string(q.format.shape), APIVersion: version.String()}
}

// shapeEvent is shape for the objects of a watch. Only the first table of a
// stream names its columns, and a bookmark has no row to fill, only an object
// that carries its revision.
func (q *request) shapeEvent(obj api.Object, eventType watch.EventType, first bool) (runtime.Object, error) {
	switch q.format.shape {
	case asTable:
		table, err := q.table([]api.Object{obj}, metav1.ListMeta{ResourceVersion: obj.GetResourceVersion()}, first)
		if err == nil && eventType == watch.Bookmark {
			table.Rows[0].Cells = []any{}
		}
		return table, err
	default:
		return q.shape(obj)
	}
}

// table makes the rows that kubectl prints.
func (q *request) table(objects []api.Object, listed metav1.ListMeta, header bool) (*metav1.Table, error) {
	if q.info.Subresource != "" && q.info.Subresource != "status" {
		return nil, statusError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, "%s has no table", q.target())
	}
	policy := metav1.IncludeObjectPolicy(q.URL.Query().Get("includeObject"))
	switch policy {
	case "", metav1.IncludeNone, metav1.IncludeMetadata, metav1.IncludeObject:
	default:
		return nil, apierrors.NewBadRequest("Unable to convert to Table as requested: " +
			field.Invalid(field.NewPath("includeObject"), policy, "must be 'Metadata', 'Object', 'None', or empty").Error())
	}
	table := &metav1.Table{TypeMeta: q.shapeType(), ListMeta: listed, Rows: make([]metav1.TableRow, 0, len(objects))}
	if header {
		table.ColumnDefinitions = q.resource.TableHeader()
	}
	for _, obj := range objects {
		row := q.resource.TableRow(obj)
		if err := q.embed(&row, obj, policy); err != nil {
			return nil, err
		}
		table.Rows = append(table.Rows, row)
	}
	return table, nil
}

// embed puts the object, which must name its kind, into its row.
func (q *request) embed(row *metav1.TableRow, obj api.Object, policy metav1.IncludeObjectPolicy) error {
	if policy == metav1.IncludeObject {
		obj = shallowCopy(obj)
		obj.GetObjectKind().SetGroupVersionKind(q.resource.GroupVersionKind)
	}
	api.EmbedRow(row, obj, policy)
	if partial, ok := row.Object.Object.(*metav1.PartialObjectMetadata); ok {
		partial.APIVersion = q.shapeType().APIVersion
	}
	return nil
}
