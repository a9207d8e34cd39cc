package api

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
)

// NameColumn is the column that starts most tables.
func NameColumn() Column {
	return Column{
		Name: "Name", Type: "string", Format: "name",
		Description: metav1.ObjectMeta{}.SwaggerDoc()["name"],
		Value:       func(obj Object) any { return obj.GetName() },
	}
}

// AgeColumn shows how long ago the object was created.
func AgeColumn() Column {
	return Column{
		Name: "Age", Type: "string",
		Description: metav1.ObjectMeta{}.SwaggerDoc()["creationTimestamp"],
		Value:       func(obj Object) any { return Age(obj.GetCreationTimestamp()) },
	}
}

// Age returns how long ago t was, as people read it: "5m", "3d2h"; "<unknown>"
// for the zero time.
func Age(t metav1.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(t.Time))
}

// TableColumns returns all columns of the kind's table: r.Columns or, where
// the kind has none, its name and age.
func (r *Resource) TableColumns() []Column {
	if r.Columns != nil {
		return r.Columns
	}
	return []Column{NameColumn(), AgeColumn()}
}

// TableHeader returns the definitions of the columns, as a Table shows them.
func (r *Resource) TableHeader() []metav1.TableColumnDefinition {
	columns := r.TableColumns()
	header := make([]metav1.TableColumnDefinition, 0, len(columns))
	for _, c := range columns {
		header = append(header, metav1.TableColumnDefinition{
			Name: c.Name, Type: c.Type, Format: c.Format,
			Description: c.Description, Priority: c.Priority,
		})
	}
	return header
}

// TableRow returns the row of one object. What the row says of the object
// besides its cells, nothing or metadata or everything, is the caller's choice:
// see metav1.IncludeObjectPolicy.
func (r *Resource) TableRow(obj Object) metav1.TableRow {
	columns := r.TableColumns()
	row := metav1.TableRow{Cells: make([]any, 0, len(columns))}
	for _, c := range columns {
		row.Cells = append(row.Cells, c.Value(obj))
	}
	if r.RowConditions != nil {
		row.Conditions = r.RowConditions(obj)
	}
	return row
}

// EmbedRow puts what a table's client asked to have of an object into its row.
// The object is shared with the row, not copied.
func EmbedRow(row *metav1.TableRow, obj Object, policy metav1.IncludeObjectPolicy) {
	switch policy {
	case metav1.IncludeNone:
	case metav1.IncludeObject:
		row.Object = runtime.RawExtension{Object: obj}
	default:
		row.Object = runtime.RawExtension{Object: PartialMetadata(obj)}
	}
}

// PartialMetadata returns the metadata of an object as an object of its own,
// PartialObjectMetadata, which clients ask for that care for nothing else. It
// shares obj's maps and slices.
func PartialMetadata(obj Object) *metav1.PartialObjectMetadata {
	partial := &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
	}
	partial.ObjectMeta = metav1.ObjectMeta{
		Name: obj.GetName(), GenerateName: obj.GetGenerateName(), Namespace: obj.GetNamespace(),
		//lint:ignore SA1019 an old object may still have one
		SelfLink:        obj.GetSelfLink(),
		UID:             obj.GetUID(),
		ResourceVersion: obj.GetResourceVersion(), Generation: obj.GetGeneration(),
		CreationTimestamp:          obj.GetCreationTimestamp(),
		DeletionTimestamp:          obj.GetDeletionTimestamp(),
		DeletionGracePeriodSeconds: obj.GetDeletionGracePeriodSeconds(),
		Labels:                     obj.GetLabels(), Annotations: obj.GetAnnotations(),
		OwnerReferences: obj.GetOwnerReferences(), Finalizers: obj.GetFinalizers(),
		ManagedFields: obj.GetManagedFields(),
	}
	return partial
}
