package kinds

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
)

// What tables show where there is nothing to show.
const (
	none    = "<none>"
	unset   = "<unset>"
	unknown = "<unknown>"
)

// table makes the columns of a kind: the name, then the others.
func table(columns ...api.Column) []api.Column {
	return append([]api.Column{api.NameColumn()}, columns...)
}

// docs is what the API's documentation says of a field, which tables say of the
// column that shows it.
func docs(of interface{ SwaggerDoc() map[string]string }, field string) string {
	return of.SwaggerDoc()[field]
}

// text, integer and boolean make a column of one type.
func text[T api.Object](name, description string, value func(T) string) api.Column {
	return api.Column{Name: name, Type: "string", Description: description, Value: api.Cell(value)}
}

func integer[T api.Object](name, description string, value func(T) int64) api.Column {
	return api.Column{Name: name, Type: "integer", Description: description, Value: api.Cell(value)}
}

func boolean[T api.Object](name, description string, value func(T) bool) api.Column {
	return api.Column{Name: name, Type: "boolean", Description: description, Value: api.Cell(value)}
}

// wide makes a column one of those that only `kubectl get -o wide` shows.
func wide(c api.Column) api.Column {
	c.Priority = 1
	return c
}

// or returns s or, where it is empty, what stands for nothing.
func or(s, nothing string) string {
	if s == "" {
		return nothing
	}
	return s
}

// selectorText shows a label selector as kubectl does.
func selectorText(s *metav1.LabelSelector) string {
	return or(metav1.FormatLabelSelector(s), none)
}

// labelText shows a set of labels as a selector.
func labelText(set map[string]string) string { return or(labels.FormatLabels(set), none) }

// containersColumns are the wide columns of everything that has containers.
func containersColumns[T api.Object](template func(T) *corev1.PodSpec) []api.Column {
	return []api.Column{
		wide(text("Containers", "Names of each container in the template.", func(obj T) string {
			names, _ := containersText(template(obj))
			return names
		})),
		wide(text("Images", "Images referenced by each container in the template.", func(obj T) string {
			_, images := containersText(template(obj))
			return images
		})),
	}
}

func containersText(spec *corev1.PodSpec) (names, images string) {
	var n, i []string
	for _, c := range spec.Containers {
		n, i = append(n, c.Name), append(i, c.Image)
	}
	return strings.Join(n, ","), strings.Join(i, ",")
}

// accessModesText shows access modes in their short form, each once.
func accessModesText(modes []corev1.PersistentVolumeAccessMode) string {
	short := []struct {
		mode corev1.PersistentVolumeAccessMode
		text string
	}{
		{corev1.ReadWriteOnce, "RWO"}, {corev1.ReadOnlyMany, "ROX"},
		{corev1.ReadWriteMany, "RWX"}, {corev1.ReadWriteOncePod, "RWOP"},
	}
	var shown []string
	for _, s := range short {
		if slices.Contains(modes, s.mode) {
			shown = append(shown, s.text)
		}
	}
	return strings.Join(shown, ",")
}

// count is [integer] for the numbers that Kubernetes declares as text.
func count[T api.Object](name, description string, value func(T) int64) api.Column {
	c := integer(name, description, value)
	c.Type = "string"
	return c
}

// columnsThrough makes columns of one form of a kind those of another.
func columnsThrough[From, To api.Object](columns []api.Column, convert func(From) To) []api.Column {
	made := make([]api.Column, 0, len(columns))
	for _, c := range columns {
		value := c.Value
		c.Value = api.Cell(func(obj From) any { return value(convert(obj)) })
		made = append(made, c)
	}
	return made
}
